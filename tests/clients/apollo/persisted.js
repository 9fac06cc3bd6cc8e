// Apollo Client with persisted documents: a request names its document by the manifest that was generated from the
// source, and the server, which has the same manifest, runs no other.
//
//   generate-persisted-query-manifest
//   python -m gateway serve --documents persisted-query-manifest.json --documents-mode enforce
//   node persisted.js URL SESSION

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';
import { DELETE, MESSAGES } from './documents.js';

const [uri, session] = process.argv.slice(2);

// In a browser: () => import('./persisted-query-manifest.json').
const loadManifest = async () => JSON.parse(await readFile('persisted-query-manifest.json', 'utf8'));
const named = new PersistedQueryLink(generatePersistedQueryIdsFromManifest({ loadManifest }));

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([named, new HttpLink({ uri, fetch: withoutText })]),
});

// Shows that no document is on the wire; an application leaves it out.
function withoutText(url, options) {
  assert.equal(JSON.parse(options.body).query, undefined);
  return fetch(url, options);
}

const { data } = await client.query({ query: MESSAGES, variables: { session } });
const [{ node }] = data.session.interactions.edges;
const deleted = await client.mutate({ mutation: DELETE, variables: { sid: node.id } });
assert.equal(deleted.data.deleteInteraction.deletedInteractionId, node.id);

// What is in no manifest is refused, whoever sends it.
const other = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri }) });
await assert.rejects(other.query({ query: gql`{ services { totalCount } }` }), (error) => {
  assert.ok(CombinedGraphQLErrors.is(error));
  return error.errors[0].extensions.code === 'PERSISTED_QUERY_REQUIRED';
});
