// Apollo Client over the server: two pages in one list, then a deletion that the cache follows without a refetch.
// node run.js URL SESSION

import assert from 'node:assert/strict';
import { ApolloClient, HttpLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { DELETE, MESSAGES } from './documents.js';

const [url, session] = process.argv.slice(2);
let requests = 0;

// Which types an interface stands for; an application writes this into a file when it is built.
async function possibleTypes() {
  const query = '{ __schema { types { kind name possibleTypes { name } } } }';
  const { data } = await (await post(JSON.stringify({ query }))).json();
  const interfaces = data.__schema.types.filter(({ kind }) => kind === 'INTERFACE');
  return Object.fromEntries(interfaces.map(({ name, possibleTypes }) => [name, possibleTypes.map((type) => type.name)]));
}

function post(body) {
  return fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
}

// A list of its own for each filter and order.
const interactions = relayStylePagination(['filter', 'orderBy']);
const types = await possibleTypes();
assert.deepEqual(types.Node.toSorted(), ['Interaction', 'Participant', 'Service', 'Session']);

const client = new ApolloClient({
  cache: new InMemoryCache({ possibleTypes: types, typePolicies: { Session: { fields: { interactions } } } }),
  link: new HttpLink({ uri: url, fetch: (...request) => ((requests += 1), fetch(...request)) }),
});

// What a component shows, which useQuery(MESSAGES) would follow.
function shown() {
  return client.readQuery({ query: MESSAGES, variables: { session } }).session.interactions;
}

const messages = client.watchQuery({ query: MESSAGES, variables: { session } });
await new Promise((resolve) => messages.subscribe(({ loading }) => loading || resolve()));
await messages.fetchMore({ variables: { after: shown().pageInfo.endCursor } });
const before = shown();
assert.equal(new Set(before.edges.map(({ node }) => node.id)).size, 10);

const [gone, ...others] = before.edges.map(({ node }) => node.id);
const asked = requests;
await client.mutate({
  mutation: DELETE,
  variables: { sid: gone },
  update(cache, { data: { deleteInteraction } }) {
    cache.evict({ id: cache.identify({ __typename: 'Interaction', id: deleteInteraction.deletedInteractionId }) });
    cache.gc();
  },
});
assert.deepEqual(
  shown().edges.map(({ node }) => node.id),
  others,
);
assert.equal(shown().totalCount, before.totalCount - 1);
assert.equal(requests, asked + 1);
client.stop();
