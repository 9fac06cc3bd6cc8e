"""PostgreSQL's SQL of an export: the SIDs of a list in its order, and the rows of some of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from store.exports.columns import Reference
from store.exports.lines import JsonLine, Line
from store.exports.snapshots import joins
from store.plans.rows import JsonObject, RowText
from store.postgresql.dialect import DIALECT
from store.postgresql.exports.csv_lines import csv_line
from store.postgresql.plans.projections import projection_of
from store.queries.pages import PARENT, Page

LISTED = "SELECT sid FROM (\n{listed}\n) AS listed"
ROWS = """
SELECT listed.number, {values}
FROM json_array_elements_text(CAST(:sids AS json)) WITH ORDINALITY AS listed (sid, number)
JOIN {table} ON {table}.sid = listed.sid{references}
""".strip()
"""Each row comes with its place in the list. The server doesn't sort: it would write large rows to temporary files."""
COUNT_LISTED = "SELECT count(*) FROM (\n{listed}\n) AS listed WHERE sid IN ({sids})"


def sids_sql(page: Page[Any]) -> str:
    """The statement that reads the SIDs of the rows of ``page``, in its order."""
    return LISTED.format(listed=_listed(page))


def lines_sql(page: Page[Any], line: Line, references: Iterable[Reference]) -> str:
    """The statement that reads the rows with the SIDs ``:sids``: the place of each, and its line."""
    return rows_sql(page, [_line(line)], references)


def rows_sql(page: Page[Any], values: Sequence[str], references: Iterable[Reference]) -> str:
    """The statement that reads the rows with the SIDs ``:sids``: the place of each, and the SQL ``values``."""
    table = page.relation.record.table
    return ROWS.format(values=", ".join(values), table=table, references=joins(table, references))


def count_listed_sql(page: Page[Any]) -> str:
    """The statement that counts the rows of ``page`` whose SIDs are in ``:sids``, a JSON array."""
    return COUNT_LISTED.format(listed=_listed(page), sids=DIALECT.values(":sids"))


def _line(line: Line) -> str:
    if isinstance(line, JsonLine):
        (row,) = projection_of(RowText(JsonObject(line.members))).texts
        return f"{row} || chr(10)"
    return csv_line(line)


def _listed(page: Page[Any]) -> str:
    return DIALECT.list_sql(page.shape, f"sid, {page.order.column}", PARENT)
