// Relay's runtime over the server: two pages, then two deletions that the store follows by itself. The documents are
// persisted: relay-compiler lists them in documents.json, and a request names one.
//
//   relay-compiler
//   python -m gateway serve --documents documents.json --documents-mode enforce
//   node run.js URL SESSION

const assert = require('node:assert/strict');
const {
  Environment,
  Network,
  RecordSource,
  Store,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
  getSingularSelector,
} = require('relay-runtime');
const MessagesQuery = require('./__generated__/MessagesQuery.graphql');
const MessagesPaginationQuery = require('./__generated__/MessagesPaginationQuery.graphql');
const MessagesDeleteEdgeMutation = require('./__generated__/MessagesDeleteEdgeMutation.graphql');
const MessagesDeleteRecordMutation = require('./__generated__/MessagesDeleteRecordMutation.graphql');
const Messages_session = require('./__generated__/Messages_session.graphql');

const [url, session] = process.argv.slice(2);
let requests = 0;

const environment = new Environment({
  store: new Store(new RecordSource()),
  network: Network.create(async ({ id, text }, variables) => {
    requests += 1;
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      // Named by the hash that the compiler gave it, or in full where relay.config.json has no persistConfig.
      body: JSON.stringify(id ? { documentId: `sha256:${id}`, variables } : { query: text, variables }),
    });
    return response.json();
  }),
});

const operation = createOperationDescriptor(MessagesQuery, { session });
environment.retain(operation);

function shown() {
  const { data } = environment.lookup(operation.fragment);
  return environment.lookup(getSingularSelector(Messages_session, data.session)).data.interactions;
}

// An edge whose record is gone has no node any more.
function sids() {
  return shown().edges.filter((edge) => edge?.node).map((edge) => edge.node.id);
}

function commit(mutation, variables) {
  return new Promise((resolve, reject) => {
    commitMutation(environment, { mutation, variables, onCompleted: resolve, onError: reject });
  });
}

async function main() {
  await fetchQuery(environment, MessagesQuery, { session }).toPromise();
  assert.equal(sids().length, 5);

  const { endCursor, hasNextPage } = shown().pageInfo;
  assert.equal(hasNextPage, true);
  await fetchQuery(environment, MessagesPaginationQuery, { id: session, count: 5, cursor: endCursor }).toPromise();
  const [first, second, ...others] = sids();
  assert.equal(new Set([first, second, ...others]).size, 10);

  await commit(MessagesDeleteEdgeMutation, { sid: first, connections: [shown().__id] });
  assert.deepEqual(sids(), [second, ...others]);
  await commit(MessagesDeleteRecordMutation, { sid: second });
  assert.deepEqual(sids(), others);
  assert.equal(requests, 4);
}

main();
