// The libraries connect again by themselves after a restart of the server: their default settings take its ends for that.
// node retry.js CLIENT URL; it prints a line for each status that it gets, and ends after the second.

import { createClient as sse } from 'graphql-sse';
import { createClient as webSocket } from 'graphql-ws';
import WebSocket from 'ws';

const [name, url] = process.argv.slice(2);
// In Node, graphql-ws takes a refused connection for fatal unless it is told to try again.
const retry = { retryAttempts: 50, shouldRetry: () => true, retryWait: () => new Promise((resolve) => setTimeout(resolve, 50)) };
const client =
  name === 'graphql-sse'
    ? sse({ url, ...retry })
    : webSocket({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, ...retry });

let statuses = 0;
for await (const { data } of client.iterate({ query: 'subscription { syncStatus { running } }' })) {
  console.log(data.syncStatus.running);
  statuses += 1;
  if (statuses === 2) break;
}
process.exit(0);
