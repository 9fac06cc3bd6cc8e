"""Plan steps for lists: the children of each parent, written as JSON arrays.

Where it can, the engine writes a whole page as one JSON text. It also writes what fills the rows' placeholders, by
inlined subqueries, as long as the rows are few.
"""

from collections.abc import Iterable, Sequence
from itertools import islice, repeat
from typing import Any, NamedTuple

from resolvers.plans.steps import Json, Piece, Pieces, Run, Shape
from store.lists.relations import Relation
from store.plans.reads import Fingerprints, PageArray, PageRows
from store.plans.subqueries import Subquery, estimated_repeats, estimated_rows
from store.queries.pages import Count, Page


class ListStep(NamedTuple):
    """All children of each parent, as a plain list."""

    relation: Relation[Any]
    shape: Shape

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """The list of each parent, which the engine writes completely if it can fill the placeholders."""
        if not keys:
            return {}
        page: Page[Any] = Page(self.relation)
        subqueries = nested_subqueries(run, page, self.shape)
        if subqueries is not None:
            arrays = await page_arrays(run, page, self.shape, keys, {}, subqueries)
            return {key: (b"[", array.rows, b"]") for key, array in arrays.items()}
        pages, _ = await page_rows(run, page, (self.shape,), keys, {})
        written = await write_page_arrays(run, pages, self.shape, 0)
        return {key: (b"[", *rows, b"]") for key, rows in zip(keys, written, strict=True)}

    def subquery(self, run: Run, nullable: bool) -> Subquery | None:
        """The list, if its rows' placeholders can be filled."""
        page: Page[Any] = Page(self.relation)
        nested = nested_subqueries(run, page, self.shape)
        return None if nested is None else Subquery(page, self.shape.row, ("[",), ("]",), nested)


def subqueries_of(run: Run, page: Page[Any], shape: Shape) -> Sequence[Subquery] | None:
    """The subqueries that fill the placeholders of a page's rows; None if one has no subquery, or the rows are many."""
    subqueries, reader = shape.subqueries(run), run.reader
    if not subqueries:
        return subqueries
    rows = estimated_rows(page, subqueries)
    repeats = estimated_repeats(estimated_rows(page, ()), subqueries)
    is_short = rows <= reader.most_inlined_rows and repeats <= reader.most_repeated_rows
    return subqueries if is_short else None


def nested_subqueries(run: Run, page: Page[Any], shape: Shape) -> Sequence[Subquery] | None:
    """The same for a page that is itself a subquery."""
    return subqueries_of(run, page, shape) if run.reader.nests or not shape.children else None


async def page_arrays(
    run: Run,
    page: Page[Any],
    shape: Shape,
    keys: Sequence[Any],
    of: Fingerprints,
    subqueries: Sequence[Subquery],
    measured: bool = False,
    count: Count[Any] | None = None,
) -> dict[Any, PageArray]:
    """Each parent's page, written by the engine as the inside of a JSON array; see PlanReader.

    ``of`` has the connections' fingerprints, by their parents' keys.
    """
    run.count_read()
    run.count_inlined(subqueries)
    of = of if shape.row.has_cursor else {}
    return await run.reader.page_arrays(page, shape.row, keys, of, subqueries, measured, count)


async def page_rows(
    run: Run,
    page: Page[Any],
    shapes: tuple[Shape, ...],
    keys: Sequence[Any],
    of: Fingerprints,
    count: Count[Any] | None = None,
) -> PageRows:
    """Each parent's page as rows, in the connection's order; see PlanReader."""
    run.count_read()
    return await run.reader.page_rows(page, [shape.row for shape in shapes], keys, of, count)


async def write_page_arrays(
    run: Run, pages: list[list[Any]], shape: Shape, start: int, of: Iterable[str] = repeat("")
) -> list[Pieces]:
    """The inside of the JSON array of each page's rows; each child step runs once for all pages.

    ``of`` has the fingerprints of the connections, if the pages are of connections.
    """
    prefixes = (shape.row.row_prefix_of(each).encode() for each in of)
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
