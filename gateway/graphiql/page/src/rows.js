// An answer's lists as flat rows: nested objects become columns such as inbound.participant.friendlyName, and a nested
// list becomes a row for each of its elements, beside the cells of the row that it is in.

// The lists in `data`, each { path, rows, pageInfo }. A connection's list is its nodes, or the nodes of its edges.
export function listsIn(data, path = []) {
  if (!isObject(data)) return [];
  const rows = rowsOf(data);
  if (rows) return [{ path, rows, pageInfo: data.pageInfo, totalCount: data.totalCount }];
  return Object.entries(data).flatMap(([name, value]) =>
    isListOfObjects(value) ? [{ path: [...path, name], rows: value.filter(isObject) }] : listsIn(value, [...path, name]),
  );
}

// { columns, rows }: the names of all columns, and each row as an object with some of them.
export function flattened(rows) {
  const flat = rows.flatMap(flatten);
  const names = namesOf(flat);
  // An object that is null in some rows has its columns from the others.
  const columns = names.filter((name) => !names.some((other) => other.startsWith(`${name}.`)));
  return { columns, rows: flat };
}

// The names of all cells, each after the one that it follows in its row.
function namesOf(rows) {
  const names = [];
  for (const row of rows) {
    let place = 0;
    for (const name of Object.keys(row)) {
      const known = names.indexOf(name);
      if (known < 0) names.splice(place, 0, name);
      place = (known < 0 ? place : known) + 1;
    }
  }
  return names;
}

function flatten(row) {
  const cells = {};
  const lists = [];
  collect(row, '', cells, lists);
  const [expanded, ...others] = lists;
  for (const { name, rows } of others) cells[name] = JSON.stringify(rows);
  if (!expanded?.rows.length) return [cells];
  return expanded.rows.flatMap(flatten).map((inner) => ({ ...cells, ...prefixed(inner, expanded.name) }));
}

function collect(object, prefix, cells, lists) {
  for (const [key, value] of Object.entries(object)) {
    const name = prefix + key;
    const rows = isListOfObjects(value) ? value.filter(isObject) : rowsOf(value);
    if (rows) {
      lists.push({ name, rows });
      if (value.totalCount !== undefined) cells[`${name}.totalCount`] = value.totalCount;
    } else if (isObject(value)) collect(value, `${name}.`, cells, lists);
    else cells[name] = Array.isArray(value) ? value.join(', ') : value;
  }
}

function prefixed(cells, name) {
  return Object.fromEntries(Object.entries(cells).map(([key, value]) => [`${name}.${key}`, value]));
}

function rowsOf(value) {
  if (Array.isArray(value?.nodes)) return value.nodes.filter(isObject);
  if (Array.isArray(value?.edges)) return value.edges.map((edge) => edge?.node).filter(isObject);
  return null;
}

function isListOfObjects(value) {
  return Array.isArray(value) && value.some(isObject);
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
