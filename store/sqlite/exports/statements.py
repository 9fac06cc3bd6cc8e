"""SQLite's SQL of an export: pages of a list in its order, with the rows that each row refers to."""

from collections.abc import Iterable, Sequence
from typing import Any

from store.exports.columns import Reference
from store.exports.lines import JsonLine, Line
from store.exports.snapshots import joins
from store.queries.pages import PARENT, Page
from store.sqlite.dialect import DIALECT
from store.sqlite.exports.csv_lines import csv_line
from store.sqlite.statements.projections import project

ROWS = """
SELECT {values} FROM (
  {listed}
) AS listed CROSS JOIN {table} ON {table}.rowid = listed.row_number{references}
""".strip()
"""CROSS JOIN keeps the list's order: SQLite reads its left side first, and looks up a row for each
(https://www.sqlite.org/optoverview.html#crossjoin)."""
LINES = "SELECT CAST(group_concat(line, '') AS BLOB), count(*), {last}(place) FROM (\n{rows}\n)"
"""A page's lines as one value. Fetching row by row would need the interpreter lock for each row, for which the thread
that writes competes."""
COUNT_LISTED = "SELECT count(*) FROM ({listed}) WHERE sid IN (SELECT value FROM json_each(:sids))"


def rows_sql(page: Page[Any], values: Sequence[str], references: Iterable[Reference]) -> str:
    """The statement that reads the SQL ``values`` of each row of ``page``, and its position: sort key and SID."""
    return _rows(page, [*values, "listed.sort_key", "listed.sid"], references)


def lines_sql(page: Page[Any], line: Line, references: Iterable[Reference]) -> str:
    """The statement that reads ``page`` as one value: its lines, in bytes.

    It also reads the number of rows, and the last row's sort key and SID as one text.
    """
    values = [f"{_line(line)} AS line", "listed.sort_key || listed.sid AS place"]
    return LINES.format(last="min" if page.order.descending else "max", rows=_rows(page, values, references))


def count_listed_sql(page: Page[Any]) -> str:
    """The statement that counts the rows of ``page`` whose SIDs are in ``:sids``, a JSON array."""
    return COUNT_LISTED.format(listed=_listed(page))


def _rows(page: Page[Any], values: Sequence[str], references: Iterable[Reference]) -> str:
    table = page.relation.record.table
    return ROWS.format(values=", ".join(values), listed=_listed(page), table=table, references=joins(table, references))


def _line(line: Line) -> str:
    if isinstance(line, JsonLine):
        (row,) = project(line.members).texts
        return f"{row} || char(10)"
    return csv_line(line)


def _listed(page: Page[Any]) -> str:
    # Reads from the index only what the order needs, so that the sub-query doesn't copy whole rows.
    table, order = page.relation.record.table, page.order
    columns = f"{table}.rowid AS row_number, {table}.sid, {table}.{order.column}, {order.key_in(DIALECT)} AS sort_key"
    return DIALECT.list_sql(page.shape, columns, PARENT)
