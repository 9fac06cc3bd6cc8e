// Follows the change feed until it has seen TOTAL changes, through disconnections of its own and a restart of the server.
// node run.js CLIENT URL AFTER TOTAL; it prints how many changes it has, and at the end how often it connected again.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLIENTS } from './clients.js';

// urql aborts the request of a subscription that ends, and handles that rejection nowhere.
process.on('unhandledRejection', (error) => {
  if (error?.name !== 'AbortError') throw error;
});

const [name, url, cursor, total] = process.argv.slice(2);
const EACH_TIME = 25;

const FOLLOW = `
  subscription Follow($after: String!) {
    changes(after: $after, types: [INTERACTION]) {
      cursor
      sid
      node {
        id
      }
    }
  }
`;

let after = cursor;
let reconnections = 0;
const got = [];

const client = CLIENTS[name](url);
while (got.length < total) {
  try {
    for await (const { data, errors } of client.iterate({ query: FOLLOW, variables: { after } })) {
      assert.equal(errors, undefined);
      assert.equal(data.changes.node.id, data.changes.sid);
      after = data.changes.cursor;
      got.push(data.changes.sid);
      console.log(got.length);
      if (got.length === Number(total) || got.length % EACH_TIME === 0) break;
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    await sleep(50); // The server restarts.
  }
  reconnections += 1;
}

const numbers = got.map((sid) => Number.parseInt(sid.slice(2), 16));
assert.deepEqual(
  numbers,
  numbers.map((_, index) => index + 1),
);
console.log(`connected ${reconnections} times`);
process.exit(0);
