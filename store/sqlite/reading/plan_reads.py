"""SQLite's reads of compiled plans: a statement for each parent, on the event loop, or one for small pages of several.

SQLite runs in this process, so a statement costs little; short ones keep the event loop free for others.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import msgspec

from store.plans.reads import FeedState, Fingerprints, PageArray, PageRows, PlanReader, Row, Rows
from store.plans.rows import RowsBySid, RowText
from store.plans.subqueries import Subquery, estimated_rows
from store.queries.changes import FeedQuery
from store.queries.pages import Count, Page
from store.sqlite.dialect import DIALECT
from store.sqlite.reading.event_loop_connections import EventLoopConnection, EventLoopConnectionPool
from store.sqlite.statements.plan_statements import (
    count_statement,
    page_array_statement,
    page_arrays_statement,
    row_sql,
    rows_statement,
)
from store.sqlite.statements.projections import projection_of

T = TypeVar("T")

ROWS_PER_STATEMENT = 200
"""How many rows of several parents one statement reads: half a millisecond's work."""


class SQLitePlanReader:
    """The reads of one operation, on its connection; see PlanReader."""

    __slots__ = ("connection",)
    nests = False
    most_inlined_rows = ROWS_PER_STATEMENT
    most_repeated_rows = 0

    def __init__(self, connection: EventLoopConnection) -> None:
        self.connection = connection

    @property
    def statements(self) -> int:
        """The number of statements so far."""
        return self.connection.statements

    @property
    def rows_read(self) -> int:
        """The number of rows that they returned."""
        return self.connection.rows_read

    def is_slice_over(self) -> bool:
        """Whether the operation should yield the event loop now."""
        return self.connection.is_slice_over()

    async def yield_to_loop(self) -> None:
        """Yields the event loop once; raises OutOfTime past the operation's deadline."""
        await self.connection.yield_to_loop()

    async def rows(
        self, wanted: RowsBySid, sids: Sequence[str], subqueries: Sequence[Subquery] = ()
    ) -> list[tuple[str, Row]]:
        """One statement for each SID, a lookup by the primary key."""
        sql = wanted.by(row_statement)
        connection, found = self.connection, []
        for sid in sids:
            for row in await connection.rows(sql, (sid,)):
                found.append((sid, row))
            if connection.is_slice_over():
                await connection.yield_to_loop()
        return found

    async def page_arrays(
        self,
        page: Page[Any],
        row: RowText,
        keys: Sequence[Any],
        fingerprints: Fingerprints,
        subqueries: Sequence[Subquery],
        measured: bool,
        count: Count[Any] | None = None,
    ) -> dict[Any, PageArray]:
        """One statement for each parent, or for several parents whose rows have no cursors."""
        projection = projection_of(row)
        connection, lists = self.connection, dict[Any, PageArray]()
        if not fingerprints and len(keys) > 1:
            sql, bound = page_arrays_statement(page, projection, subqueries)
            together = max(ROWS_PER_STATEMENT // max(estimated_rows(page, subqueries), 1), 1)
            for start in range(0, len(keys), together):
                bound["parents"] = msgspec.json.encode(keys[start : start + together]).decode()
                for key, rows in await connection.rows(sql, bound):
                    lists[key] = PageArray(rows or b"")
                if connection.is_slice_over():
                    await connection.yield_to_loop()
            return lists
        sql, bound = page_array_statement(page, projection, bool(row.row_prefix), subqueries, measured)
        for key in keys:
            bound["parent"] = key
            if fingerprints:
                bound["of"] = fingerprints[key]
                bound["lead"] = prefix = row.row_prefix_of(fingerprints[key])
                bound["between"] = f",{prefix}"
            ((rows, *measures),) = connection.rows_on_loop(sql, bound) or await connection.rows_in_thread(sql, bound)
            lists[key] = _measured(rows, measures[0], bool(subqueries)) if rows and measured else PageArray(rows or b"")
            if connection.is_slice_over():
                await connection.yield_to_loop()
        return lists

    async def page_rows(
        self,
        page: Page[Any],
        rows: Sequence[RowText],
        keys: Sequence[Any],
        fingerprints: Fingerprints,
        count: Count[Any] | None = None,
    ) -> PageRows:
        """One statement for each parent."""
        sql, bound = rows_statement(page, tuple([projection_of(row) for row in rows]))
        connection, pages = self.connection, []
        for key in keys:
            bound["parent"] = key
            if fingerprints:
                bound["of"] = fingerprints[key]
            found = connection.rows_on_loop(sql, bound)
            if found is None:
                found = await connection.rows_in_thread(sql, bound)
            if page.backwards:
                found.reverse()
            pages.append(found)
            if connection.is_slice_over():
                await connection.yield_to_loop()
        return PageRows(pages)

    async def counts(self, count: Count[Any], keys: Sequence[Any]) -> list[int]:
        """One statement for each parent."""
        sql, bound = count_statement(count)
        connection, counts = self.connection, []
        for key in keys:
            bound["parent"] = key
            ((number,),) = await connection.rows(sql, bound)
            counts.append(number)
            if connection.is_slice_over():
                await connection.yield_to_loop()
        return counts

    async def feed(self, query: FeedQuery, rows: Sequence[RowText]) -> tuple[FeedState, Rows]:
        """Two statements, in one transaction."""
        ((epoch, _, last, is_kept),) = await self.connection.rows(
            query.state_sql.text(DIALECT), query.parameters((None,))
        )
        columns = ", ".join([projection_of(row).columns for row in rows]) or "NULL"
        found = await self.connection.rows(query.rows_sql(columns, DIALECT), query.parameters((None,)))
        return FeedState(epoch, last, bool(is_kept)), found


class SQLitePlanReads:
    """A pool of readers, each on a connection of its own; see PlanReads."""

    reads_at_once = True

    def __init__(self, connections: EventLoopConnectionPool) -> None:
        self._connections = connections

    def row_at_once(self, wanted: RowsBySid, sid: str, until: float) -> Rows | None:
        """The row, if the connection is free and the statement is short."""
        return self._connections.rows_at_once(wanted.by(row_statement), (sid,))

    async def row(self, wanted: RowsBySid, sid: str, until: float) -> Rows:
        """The row, in a thread if the statement is long."""
        connection = self._connections.take_free(several=False) or await self._connections.take(several=False)
        try:
            connection.begin(several=False, until=until)
            return await connection.rows(wanted.by(row_statement), (sid,))
        finally:
            self._connections.give_back(connection)

    async def run(self, had_several: bool, until: float, work: Callable[[PlanReader], Awaitable[T]]) -> T:
        """Runs the operation on the next free connection; operations are served in order of arrival."""
        connection = self._connections.take_free(several=True) or await self._connections.take(several=True)
        try:
            connection.begin(several=True, until=until)
            return await work(SQLitePlanReader(connection))
        finally:
            self._connections.give_back(connection)


def row_statement(wanted: RowsBySid) -> str:
    """The statement for one of the rows by its SID."""
    return row_sql(wanted.record, projection_of(wanted.row), *([wanted.also] if wanted.also else []))


def _measured(rows: bytes, measure: Any, has_arrays: bool) -> PageArray:
    """Rows that have an array in them are measured by their lengths. Others are counted: the row prefix begins each."""
    if not has_arrays:
        return PageArray(rows, measure)
    lengths = [*map(int, measure.split(","))]
    return PageArray(rows, len(lengths), lengths)
