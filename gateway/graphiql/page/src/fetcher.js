// Sends requests to the server: the only module that knows its address and its headers.

import { bearerKey } from './bearer.js';

const listeners = new Set();

// Calls `listener` with { answer, milliseconds, cost } after each response that GraphiQL shows. Returns how to stop that.
export function onAnswer(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// GraphiQL's fetcher: like post(), but it removes the cost from the response and shows it below. It returns an
// observable, so that GraphiQL can stop the request: without that, the answer appears in whichever tab is active then.
export function send(request) {
  if (request.operationName === 'IntrospectionQuery') return post(request);
  return {
    subscribe(observer) {
      const stop = new AbortController();
      answer(request, stop.signal).then(
        (shown) => {
          if (stop.signal.aborted) return;
          observer.next(shown);
          observer.complete();
        },
        (error) => stop.signal.aborted || observer.error(error),
      );
      return { unsubscribe: () => stop.abort() };
    },
  };
}

async function answer(request, signal) {
  // Just after a change of tabs, GraphiQL still passes the operation name of the other tab.
  const operationName = request.query.includes(request.operationName) ? request.operationName : undefined;
  const begun = performance.now();
  const { extensions: { cost, ...extensions } = {}, ...rest } = await post(
    { ...request, operationName },
    { headers: { 'GraphQL-Cost': 'report' }, signal },
  );
  const milliseconds = performance.now() - begun;
  const shown = Object.keys(extensions).length ? { ...rest, extensions } : rest;
  if (!signal.aborted) for (const listener of listeners) listener({ answer: shown, milliseconds, cost });
  return shown;
}

export async function post({ query, variables, operationName }, { headers = {}, signal } = {}) {
  const key = bearerKey();
  const response = await fetch(location.pathname, {
    method: 'POST',
    headers: {
      // With this media type, an invalid query gets status 200, so the browser's console shows no failed request.
      Accept: 'application/json',
      'Content-Type': 'application/json',
      ...(key && { Authorization: `Bearer ${key}` }),
      ...headers,
    },
    body: JSON.stringify({ query, variables, operationName: operationName ?? undefined }),
    signal,
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Expected JSON from the server, but got status ${response.status} and: ${text.slice(0, 200)}`);
  }
}
