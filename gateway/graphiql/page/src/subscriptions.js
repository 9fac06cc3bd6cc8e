// Subscriptions over server-sent events. GraphiQL shows one answer, so the answer is the list of the events so far.

import { createClient } from 'graphql-sse';

const MOST_SHOWN = 100;
const RETRY_MILLISECONDS = 1000;

// What GraphiQL can subscribe to: { events: [] } once the server has accepted it, and { events: [the newest, …] } after
// each event, resumed by the cursor of the last one. Before each answer, and when the connection is lost, `onStatus` is
// called with { answer, received, isConnected }, of which `received` counts the events.
export function follow(request, headers, onStatus = () => {}) {
  return {
    subscribe(observer) {
      const client = createClient({ url: location.pathname, headers, retryAttempts: 0, fetchFn });
      let { variables } = request;
      let events = [];
      let received = 0;
      let timer;

      async function fetchFn(...given) {
        const response = await fetch(...given);
        if (response.ok) show();
        return response;
      }

      function show() {
        onStatus({ answer: { events }, received, isConnected: true });
        observer.next({ events });
      }

      function connect() {
        client.subscribe({ ...request, variables }, { next, error, complete: () => observer.complete() });
      }

      function next({ data, ...rest }) {
        if (!data) {
          observer.next(rest);
          return;
        }
        const { cursor } = Object.values(data)[0] ?? {};
        if (cursor) variables = { ...variables, after: cursor };
        events = [Object.keys(rest).length ? { data, ...rest } : data, ...events].slice(0, MOST_SHOWN);
        received += 1;
        show();
      }

      function error(failure) {
        const status = failure.response?.status ?? 0;
        if (status >= 400 && status < 500) {
          observer.error(failure);
          return;
        }
        onStatus({ answer: { events }, received, isConnected: false });
        timer = setTimeout(connect, RETRY_MILLISECONDS);
      }

      connect();
      return {
        unsubscribe() {
          clearTimeout(timer);
          client.dispose();
        },
      };
    },
  };
}
