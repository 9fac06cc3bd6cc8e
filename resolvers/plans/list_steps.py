"""Plan steps for lists: the children of each parent, read page by page and written as JSON arrays.

Where it can, SQLite writes a whole page as one JSON text, or small pages of several parents by one statement. It also
writes what fills the rows' placeholders, by inlined subqueries, as long as the rows are few.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, repeat
from typing import Any, NamedTuple, TypeAlias

import msgspec

from resolvers.plans.steps import Json, Piece, Pieces, Run, Shape
from store.lists.relations import Relation
from store.queries.pages import Page
from store.sqlite.statements.plan_statements import (
    Subquery,
    page_array_statement,
    page_arrays_statement,
    rows_statement,
)

ROWS_PER_STATEMENT = 200
"""How many rows of several parents one statement reads: half a millisecond's work."""
USUAL_LIST_ROWS = 10
"""The estimated length of a list without a page size."""


class ListStep(NamedTuple):
    """All children of each parent, as a plain list."""

    relation: Relation[Any]
    shape: Shape

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One statement for each parent, or fewer if the rows have no placeholders."""
        page: Page[Any] = Page(self.relation)
        if not self.shape.children:
            return {
                key: (b"[", rows, b"]") for key, (rows, _) in (await page_arrays(run, page, self.shape, keys)).items()
            }
        pages = await page_rows(run, page, (self.shape,), keys)
        written = await write_page_arrays(run, pages, self.shape, 0)
        return {key: (b"[", *rows, b"]") for key, rows in zip(keys, written, strict=True)}

    def subquery(self, run: Run) -> Subquery | None:
        """The list, if its rows have no placeholders."""
        return None if self.shape.children else Subquery(Page(self.relation), self.shape.projection, "[", "]")


Fingerprints: TypeAlias = Mapping[Any, str]
"""Each connection's fingerprint, by its parent's key."""


def subqueries_of(run: Run, page: Page[Any], shape: Shape) -> Sequence[Subquery] | None:
    """The subqueries that fill the placeholders of a page's rows; None if one has no subquery, or the rows are many."""
    subqueries = []
    for child in shape.children:
        subquery = child.step.subquery(run)
        if subquery is None:
            return None
        subqueries.append(subquery)
    return subqueries if not subqueries or estimated_rows(page, subqueries) <= ROWS_PER_STATEMENT else None


def estimated_rows(page: Page[Any], subqueries: Sequence[Subquery]) -> int:
    """An estimate of a page's rows, including those of its subqueries."""
    inlined = sum([_estimated_page_rows(subquery.page) for subquery in subqueries])
    return _estimated_page_rows(page) * (1 + inlined)


def _estimated_page_rows(page: Page[Any]) -> int:
    return USUAL_LIST_ROWS if page.limit is None else page.limit


async def page_arrays(
    run: Run,
    page: Page[Any],
    shape: Shape,
    keys: Sequence[Any],
    of: Fingerprints | None = None,
    subqueries: Sequence[Subquery] = (),
    measured: bool = False,
) -> dict[Any, tuple[bytes, Sequence[int]]]:
    """Each parent's page, written by SQLite as the inside of a JSON array.

    ``of`` has the fingerprints if the rows have cursors; ``subqueries`` fill the rows' placeholders. If ``measured``,
    the lengths of the rows in bytes, without the row prefix, come with each page: only they tell where a row ends.
    """
    for _ in range(1 + len(subqueries)):
        run.count_read()
    database, lists = run.database, dict[Any, tuple[bytes, Sequence[int]]]()
    if not shape.has_cursor and len(keys) > 1:
        sql, bound = page_arrays_statement(page, shape.projection, subqueries)
        together = max(ROWS_PER_STATEMENT // max(estimated_rows(page, subqueries), 1), 1)
        for start in range(0, len(keys), together):
            bound["parents"] = msgspec.json.encode(keys[start : start + together]).decode()
            for key, rows in await database.rows(sql, bound):
                lists[key] = rows or b"", ()
            if database.is_slice_over():
                await database.yield_to_loop()
        return lists
    sql, bound = page_array_statement(page, shape.projection, bool(shape.row_prefix), subqueries, measured)
    for key in keys:
        bound["parent"] = key
        if of:
            bound["of"] = of[key]
            bound["lead"] = prefix = shape.row_prefix_of(of[key])
            bound["between"] = f",{prefix}"
        ((rows, *lengths),) = database.rows_on_loop(sql, bound) or await database.rows_in_thread(sql, bound)
        lists[key] = rows or b"", [*map(int, lengths[0].split(","))] if rows and lengths else ()
        if database.is_slice_over():
            await database.yield_to_loop()
    return lists


async def page_rows(
    run: Run, page: Page[Any], shapes: tuple[Shape, ...], keys: Sequence[Any], of: Fingerprints | None = None
) -> list[list[Any]]:
    """Each parent's page as rows, in the connection's order; ``of`` has the fingerprints if they have cursors."""
    run.count_read()
    sql, bound = rows_statement(page, tuple(shape.projection for shape in shapes))
    database, pages = run.database, []
    for key in keys:
        bound["parent"] = key
        if of:
            bound["of"] = of[key]
        rows = database.rows_on_loop(sql, bound)
        if rows is None:
            rows = await database.rows_in_thread(sql, bound)
        if page.backwards:
            rows.reverse()
        pages.append(rows)
        if database.is_slice_over():
            await database.yield_to_loop()
    return pages


async def write_page_arrays(
    run: Run, pages: list[list[Any]], shape: Shape, start: int, of: Iterable[str] = repeat("")
) -> list[Pieces]:
    """The inside of the JSON array of each page's rows; each child step runs once for all pages.

    ``of`` has the fingerprints of the connections, if the pages are of connections.
    """
    prefixes = (shape.row_prefix_of(each).encode() for each in of)
    if not shape.children:
        return [_joined([row[start] for row in rows], prefix) for rows, prefix in zip(pages, prefixes, strict=False)]
    written = iter(await shape.write(run, [row for rows in pages for row in rows], start))
    return [listed(islice(written, len(rows)), prefix) for rows, prefix in zip(pages, prefixes, strict=False)]


def _joined(rows: list[bytes], prefix: bytes) -> Pieces:
    return (prefix + (b"," + prefix).join(rows),) if rows else (b"",)


def listed(rows: Iterable[Pieces], prefix: bytes = b"") -> Pieces:
    """The rows one after another, with commas between them, and each with ``prefix`` before it."""
    pieces: list[Piece] = []
    for row in rows:
        pieces.append(b"," + prefix if pieces else prefix)
        pieces += row
    return pieces
