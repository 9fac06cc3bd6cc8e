"""Pages: the children of each parent, read a page a parent and written as the inside of a JSON array.

What SQLite can write whole, it does: a page or small pages of several parents, and what fills the holes of their rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, repeat
from typing import Any, NamedTuple, TypeAlias

import msgspec

from resolvers.plans.levels import Json, Piece, Pieces, Run, Shape
from store.lists.relations import Relation
from store.sqlite.statements.pages import Page
from store.sqlite.statements.plans import Filling, leaf_statement, leaves_statement, rows_statement

ROWS_TOGETHER = 200
"""So many rows, of several parents, are read by one statement: half a millisecond's work."""
USUAL_LIST = 10
"""So many rows a list without a page is taken to have."""


class Whole(NamedTuple):
    """All children of each parent, as a plain list."""

    relation: Relation[Any]
    shape: Shape

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One statement a parent, or fewer where the rows have no holes."""
        page: Page[Any] = Page(self.relation)
        if not self.shape.openings:
            return {key: (b"[", rows, b"]") for key, (rows, _) in (await leaves(run, page, self.shape, keys)).items()}
        pages = await pages_of(run, page, (self.shape,), keys)
        written = await write_pages(run, pages, self.shape, 0)
        return {key: (b"[", *rows, b"]") for key, rows in zip(keys, written, strict=True)}

    def filling(self, run: Run) -> Filling | None:
        """The list, where its rows have no holes."""
        return None if self.shape.openings else Filling(Page(self.relation), self.shape.projection, "[", "]")


Fingerprints: TypeAlias = Mapping[Any, str]
"""By a parent's key, its connection's fingerprint."""


def fillings_of(run: Run, page: Page[Any], shape: Shape) -> Sequence[Filling] | None:
    """What SQLite can write into the holes of a page's rows; None where it can't fill all, or that would take long."""
    fillings = []
    for opening in shape.openings:
        filling = opening.level.filling(run)
        if filling is None:
            return None
        fillings.append(filling)
    return fillings if not fillings or rows_of(page, fillings) <= ROWS_TOGETHER else None


def rows_of(page: Page[Any], fillings: Sequence[Filling]) -> int:
    """So many rows a page is taken to have, with those in its holes."""
    in_holes = sum([_rows_of_one(filling.page) for filling in fillings])
    return _rows_of_one(page) * (1 + in_holes)


def _rows_of_one(page: Page[Any]) -> int:
    return USUAL_LIST if page.limit is None else page.limit


async def leaves(
    run: Run,
    page: Page[Any],
    shape: Shape,
    keys: Sequence[Any],
    of: Fingerprints | None = None,
    fillings: Sequence[Filling] = (),
    measured: bool = False,
) -> dict[Any, tuple[bytes, Sequence[int]]]:
    """Each parent's page as the inside of a JSON array, which SQLite writes whole; ``of`` where it writes cursors.

    If ``measured``, with it come the lengths of its rows in bytes, without their leads. Only they tell where a
    row ends: texts in a row can look like anything. ``fillings`` are those of all holes that the rows have.
    """
    for _ in range(1 + len(fillings)):
        run.count_read()
    database, lists = run.database, dict[Any, tuple[bytes, Sequence[int]]]()
    if not shape.has_cursor and len(keys) > 1:
        sql, bound = leaves_statement(page, shape.projection, fillings)
        together = max(ROWS_TOGETHER // max(rows_of(page, fillings), 1), 1)
        for start in range(0, len(keys), together):
            bound["parents"] = msgspec.json.encode(keys[start : start + together]).decode()
            for key, rows in await database.rows(sql, bound):
                lists[key] = rows or b"", ()
            if database.is_slice_over():
                await database.yield_to_loop()
        return lists
    sql, bound = leaf_statement(page, shape.projection, bool(shape.lead), fillings, measured)
    for key in keys:
        bound["parent"] = key
        if of:
            bound["of"] = of[key]
            bound["lead"] = lead = shape.lead_of(of[key])
            bound["between"] = f",{lead}"
        ((rows, *lengths),) = database.rows_on_loop(sql, bound) or await database.rows_in_thread(sql, bound)
        lists[key] = rows or b"", [*map(int, lengths[0].split(","))] if rows and lengths else ()
        if database.is_slice_over():
            await database.yield_to_loop()
    return lists


async def pages_of(
    run: Run, page: Page[Any], shapes: tuple[Shape, ...], keys: Sequence[Any], of: Fingerprints | None = None
) -> list[list[Any]]:
    """Each parent's page as rows, in the order that they are shown in; ``of`` where they have cursors."""
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


async def write_pages(
    run: Run, pages: list[list[Any]], shape: Shape, start: int, of: Iterable[str] = repeat("")
) -> list[Pieces]:
    """The inside of the JSON array of each page's rows; the levels below are asked once for all of them.

    ``of`` are the fingerprints of their connections, where they are connections.
    """
    leads = (shape.lead_of(each).encode() for each in of)
    if not shape.openings:
        return [_joined([row[start] for row in rows], lead) for rows, lead in zip(pages, leads, strict=False)]
    written = iter(await shape.write(run, [row for rows in pages for row in rows], start))
    return [_listed(islice(written, len(rows)), lead) for rows, lead in zip(pages, leads, strict=False)]


def _joined(rows: list[bytes], lead: bytes) -> Pieces:
    return (lead + (b"," + lead).join(rows),) if rows else (b"",)


def _listed(rows: Iterable[Pieces], lead: bytes) -> Pieces:
    pieces: list[Piece] = []
    for row in rows:
        pieces.append(b"," + lead if pieces else lead)
        pieces += row
    return pieces
