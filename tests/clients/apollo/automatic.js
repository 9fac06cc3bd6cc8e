// Apollo Client with automatic persisted queries: a document is sent once, and named by its hash from then on, by every
// client of the server. They save bytes, and need no manifest.
// node automatic.js URL SESSION [GET]

import assert from 'node:assert/strict';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { MESSAGES } from './documents.js';

const [uri, session, method = 'POST'] = process.argv.slice(2);
const sent = [];

async function sha256(text) {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// With GET an answer can come from a cache on the way.
function client() {
  return new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries: method === 'GET' }),
      new HttpLink({ uri, fetch: noting }),
    ]),
  });
}

// Notes whether a request had its document; an application leaves it out.
function noting(url, options) {
  const query = options.body ? JSON.parse(options.body).query : new URL(url).searchParams.get('query');
  sent.push(`${options.method} ${query ? 'document' : 'hash'}`);
  return fetch(url, options);
}

for (const each of [client(), client()]) {
  const { data } = await each.query({ query: MESSAGES, variables: { session } });
  assert.equal(data.session.interactions.edges.length, 5);
}
assert.deepEqual(sent, [`${method} hash`, 'POST document', `${method} hash`]);
