// Types from the schema, without a client library: graphql-codegen's client preset and fetch. The documents are
// persisted: graphql-codegen lists them in src/gql/persisted-documents.json, and a request names one.
//
//   graphql-codegen --config codegen.json && tsc
//   python -m gateway serve --documents src/gql/persisted-documents.json --documents-mode enforce
//   node built/main.js URL SESSION

import assert from 'node:assert/strict';
import { execute } from './execute.js';
import { graphql } from './gql/index.js';

const Conversation = graphql(`
  query Conversation($session: ID!, $first: Int) {
    session(sid: $session) {
      status
      interactions(first: $first) {
        nodes {
          sid
          dateCreated
          type
          body
          inbound {
            participant {
              friendlyName
            }
          }
        }
      }
    }
  }
`);

const Delete = graphql(`
  mutation Delete($input: DeleteInteractionInput!) {
    deleteInteraction(input: $input) {
      deletedInteractionId
      remainingResources {
        type
        sid
      }
    }
  }
`);

const [url = '', session = ''] = process.argv.slice(2);

const conversation = await execute(url, Conversation, { session, first: 3 });
const nodes = conversation.session?.interactions.nodes ?? [];
assert.equal(nodes.length, 3);
const created: string[] = nodes.map(({ dateCreated }) => dateCreated);
assert.deepEqual(created, created.toSorted());

const sid = nodes[0]?.sid ?? '';
const { deleteInteraction } = await execute(url, Delete, { input: { sid } });
assert.equal(deleteInteraction.deletedInteractionId, sid);
