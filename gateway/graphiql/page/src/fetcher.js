// Sends requests to the server: the only module that knows its address and its headers.

import { bearerKey } from './bearer.js';

const listeners = new Set();
let status = null;

// { milliseconds, cost } of the last response, for useSyncExternalStore.
export const answerStatus = {
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  latest: () => status,
};

// GraphiQL's fetcher: like post(), but it removes the cost from the response and shows it below.
export async function send(request) {
  if (request.operationName === 'IntrospectionQuery') return post(request);
  // Just after a change of tabs, GraphiQL still passes the operation name of the other tab.
  const operationName = request.query.includes(request.operationName) ? request.operationName : undefined;
  const begun = performance.now();
  const answer = await post({ ...request, operationName }, { 'GraphQL-Cost': 'report' });
  const milliseconds = performance.now() - begun;
  const { cost, ...extensions } = answer.extensions ?? {};
  status = { milliseconds, cost };
  for (const listener of listeners) listener();
  if (!cost) return answer;
  const { extensions: _, ...rest } = answer;
  return Object.keys(extensions).length ? { ...rest, extensions } : rest;
}

export async function post({ query, variables, operationName }, headers = {}) {
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
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`Expected JSON from the server, but got status ${response.status} and: ${text.slice(0, 200)}`);
  }
}
