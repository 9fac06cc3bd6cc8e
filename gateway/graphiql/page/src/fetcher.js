// Sends requests to the server: the only module that knows its address and its headers.

import { getOperationAST, parse } from 'graphql';
import { bearerKey } from './bearer.js';
import { follow } from './subscriptions.js';

const SESSION_CHANGES = `subscription SessionChanges($session: ID!, $after: String) {
  interactions(filter: { sessionSid: $session }, after: $after) { cursor }
}`;

const listeners = new Set();

// Calls `listener` with { answer, milliseconds, cost } after each response that GraphiQL shows, and during a subscription
// with what follow() reports. Returns how to stop that.
export function onAnswer(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function report(status) {
  for (const listener of listeners) listener(status);
}

// GraphiQL's fetcher: it follows subscriptions. Otherwise it is like post(), but it removes the cost from the response
// and shows it below. It returns an observable, so that GraphiQL can stop the request: without that, the answer appears
// in whichever tab is active then.
export function send(given) {
  if (given.operationName === 'IntrospectionQuery') return post(given);
  // Just after a change of tabs, GraphiQL still passes the operation name of the other tab.
  const operationName = operationOf(given) ? given.operationName : undefined;
  const request = { ...given, operationName };
  if (operationOf(request)?.operation === 'subscription') return follow(request, authorization(), report);
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

// GraphiQL passes the parsed document too, but not just after a change of tabs.
function operationOf({ query, operationName }) {
  try {
    return getOperationAST(parse(query), operationName);
  } catch {
    return null; // The server explains the syntax error.
  }
}

async function answer(request, signal) {
  const begun = performance.now();
  const { extensions: { cost, ...extensions } = {}, ...rest } = await post(request, {
    headers: { 'GraphQL-Cost': 'report' },
    signal,
  });
  const milliseconds = performance.now() - begun;
  const shown = Object.keys(extensions).length ? { ...rest, extensions } : rest;
  if (!signal.aborted) report({ answer: shown, milliseconds, cost });
  return shown;
}

export async function post({ query, variables, operationName }, { headers = {}, signal } = {}) {
  const response = await fetch(location.pathname, {
    method: 'POST',
    headers: {
      // With this media type, an invalid query gets status 200, so the browser's console shows no failed request.
      Accept: 'application/json',
      'Content-Type': 'application/json',
      ...authorization(),
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

// Calls `changed` whenever something is said in this session, or changes there; returns how to stop that. Where the
// server lacks subscriptions, or refuses this one, it only doesn't call.
export function followSession(sid, changed) {
  const { unsubscribe } = follow({ query: SESSION_CHANGES, variables: { session: sid } }, authorization()).subscribe({
    next: ({ events }) => events?.length && changed(),
    error: () => {},
    complete: () => {},
  });
  return unsubscribe;
}

function authorization() {
  const key = bearerKey();
  return key ? { Authorization: `Bearer ${key}` } : {};
}
