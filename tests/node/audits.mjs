// Runs the server audits of graphql-http against the address given, and prints each one's id and outcome as JSON.
import { serverAudits } from "graphql-http";

const outcomes = {};
for (const audit of serverAudits({ url: process.argv[2] })) {
  const { status, reason } = await audit.fn();
  outcomes[audit.id] = status === "ok" ? "ok" : `${status}: ${reason}`;
}
console.log(JSON.stringify(outcomes));
