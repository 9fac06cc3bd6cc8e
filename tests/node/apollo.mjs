// An unmodified Apollo Client with automatic persisted queries asks the same query twice, as two clients that share
// nothing but the server; prints the data that each got, and what each request had.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { createHash } from "node:crypto";

const [address, useGETForHashedQueries] = [process.argv[2], process.argv[3] === "GET"];
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const requests = [];

async function noting(url, options) {
  const parameters = options.method === "GET" ? new URL(url).searchParams : JSON.parse(options.body);
  const query = options.method === "GET" ? parameters.get("query") : parameters.query;
  const response = await fetch(url, options);
  requests.push({ method: options.method, hasQuery: Boolean(query), status: response.status });
  return response;
}

const answers = [];
for (let turn = 0; turn < 2; turn += 1) {
  const client = new ApolloClient({
    cache: new InMemoryCache(),
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries }),
      new HttpLink({ uri: address, fetch: noting }),
    ]),
  });
  const { data } = await client.query({
    query: gql`
      query Named($first: Int) {
        services(first: $first) {
          nodes {
            uniqueName
          }
        }
      }
    `,
    variables: { first: 1 },
  });
  answers.push(data.services.nodes.map((node) => node.uniqueName));
}
console.log(JSON.stringify({ answers, requests }));
