// A pane with the rows of the answer beside it: sorted by any column, as CSV and as JSON, page by page.

import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useDeferredValue, useMemo, useState } from 'react';
import { copied } from './clipboard.js';
import { csvOf } from './csv.js';
import { withCursor } from './cursors.js';
import { flattened, listsIn } from './rows.js';
import './table.css';

const MOST_SHOWN = 1000;

export const tablePlugin = { title: 'Table', icon: TableIcon, content: Table };

function Table() {
  const response = useGraphiQL((state) => state.tabs[state.activeTabIndex].response);
  const lists = useMemo(() => listsOf(response), [response]);
  const [chosen, setChosen] = useState('');
  const list = lists.find(({ path }) => path.join('.') === chosen) ?? lists.find(({ rows }) => rows.length) ?? lists[0];

  return (
    <div className="table-pane">
      <h2 className="table-title">Table</h2>
      {lists.length > 1 && (
        <label>
          List{' '}
          <select value={list.path.join('.')} onChange={(event) => setChosen(event.target.value)}>
            {lists.map(({ path }) => (
              <option key={path.join('.')}>{path.join('.')}</option>
            ))}
          </select>
        </label>
      )}
      {list ? <List key={list.path.join('.')} list={list} /> : <p>Run a query whose answer has a list: its rows are shown here.</p>}
    </div>
  );
}

function listsOf(response) {
  try {
    const { data, events } = JSON.parse(response); // The answer to a subscription is the events so far.
    return listsIn(data ?? { events });
  } catch {
    return []; // Nothing was run yet, or the response is no JSON.
  }
}

function List({ list }) {
  const { columns, rows } = useMemo(() => flattened(list.rows), [list]);
  const [order, setOrder] = useState({ column: null, direction: 1 });
  const sorted = useMemo(() => sortedBy(rows, order), [rows, order]);
  const shown = useDeferredValue(sorted);

  return (
    <>
      <p className="table-count" role="status">
        {countOf(rows, list)}
      </p>
      <div className="table-actions">
        <NextPage list={list} />
        <Files columns={columns} rows={sorted} name={list.path.at(-1)} />
      </div>
      {rows.length > 0 && (
        <div className="table-rows" role="region" aria-label="Rows of the answer" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {columns.map((column) => (
                  <Header key={column} column={column} order={order} setOrder={setOrder} />
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.slice(0, MOST_SHOWN).map((row, index) => (
                <tr key={index}>
                  {columns.map((column) => (
                    <td key={column} className={typeof row[column]} title={textOf(row[column])}>
                      {textOf(row[column])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function countOf(rows, { rows: elements, totalCount }) {
  const count = `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`;
  const nested = rows.length === elements.length ? '' : `, of ${elements.length} with nested lists`;
  const total = totalCount === undefined ? '' : `; ${totalCount} in all`;
  const cut = rows.length > MOST_SHOWN ? `; the first ${MOST_SHOWN} are shown, and copies have them all` : '';
  return count + nested + total + cut;
}

function Header({ column, order, setOrder }) {
  const active = order.column === column;
  const ascending = active && order.direction === 1;
  return (
    <th scope="col" aria-sort={active ? (ascending ? 'ascending' : 'descending') : undefined}>
      <button type="button" onClick={() => setOrder({ column, direction: ascending ? -1 : 1 })}>
        {column}
        <span aria-hidden="true">{active ? (ascending ? ' ↑' : ' ↓') : ''}</span>
      </button>
    </th>
  );
}

// Empty cells are last in both directions.
function sortedBy(rows, { column, direction }) {
  if (column === null) return rows;
  const isEmpty = (row) => row[column] === null || row[column] === undefined;
  return rows.toSorted((one, other) => isEmpty(one) - isEmpty(other) || direction * compare(one[column], other[column]));
}

function compare(one, other) {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return String(one ?? '').localeCompare(String(other ?? ''), undefined, { numeric: true });
}

function textOf(value) {
  return value === null || value === undefined ? '' : String(value);
}

// Writes the next page's cursor into the variables, and the variable into the query if it lacks it; then runs it.
function NextPage({ list: { path, pageInfo } }) {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const operationName = useGraphiQL((state) => state.operationName);
  const isFetching = useGraphiQL((state) => state.isFetching);
  const { run } = useGraphiQLActions();
  const [problem, setProblem] = useState('');
  if (!pageInfo?.endCursor) return null;

  function next() {
    const cursor = withCursor(queryEditor.getValue(), operationName, path);
    const variables = parsed(variableEditor.getValue());
    if (!cursor || !variables) {
      setProblem(cursor ? 'The variables are not JSON.' : 'This query is not read forwards: use first and after.');
      return;
    }
    if (cursor.query !== queryEditor.getValue()) queryEditor.setValue(cursor.query);
    variableEditor.setValue(JSON.stringify({ ...variables, [cursor.variable]: pageInfo.endCursor }, null, 2));
    run();
  }

  return (
    <>
      <button type="button" onClick={next} disabled={isFetching || pageInfo.hasNextPage === false}>
        Next page
      </button>
      {problem && <span role="alert">{problem}</span>}
    </>
  );
}

function parsed(variables) {
  try {
    return JSON.parse(variables.trim() || '{}');
  } catch {
    return null;
  }
}

function Files({ columns, rows, name = 'rows' }) {
  const [outcome, setOutcome] = useState('');
  const formats = {
    CSV: { type: 'text/csv', text: () => csvOf(columns, rows) },
    JSON: { type: 'application/json', text: () => JSON.stringify(rows, null, 2) },
  };

  async function copy(format) {
    const done = await copied(formats[format].text());
    setOutcome(done ? `${format} copied` : 'This browser does not allow copying here. Download it instead.');
  }

  function download(format) {
    const { type, text } = formats[format];
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([text()], { type }));
    link.download = `${name}.${format.toLowerCase()}`;
    link.click();
    URL.revokeObjectURL(link.href);
    setOutcome(`${link.download} downloaded`);
  }

  return (
    <>
      {Object.keys(formats).map((format) => (
        <button key={format} type="button" onClick={() => copy(format)}>
          Copy {format}
        </button>
      ))}
      {Object.keys(formats).map((format) => (
        <button key={format} type="button" onClick={() => download(format)}>
          Download {format}
        </button>
      ))}
      <span role="status">{outcome}</span>
    </>
  );
}

function TableIcon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M2.5 3.5h15v13h-15zM2.5 8h15M2.5 12.25h15M8 3.5v13" />
    </svg>
  );
}
