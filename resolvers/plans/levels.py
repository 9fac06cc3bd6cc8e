"""Levels: what a plan reads, one kind of row under one kind of parent at a time, and how it becomes JSON.

A level is asked for many keys (SIDs) together and gives the JSON of each. It reads their rows, asks the levels below
for what the rows leave open, and splices bytes. Nothing is decoded on the way, and nothing copied: JSON is passed on in
the pieces that it was read in, and joined once, when all of it is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice, repeat
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

import msgspec

from resolvers.plans.inputs import Fallback, Values
from store.columns import Record
from store.pages import Page
from store.plans import leaf_statement, leaves_statement, row_sql, rows_statement
from store.projections import Projection
from store.relations import Relation
from store.snapshots import Snapshot

NULL = (b"null",)
COMMA = b","
ROWS_TOGETHER = 200
"""So many rows, of several parents, are read by one statement: half a millisecond's work."""
USUAL_LIST = 10
"""So many rows a list without a page is taken to have."""

Piece: TypeAlias = bytes | memoryview
Pieces: TypeAlias = Sequence[Piece]
"""JSON, to be joined."""
Json: TypeAlias = Mapping[Any, Pieces]


class Bounds(NamedTuple):
    """How far a run may go: a page's size, a count, and how many levels it reads."""

    max_page_size: int
    count_cap: int
    max_statements: int


bounds_of = lru_cache(Bounds)
"""The same, remembered: they are those of the settings, at nearly every request."""


class Run:
    """One run of a plan: where it reads, with which variables, and how far it may go."""

    __slots__ = ("bounds", "reads", "snapshot", "values")

    def __init__(self, snapshot: Snapshot, values: Values, bounds: Bounds) -> None:
        self.snapshot, self.values, self.bounds = snapshot, values, bounds
        self.reads = 0

    def count_read(self) -> None:
        """Notes that one more level is read, which is a statement on the ordinary path; raises Fallback beyond them."""
        self.reads += 1
        if self.reads > self.bounds.max_statements:
            raise Fallback


class Level(Protocol):
    """Something that gives JSON for keys; a key that it leaves out stands for a row that is not there."""

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """The JSON for each of the keys, each of which comes once."""
        ...


class Opening(NamedTuple):
    """A hole in a row's text: the level that fills it, and whether it may stay null."""

    level: Level
    nullable: bool


class Shape(NamedTuple):
    """How a row is read and written: a projection, and what fills its holes.

    ``lead`` is what each row of a connection begins with, up to the fingerprint in its cursor: it is written once a
    page, and no row has it.
    """

    projection: Projection
    openings: tuple[Opening, ...]
    lead: str = ""

    def lead_of(self, fingerprint: str) -> str:
        """The lead in the connection with this fingerprint."""
        return f"{self.lead}{fingerprint}." if self.lead else ""

    @property
    def width(self) -> int:
        """How many columns of a row it takes."""
        return len(self.projection.texts) + len(self.openings)

    async def write(self, run: Run, rows: Sequence[Any], start: int = 0) -> list[Pieces]:
        """The JSON of each row, whose columns for this shape begin at ``start``."""
        if not self.openings:
            return [(row[start],) for row in rows]
        written: list[list[Piece]] = [[row[start]] for row in rows]
        texts = len(self.projection.texts)
        for number, (level, nullable) in enumerate(self.openings, start):
            keys = [row[number + texts] for row in rows]
            found = await level.fetch(run, list(dict.fromkeys(key for key in keys if key is not None)))
            for pieces, key, row in zip(written, keys, rows, strict=True):
                if key is not None:  # Where there is no key, the text around the hole says null itself.
                    pieces += _found(found, key, nullable)
                pieces.append(row[number + 1])
        return cast("list[Pieces]", written)


def _found(found: Json, key: Any, nullable: bool) -> Pieces:
    pieces = found.get(key)
    if pieces is None:
        if not nullable:
            raise Fallback
        return NULL
    return pieces


