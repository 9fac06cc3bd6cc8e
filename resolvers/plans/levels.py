"""Levels: what a plan reads, one kind of row under one kind of parent at a time, and how it becomes JSON.

A level is asked for many keys (SIDs) together and gives the JSON of each. It reads their rows, asks the levels below
for what the rows leave open, and splices bytes. Nothing is decoded on the way, and nothing copied: JSON is passed on in
the pieces that it was read in, and joined once, when all of it is there.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from resolvers.plans.inputs import Fallback, Values
from store.columns import Record
from store.sqlite.event_loop_connections import EventLoopConnection
from store.sqlite.statements.plans import Filling, row_sql
from store.sqlite.statements.projections import Projection

NULL = (b"null",)
COMMA = b","

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

    __slots__ = ("bounds", "database", "reads", "values")

    def __init__(self, database: EventLoopConnection, values: Values, bounds: Bounds) -> None:
        self.database, self.values, self.bounds = database, values, bounds
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

    def filling(self, run: Run) -> Filling | None:
        """What SQLite can write itself into a hole that this level fills; None where it can't."""
        ...


class Opening(NamedTuple):
    """A hole in a row's text: the level that fills it, and whether it may stay null."""

    level: Level
    nullable: bool


class Shape(NamedTuple):
    """How a row is read and written: a projection, and what fills its holes.

    ``lead`` is what each row of a connection begins with, up to the fingerprint in its cursor: it is written once a
    page, and no row has it. ``has_cursor`` says whether there is a cursor, there or elsewhere in the row.
    """

    projection: Projection
    openings: tuple[Opening, ...]
    lead: str = ""
    has_cursor: bool = False

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
        database = run.database
        found, rows = [], []
        for key in keys:
            for row in await database.rows(self.sql, (key,)):
                found.append(key)
                rows.append(row)
            if database.is_slice_over():
                await database.yield_to_loop()
        return dict(zip(found, await self.shape.write(run, rows), strict=True))

    def filling(self, run: Run) -> Filling | None:
        """None: rows that many others name are read once."""
        return None


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
        rows = [row for row in await run.database.rows(sql, (self.sid(run.values),)) if row[-1] in keys]
        return dict(zip((row[-1] for row in rows), await self.shape.write(run, rows), strict=True))

    def filling(self, run: Run) -> Filling | None:
        """None: it is one row for all."""
        return None
