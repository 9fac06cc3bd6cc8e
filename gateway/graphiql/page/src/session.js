// Reads a session by the query Timeline, page by page, and again whenever something is said or changes there.

import { followSession, post } from './fetcher.js';
import timeline from '../queries/Timeline.graphql?raw';

// Calls `show` with { session, problem, isLoading }, as soon as there is something to show and after each change.
// Returns { more, stop }: more() reads one more page.
export function readSession(sid, show) {
  const stopping = new AbortController();
  let pages = 1;
  let shown = { session: null };
  let isQueued = false;
  let reading = Promise.resolve();

  function put(state) {
    shown = state;
    if (!stopping.signal.aborted) show(state);
  }

  function read() {
    if (isQueued) return;
    isQueued = true;
    reading = reading.then(readPages);
  }

  // Reads all pages again, since a status may have changed in any; if the last page was shown, new pages too.
  async function readPages() {
    isQueued = false;
    const wasWhole = shown.session && !shown.session.pageInfo.hasNextPage;
    try {
      let session = null;
      for (let page = 1; !session || (session.pageInfo.hasNextPage && (page <= pages || wasWhole)); page += 1) {
        session = await withNextPage(sid, session, stopping.signal);
        pages = Math.max(pages, page);
      }
      put({ session });
    } catch (error) {
      put({ session: shown.session, problem: error.message });
    }
  }

  function more() {
    pages += 1;
    put({ ...shown, isLoading: true });
    read();
  }

  put({ session: null, isLoading: true });
  read();
  const unfollow = followSession(sid, read);
  return {
    more,
    stop() {
      unfollow();
      stopping.abort();
    },
  };
}

async function withNextPage(sid, before, signal) {
  const variables = { session: sid, after: before?.pageInfo.endCursor ?? null };
  const { data, errors } = await post({ query: timeline, variables }, { signal });
  if (errors) throw new Error(errors[0].message);
  if (!data.session) throw new Error('The archive has no session with this SID.');
  const { interactions, ...session } = data.session;
  const { nodes, pageInfo, totalCount } = interactions;
  return { ...session, interactions: [...(before?.interactions ?? []), ...nodes], pageInfo, totalCount };
}
