// One subscription, as each client library makes it. Each gives an object with iterate({ query, variables }).

import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, gql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, fetchExchange } from '@urql/core';
import { createClient as sse } from 'graphql-sse';
import { createClient as webSocket } from 'graphql-ws';
import Relay from 'relay-runtime';
import WebSocket from 'ws';

const { Network, Observable } = Relay;
globalThis.WebSocket ??= WebSocket; // Apollo looks for it, and Node has it since version 22.

// Resuming needs the last cursor, so the caller connects again, and not the library.
const fromSSE = (url, options = {}) => sse({ url, retryAttempts: 0, ...options });
const fromWebSocket = (url, options = {}) =>
  webSocket({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0, ...options });

const apollo = (url) => {
  const client = new ApolloClient({
    link: ApolloLink.from([new GraphQLWsLink(fromWebSocket(url))]),
    cache: new InMemoryCache(),
  });
  return {
    iterate: ({ query, variables }) =>
      iterable((observer) => client.subscribe({ query: gql(query), variables, fetchPolicy: 'no-cache' }).subscribe(observer)),
  };
};

// urql reads events by itself: its Accept header has text/event-stream.
const urql = (url) => {
  const client = new Client({ url, preferGetMethod: false, exchanges: [fetchExchange], fetchSubscriptions: true });
  return {
    iterate: ({ query, variables }) =>
      iterable(({ next, error, complete }) =>
        client.subscription(query, variables).subscribe(({ data, error: failed, hasNext }) => {
          if (failed) error(failed);
          else if (!hasNext) complete();
          else next({ data });
        }),
      ),
  };
};

const relay = (url) => {
  const client = fromSSE(url);
  const subscribe = ({ text }, variables) => Observable.create((sink) => client.subscribe({ query: text, variables }, sink));
  const network = Network.create(() => assert.fail('It only subscribes.'), subscribe);
  const named = (text) => ({ id: null, text, name: 'Follow', operationKind: 'subscription', metadata: {}, cacheID: 'follow' });
  return {
    iterate: ({ query, variables }) => iterable((observer) => network.execute(named(query), variables, {}).subscribe(observer)),
  };
};

export const CLIENTS = { 'graphql-sse': fromSSE, 'graphql-ws': fromWebSocket, apollo, urql, relay };

// The results of an observable, one after another. Leaving the loop ends the subscription.
async function* iterable(subscribe) {
  const results = [];
  let wake = () => {};
  let failure;
  let isOver = false;
  const subscription = subscribe({
    next: (result) => (results.push(result), wake()),
    error: (error) => ((failure = error), wake()),
    complete: () => ((isOver = true), wake()),
  });
  try {
    for (;;) {
      while (results.length) yield results.shift();
      if (failure) throw failure;
      if (isOver) return;
      await new Promise((resolve) => (wake = resolve));
    }
  } finally {
    subscription.unsubscribe();
  }
}