class Rows:
    """Rows by their own SIDs; ``sql`` reads one."""

    __slots__ = ("shape", "sql")

    def __init__(self, record: type[Record], shape: Shape) -> None:
        self.shape = shape
        self.sql = row_sql(record, shape.projection)

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One statement a SID: an index leads straight to it."""
        run.count_read()
        snapshot = run.snapshot
        found, rows = [], []
        for key in keys:
            for row in await snapshot.rows(self.sql, (key,)):
                found.append(key)
                rows.append(row)
            if snapshot.is_due():
                await snapshot.give_way()
        return dict(zip(found, await self.shape.write(run, rows), strict=True))


class Child(NamedTuple):
    """The row with one SID, for those parents that it is a child of; null for others."""

    record: type[Record]
    shape: Shape
    sid: Any
    parent: str

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One statement; ``sid`` gives the argument, or raises Fallback."""
        if not keys:
            return {}
        run.count_read()
        sql = row_sql(self.record, self.shape.projection, self.parent)
        rows = [row for row in await run.snapshot.rows(sql, (self.sid(run.values),)) if row[-1] in keys]
        return dict(zip((row[-1] for row in rows), await self.shape.write(run, rows), strict=True))


class Whole(NamedTuple):
    """All children of each parent, as a plain list."""

    relation: Relation[Any]
    shape: Shape

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One statement a parent."""
        page: Page[Any] = Page(self.relation)
        if not self.shape.openings:
            return {key: (b"[", rows, b"]") for key, (rows, _) in (await leaves(run, page, self.shape, keys)).items()}
        pages = await pages_of(run, page, (self.shape,), keys)
        written = await write_pages(run, pages, self.shape, 0)
        return {key: (b"[", *rows, b"]") for key, rows in zip(keys, written, strict=True)}


Fingerprints: TypeAlias = Mapping[Any, str]
"""By a parent's key, its connection's fingerprint."""


async def leaves(
    run: Run, page: Page[Any], shape: Shape, keys: Sequence[Any], of: Fingerprints | None = None
) -> dict[Any, tuple[bytes, int]]:
    """Each parent's page as the inside of a JSON array, which SQLite writes whole; ``of`` where it writes cursors.

    With it comes the number of its rows, if they have a lead.
    """
    run.count_read()
    snapshot, lists = run.snapshot, {}
    if not shape.lead and len(keys) > 1:
        sql, bound = leaves_statement(page, shape.projection)
        together = max(ROWS_TOGETHER // (page.limit or USUAL_LIST), 1)
        for start in range(0, len(keys), together):
            bound["parents"] = msgspec.json.encode(keys[start : start + together]).decode()
            for key, rows in await snapshot.rows(sql, bound):
                lists[key] = rows or b"", 0
            if snapshot.is_due():
                await snapshot.give_way()
        return lists
    sql, bound = leaf_statement(page, shape.projection, bool(shape.lead))
    for key in keys:
        bound["parent"] = key
        if of:
            bound["of"] = of[key]
            bound["lead"] = lead = shape.lead_of(of[key])
            bound["between"] = f",{lead}"
        ((rows, *number),) = snapshot.quick_rows(sql, bound) or await snapshot.long_rows(sql, bound)
        lists[key] = rows or b"", number[0] if number else 0
        if snapshot.is_due():
            await snapshot.give_way()
    return lists


async def pages_of(
    run: Run, page: Page[Any], shapes: tuple[Shape, ...], keys: Sequence[Any], of: Fingerprints | None = None
) -> list[list[Any]]:
    """Each parent's page as rows, in the order that they are shown in; ``of`` where they have cursors."""
    run.count_read()
    sql, bound = rows_statement(page, tuple(shape.projection for shape in shapes))
    snapshot, pages = run.snapshot, []
    for key in keys:
        bound["parent"] = key
        if of:
            bound["of"] = of[key]
        rows = snapshot.quick_rows(sql, bound)
        if rows is None:
            rows = await snapshot.long_rows(sql, bound)
        if page.backwards:
            rows.reverse()
        pages.append(rows)
        if snapshot.is_due():
            await snapshot.give_way()
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
