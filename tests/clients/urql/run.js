// urql with Graphcache over the server: two pages in one list, then a deletion that the cache follows by itself.
// node run.js URL SESSION

import assert from 'node:assert/strict';
import { Client, fetchExchange, gql } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { relayPagination } from '@urql/exchange-graphcache/extras';
import { getIntrospectionQuery } from 'graphql';

const [url, session] = process.argv.slice(2);
let requests = 0;

const MESSAGES = gql`
  query Messages($session: ID!, $after: String) {
    session(sid: $session) {
      id
      interactions(first: 5, after: $after) {
        pageInfo {
          hasNextPage
          hasPreviousPage
          startCursor
          endCursor
        }
        edges {
          cursor
          node {
            id
            body
          }
        }
      }
    }
  }
`;

const DELETE = gql`
  mutation Delete($sid: ID!) {
    deleteInteraction(input: { sid: $sid }) {
      deletedInteractionId
      session {
        id
      }
      userErrors {
        code
        message
      }
    }
  }
`;

// With the schema Graphcache knows interfaces, and what may be null; an application keeps it in a file.
async function schema() {
  const { data } = await (
    await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: getIntrospectionQuery() }),
    })
  ).json();
  return data;
}

// Takes the edge of what was deleted out of every list of its session.
function forget({ deleteInteraction: { deletedInteractionId: id, session } }, _arguments, cache) {
  if (!id) return;
  const interaction = cache.keyOfEntity({ __typename: 'Interaction', id });
  const lists = cache.inspectFields(session).filter(({ fieldName }) => fieldName === 'interactions');
  for (const { fieldKey } of lists) {
    const list = cache.resolve(cache.keyOfEntity(session), fieldKey);
    const edges = cache.resolve(list, 'edges') ?? [];
    cache.link(
      list,
      'edges',
      edges.filter((edge) => cache.resolve(edge, 'node') !== interaction),
    );
  }
  cache.invalidate(interaction);
}

const client = new Client({
  url,
  preferGetMethod: false,
  fetch: (...request) => ((requests += 1), fetch(...request)),
  exchanges: [
    cacheExchange({
      schema: await schema(),
      resolvers: { Session: { interactions: relayPagination() } },
      updates: { Mutation: { deleteInteraction: forget } },
    }),
    fetchExchange,
  ],
});

async function shown(requestPolicy = 'cache-only', after = null) {
  const { data, error } = await client.query(MESSAGES, { session, after }, { requestPolicy });
  assert.equal(error, undefined);
  return data.session.interactions;
}

const first = await shown('network-only');
assert.equal(first.edges.length, 5);
await shown('network-only', first.pageInfo.endCursor);
const [gone, ...others] = (await shown()).edges.map(({ node }) => node.id);
assert.equal(new Set([gone, ...others]).size, 10);

const { data } = await client.mutation(DELETE, { sid: gone });
assert.equal(data.deleteInteraction.deletedInteractionId, gone);
assert.deepEqual(
  (await shown()).edges.map(({ node }) => node.id),
  others,
);
assert.equal(requests, 3);
