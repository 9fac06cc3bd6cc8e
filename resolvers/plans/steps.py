"""Plan steps: each reads one type of row for many keys (SIDs) together, and returns the JSON of each key.

A step reads its rows, runs its child steps for the rows' placeholders, and splices the bytes. It decodes nothing and
copies nothing: JSON stays in the pieces that the engine returned, which are joined once, for the response.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeAlias, cast

from resolvers.arguments.sids import record_type_of
from resolvers.plans.inputs import Evaluate, Fallback, Values
from store.columns import Record
from store.plans.reads import PlanReader
from store.plans.rows import RowsBySid, RowText
from store.plans.subqueries import ReferencedRow, Subquery, estimated_repeats

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
    """One run of a plan: its reader, the values of its variables, and its limits."""

    __slots__ = ("bounds", "reader", "reads", "values")

    def __init__(self, reader: PlanReader, values: Values, bounds: Bounds) -> None:
        self.reader, self.values, self.bounds = reader, values, bounds
        self.reads = 0

    def count_read(self) -> None:
        """Counts one more step, one statement on the ordinary path; raises Fallback past ``max_statements``."""
        self.reads += 1
        if self.reads > self.bounds.max_statements:
            raise Fallback

    def count_inlined(self, subqueries: Sequence[Subquery]) -> None:
        """Counts the steps that these subqueries stand for."""
        for subquery in subqueries:
            for _ in range(subquery.statements):
                self.count_read()
            self.count_inlined(subquery.subqueries)


class PlanStep(Protocol):
    """Returns JSON for keys. A key that it leaves out has no row."""

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """The JSON of each of the ``keys``, which are distinct."""
        ...

    def subquery(self, run: Run, nullable: bool) -> Subquery | None:
        """This step as an inlined subquery of its parent step's statement; None if that can't be.

        ``nullable`` says whether the field may be null.
        """
        ...


class ChildStep(NamedTuple):
    """The step that fills a placeholder in a row's text, and whether the field may be null."""

    step: PlanStep
    nullable: bool


class Shape(NamedTuple):
    """How a row is read and written: its text, and the child steps that fill its placeholders, in order."""

    row: RowText
    children: tuple[ChildStep, ...]

    def subqueries(self, run: Run) -> Sequence[Subquery] | None:
        """The subqueries that fill the row's placeholders; None if a child step can't be one."""
        subqueries = []
        for child in self.children:
            subquery = child.step.subquery(run, child.nullable)
            if subquery is None:
                return None
            subqueries.append(subquery)
        return subqueries

    async def write(self, run: Run, rows: Sequence[Any], start: int = 0) -> list[Pieces]:
        """The JSON of each row, whose columns for this shape begin at ``start``."""
        if not self.children:
            return [(row[start],) for row in rows]
        written: list[list[Piece]] = [[row[start]] for row in rows]
        texts = len(self.children) + 1
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
    """Rows by their own SIDs."""

    __slots__ = ("shape", "wanted")

    def __init__(self, record: type[Record], shape: Shape) -> None:
        self.shape = shape
        self.wanted = RowsBySid(record, shape.row)

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One read for all SIDs, with the pages that fill the placeholders if the engine can nest them."""
        if not keys:
            return {}
        run.count_read()
        subqueries = self._subqueries(run)
        if subqueries and estimated_repeats(len(keys), subqueries) <= run.reader.most_repeated_rows:
            run.count_inlined(subqueries)
            return dict(await run.reader.rows(self.wanted, keys, subqueries))
        found = await run.reader.rows(self.wanted, keys)
        return dict(zip([sid for sid, _ in found], await self.shape.write(run, [row for _, row in found]), strict=True))

    def subquery(self, run: Run, nullable: bool) -> Subquery | None:
        """The row, if the engine can nest subqueries, and the row's placeholders can be filled."""
        subqueries = self._subqueries(run)
        if subqueries is None:
            return None
        return Subquery(ReferencedRow(self.wanted.record, nullable), self.shape.row, ("",), ("",), subqueries)

    def _subqueries(self, run: Run) -> Sequence[Subquery] | None:
        return self.shape.subqueries(run) if run.reader.nests else None


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

    def subquery(self, run: Run, nullable: bool) -> Subquery | None:
        """None: the type of a row depends on its SID."""
        return None


class LookupStep:
    """The row with one SID, given as an argument, for its parent; null for other parents."""

    __slots__ = ("shape", "sid", "wanted")

    def __init__(self, record: type[Record], shape: Shape, sid: Evaluate, parent: str) -> None:
        """``sid`` gives the argument, or raises Fallback; ``parent`` is the column with the parent's SID."""
        self.shape, self.sid = shape, sid
        self.wanted = RowsBySid(record, shape.row, parent)

    async def fetch(self, run: Run, keys: Sequence[Any]) -> Json:
        """One read."""
        if not keys:
            return {}
        run.count_read()
        rows = [row for _, row in await run.reader.rows(self.wanted, (self.sid(run.values),)) if row[-1] in keys]
        return dict(zip((row[-1] for row in rows), await self.shape.write(run, rows), strict=True))

    def subquery(self, run: Run, nullable: bool) -> Subquery | None:
        """None: the one row is read once for all parents."""
        return None
