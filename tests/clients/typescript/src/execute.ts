// Runs a generated document over HTTP: the variables and the answer have the types of the schema.

import type { TypedDocumentString } from './gql/graphql.js';

interface Answer<Result> {
  data?: Result;
  errors?: { message: string }[];
}

export async function execute<Result, Variables>(
  url: string,
  document: TypedDocumentString<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { Accept: 'application/graphql-response+json', 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...named(document), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Result>;
  if (errors || !data) throw new Error(errors?.map(({ message }) => message).join('\n') ?? 'No data.');
  return data;
}

// By the hash that is in the manifest, or in full where codegen.json has no persistedDocuments.
function named<Result, Variables>(document: TypedDocumentString<Result, Variables>) {
  const hash: unknown = document.__meta__?.['hash'];
  return hash ? { documentId: hash } : { query: document.toString() };
}
