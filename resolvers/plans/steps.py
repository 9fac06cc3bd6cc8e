"""Plan steps: each reads one type of row for many keys (SIDs) together, and returns the JSON of each key.

A step reads its rows, runs its child steps for the rows' placeholders, and splices the bytes. It decodes nothing and
copies nothing: JSON stays in the pieces that SQLite returned, which are joined once, for the response.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from resolvers.arguments.sids import record_type_of
from resolvers.plans.inputs import Fallback, Values
from store.columns import Record
from store.sqlite.reading.event_loop_connections import EventLoopConnection
from store.sqlite.statements.plan_statements import Subquery, row_sql
from store.sqlite.statements.projections import Projection

NULL = (b"null",)
COMMA = b","

Piece: TypeAlias = bytes | memoryview
Pieces: TypeAlias = Sequence[Piece]
"""JSON in pieces, to be joined."""
Json: TypeAlias = Mapping[Any, Pieces]
"""The JSON of each key."""


class Bounds(NamedTuple):
    """The limits of a run: the page size, how far it counts, and the number of steps that read."""

    max_page_size: int
    count_cap: int
    max_statements: int


bounds_of = lru_cache(Bounds)
"""A cached Bounds: nearly all requests have the bounds of the settings."""


class Run:
    """One run of a plan: the connection that it reads on, the values of its variables, and its limits."""

    __slots__ = ("bounds", "database", "reads", "values")

    def __init__(self, database: EventLoopConnection, values: Values, bounds: Bounds) -> None:
        self.database, self.values, self.bounds = database, values, bounds
        self.reads = 0

    def count_read(self) -> None:
        """Counts one more step, one statement on the ordinary path; raises Fallback past ``max_statements``."""
        self.reads += 1
        if self.reads > self.bounds.max_statements:
            raise Fallback


class PlanStep(Protocol):
    """Returns JSON for keys. A key that it leaves out has no row."""

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """The JSON of each of the ``keys``, which are distinct."""
        ...

    def subquery(self, run: Run) -> Subquery | None:
        """This step as an inlined subquery of its parent step's statement; None if that can't be."""
        ...


class ChildStep(NamedTuple):
    """The step that fills a placeholder in a row's text, and whether the field may be null."""

    step: PlanStep
    nullable: bool


class Shape(NamedTuple):
    """How a row is read and written: a projection, and the child steps that fill its placeholders, in order.

    ``row_prefix`` is the constant start of each edge, up to the fingerprint in its cursor. The rows don't repeat it: it
    is added when a page is joined. ``has_cursor`` says whether the row has a cursor, in the prefix or elsewhere.
    """

    projection: Projection
    children: tuple[ChildStep, ...]
    row_prefix: str = ""
    has_cursor: bool = False

    def row_prefix_of(self, fingerprint: str) -> str:
        """The row prefix in the connection with this fingerprint."""
        return f"{self.row_prefix}{fingerprint}." if self.row_prefix else ""

    @property
    def width(self) -> int:
        """The number of columns that it selects: its texts and keys."""
        return len(self.projection.texts) + len(self.children)

    async def write(self, run: Run, rows: Sequence[Any], start: int = 0) -> list[Pieces]:
        """The JSON of each row, whose columns for this shape begin at ``start``."""
        if not self.children:
            return [(row[start],) for row in rows]
        written: list[list[Piece]] = [[row[start]] for row in rows]
        texts = len(self.projection.texts)
        for number, (step, nullable) in enumerate(self.children, start):
            keys = [row[number + texts] for row in rows]
            found = await step.fetch(run, list(dict.fromkeys(key for key in keys if key is not None)))
            for pieces, key, row in zip(written, keys, rows, strict=True):
                if key is not None:  # If the key is null, the text around the placeholder has the JSON null.
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


class RowsStep:
    """Rows by their own SIDs; ``sql`` reads one."""

    __slots__ = ("shape", "sql")

    def __init__(self, record: type[Record], shape: Shape) -> None:
        self.shape = shape
        self.sql = row_sql(record, shape.projection)

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One statement for each SID, a lookup by the primary key."""
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

    def subquery(self, run: Run) -> Subquery | None:
        """None: many rows can refer to the same row, so that it is read once."""
        return None


class NodeStep(NamedTuple):
    """Rows of any type by their SIDs."""

    rows: Mapping[type[Record], RowsStep]

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One step for each type of row among the SIDs; raises Fallback for a SID of no known type."""
        by_type: dict[type[Record], list[str]] = {}
        for sid in keys:
            record_type = record_type_of(sid)
            if record_type is None:
                raise Fallback
            by_type.setdefault(record_type, []).append(sid)
        found: dict[Any, Pieces] = {}
        for record_type, sids in by_type.items():
            found.update(await self.rows[record_type].fetch(run, sids))
        return found

    def subquery(self, run: Run) -> Subquery | None:
        """None: the type of a row depends on its SID."""
        return None


class LookupStep(NamedTuple):
    """The row with one SID, given as an argument, for its parent; null for other parents."""

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

    def subquery(self, run: Run) -> Subquery | None:
        """None: the one row is read once for all parents."""
        return None
