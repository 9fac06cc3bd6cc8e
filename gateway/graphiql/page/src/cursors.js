// Finds, or puts into a query, the variable that takes a connection from page to page.

import { Kind, parse } from 'graphql';

// { query, variable } for the connection at `path` of the operation: the query's text, in which its argument "after" is
// this variable. Null where the query isn't read forwards, or isn't a query.
export function withCursor(text, operationName, path) {
  let document;
  try {
    document = parse(text);
  } catch {
    return null;
  }
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const operation = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  const field = operation?.operation === 'query' ? fieldAt(operation, path, fragmentsOf(document)) : null;
  const argument = (name) => field.arguments.find((each) => each.name.value === name);
  if (!field || argument('last') || argument('before')) return null;
  const after = argument('after');
  if (after?.value.kind === Kind.VARIABLE) return { query: text, variable: after.value.name.value };
  const variable = freeName(operation);
  const edits = [argumentEdit(field, after, variable), definitionEdit(operation, variable)];
  return { query: edited(text, edits), variable };
}

function fragmentsOf(document) {
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
}

function fieldAt(operation, path, fragments) {
  let found = operation;
  for (const key of path) found = found && fieldsOf(found.selectionSet, fragments).find((field) => keyOf(field) === key);
  return found;
}

function fieldsOf(selectionSet, fragments) {
  return (selectionSet?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
    return fieldsOf(fragment?.selectionSet, fragments);
  });
}

function keyOf({ alias, name }) {
  return (alias ?? name).value;
}

function freeName({ variableDefinitions }) {
  const taken = new Set(variableDefinitions.map(({ variable }) => variable.name.value));
  let name = 'after';
  for (let number = 2; taken.has(name); number += 1) name = `after${number}`;
  return name;
}

function argumentEdit(field, after, variable) {
  if (after) return { start: after.value.loc.start, end: after.value.loc.end, text: `$${variable}` };
  const last = field.arguments.at(-1);
  return last
    ? insertion(last.loc.end, `, after: $${variable}`)
    : insertion(field.name.loc.end, `(after: $${variable})`);
}

function definitionEdit(operation, variable) {
  const definition = `$${variable}: String`;
  const last = operation.variableDefinitions.at(-1);
  if (last) return insertion(last.loc.end, `, ${definition}`);
  if (operation.loc.start === operation.selectionSet.loc.start) return insertion(operation.loc.start, `query (${definition}) `);
  const end = operation.name?.loc.end ?? operation.loc.start + 'query'.length;
  return insertion(end, `(${definition})`);
}

function insertion(at, text) {
  return { start: at, end: at, text };
}

function edited(text, edits) {
  return edits
    .toSorted((one, other) => other.start - one.start)
    .reduce((result, { start, end, text: put }) => result.slice(0, start) + put + result.slice(end), text);
}
