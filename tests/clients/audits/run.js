// The audits of GraphQL over HTTP, npm's graphql-http: prints the outcome of each as JSON.
// node run.js URL

import { serverAudits } from 'graphql-http';

const outcomes = {};
for (const audit of serverAudits({ url: process.argv[2] })) {
  const { status, reason } = await audit.fn();
  outcomes[audit.id] = status === 'ok' ? 'ok' : `${status}: ${reason}`;
}
console.log(JSON.stringify(outcomes));
