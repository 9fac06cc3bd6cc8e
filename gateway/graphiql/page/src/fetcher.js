// Asking the server: the one place that knows its address, its headers, and what it tells of an answer.

import { bearerKey } from './bearer.js';

const listeners = new Set();
let status = null;

// { milliseconds, cost } of the last answer, for useSyncExternalStore.
export const answerStatus = {
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  latest: () => status,
};

// GraphiQL's fetcher: as ask(), but with the cost taken out of the answer and shown below it.
export async function send(request) {
  if (request.operationName === 'IntrospectionQuery') return ask(request);
  // For a moment after a change of tabs GraphiQL still gives the name of the other tab's operation.
  const operationName = request.query.includes(request.operationName) ? request.operationName : undefined;
  const begun = performance.now();
  const answer = await ask({ ...request, operationName }, { 'GraphQL-Cost': 'report' });
  const milliseconds = performance.now() - begun;
  const { cost, ...extensions } = answer.extensions ?? {};
  status = { milliseconds, cost };
  for (const listener of listeners) listener();
  if (!cost) return answer;
  const { extensions: _, ...rest } = answer;
  return Object.keys(extensions).length ? { ...rest, extensions } : rest;
}

export async function ask({ query, variables, operationName }, headers = {}) {
  const key = bearerKey();
  const response = await fetch(location.pathname, {
    method: 'POST',
    headers: {
      // With this type a mistake in a query is an answer like others, and no failed request in the browser's console.
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
