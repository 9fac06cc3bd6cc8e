"""PostgreSQL's snapshot: a REPEATABLE READ transaction on a connection of its own, in a thread with an event loop.

A cursor has the SIDs of the list, in its order; the rows are read by their SIDs, some at a time. While the transaction
is open, VACUUM keeps rows that were erased since it began. So it ends after ``seconds``; if this process is frozen,
the server ends it.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from math import ceil
from typing import Any, TypeVar

import asyncpg
import msgspec

from store.engine.database import Address
from store.exports import snapshots
from store.exports.columns import Reference
from store.exports.lines import Line
from store.exports.snapshots import ERASED, FIRST_READ, expired
from store.postgresql.connections import READ_TRANSACTION, READING, RawConnection, close, connect
from store.postgresql.dialect import DIALECT
from store.postgresql.explanations import explained_read
from store.postgresql.exports.statements import count_listed_sql, lines_sql, rows_sql, sids_sql
from store.postgresql.opening import check_readable, prepare
from store.postgresql.parameters import labelled, numbered
from store.queries.pages import Count, Page

T = TypeVar("T")

KIND = "export"
"""The kind of these statements, which pg_stat_statements shows."""
LONGEST_MS = 2**31 - 1
"""The maximum of the server's timeouts."""


class PostgreSQLSnapshot:
    """One state of the archive, opened by ``snapshot``; see store.exports.snapshots.Snapshot."""

    def __init__(self, address: Address, seconds: float) -> None:
        self._address, self._seconds = address, seconds
        self._has_expired = False
        self._thread = threading.Thread(target=asyncio.run, args=[self._serve()], name="snapshot", daemon=True)
        self._is_serving = threading.Event()
        self._reading: set[asyncio.Task[Any]] = set()
        self._connection: RawConnection | None = None
        self._erased = 0

    def begin(self) -> None:
        """Begins the read transaction; it sees nothing that is written later."""
        self._thread.start()
        self._is_serving.wait()
        self._run(self._begin).result()

    def close(self) -> None:
        """Ends the snapshot, and its thread; a statement that still runs is cancelled."""
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join()

    def count(self, page: Page[Any]) -> int:
        """The number of rows of ``page``."""
        query = Count(page.relation, page.filter)
        ((payload,),) = self._run(self._fetch, query.sql.text(DIALECT), query.parameters([None])).result()
        return query.answer(payload, [None])[0]

    def lines(self, page: Page[Any], line: Line, references: Sequence[Reference]) -> Iterator[tuple[bytes, int]]:
        """All rows of ``page``, each as a line: pieces of bytes, each with its number of rows."""
        for rows in self._pieces(page, lines_sql(page, line, references)):
            yield "".join([line for (line,) in rows]).encode(), len(rows)

    def rows(self, page: Page[Any], values: Sequence[str], references: Sequence[Reference]) -> Iterator[list[Any]]:
        """The SQL expressions ``values`` of all rows of ``page``, in pieces."""
        return self._pieces(page, rows_sql(page, values, references))

    def erased_since(self, page: Page[Any]) -> int:
        """How many rows of ``page`` in this snapshot have been erased from the archive since it began."""
        return self._run(self._erased_since, page).result()

    def wait(self) -> None:
        """Waits until the thread has finished, for example until it has ended the transaction."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()

    def expire(self) -> None:
        """Ends the snapshot; further reads raise SnapshotExpired."""
        self._has_expired = True
        self._loop.call_soon_threadsafe(self._expire)

    def _pieces(self, page: Page[Any], sql: str) -> Iterator[list[Any]]:
        """The rows of a statement for the SIDs of the list, some at a time; the next ones are read in advance."""
        cursor = self._run(self._cursor, page).result()
        ahead = self._run(self._next, cursor, sql)
        while rows := ahead.result():
            ahead = self._run(self._next, cursor, sql)
            yield rows

    async def _serve(self) -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        self._is_serving.set()
        await self._closed.wait()
        await self._end()

    async def _begin(self) -> None:
        most = f"{min(ceil(self._seconds * 1000) + 1000, LONGEST_MS)}ms"
        limits = {"statement_timeout": most, "idle_in_transaction_session_timeout": most}
        if not await check_readable(self._address):
            await prepare(self._address, create=False)
        self._connection = await connect(self._address, READING | limits)
        await self._connection.execute(READ_TRANSACTION)
        ((self._erased,),) = await self._connection.fetch(FIRST_READ)
        self._loop.call_later(self._seconds, self.expire)

    async def _cursor(self, page: Page[Any]) -> Any:
        statement = numbered(labelled(sids_sql(page), KIND))
        return await self._open.cursor(statement.text, *statement.values(page.bound()))

    async def _next(self, cursor: Any, sql: str) -> list[Any]:
        sids = [sid for (sid,) in await cursor.fetch(snapshots.ROWS_PER_READ)]
        if not sids:
            return []
        rows = await self._fetch(sql, {"sids": _json(sids)})
        return [row[1:] for row in sorted(rows, key=lambda row: row[0])]

    async def _erased_since(self, page: Page[Any]) -> int:
        newest = await connect(self._address, READING)
        try:
            ((erased,),) = await newest.fetch(FIRST_READ)
            if erased == self._erased:
                return 0
            now = {sid for (sid,) in await newest.fetch(ERASED)}
        finally:
            await close(newest)
        before = {sid for (sid,) in await self._open.fetch(ERASED)}
        ((count,),) = await self._fetch(count_listed_sql(page), page.bound() | {"sids": _json(sorted(now - before))})
        return int(count)

    async def _fetch(self, sql: str, parameters: dict[str, Any]) -> list[Any]:
        statement = numbered(labelled(sql, KIND))
        rows: list[Any] = await self._open.fetch(statement.text, *statement.values(parameters))
        return rows

    @property
    def _open(self) -> RawConnection:
        if self._connection is None:
            raise expired(self._seconds)
        return self._connection

    def _run(self, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(self._read(work, *arguments), self._loop)

    async def _read(self, work: Callable[..., Coroutine[Any, Any, T]], *arguments: Any) -> T:
        task = asyncio.ensure_future(work(*arguments))
        self._reading.add(task)
        try:
            return await task
        except (asyncio.CancelledError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            if self._has_expired:
                raise expired(self._seconds) from error
            if isinstance(error, asyncio.CancelledError):
                raise
            raise explained_read(error, self._address) from error
        finally:
            self._reading.discard(task)

    def _expire(self) -> None:
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        for task in self._reading:
            task.cancel()
        connection, self._connection = self._connection, None
        if connection:
            await close(connection)


@contextmanager
def snapshot_of_database(address: Address, seconds: float) -> Iterator[PostgreSQLSnapshot]:
    """The newest state of the archive at ``address``, for at most ``seconds``.

    Changes nothing, except that it migrates an older archive if it can write it. Raises a DatabaseError if there is no
    archive or it can't be used.
    """
    opened = PostgreSQLSnapshot(address, seconds)
    try:
        opened.begin()
        yield opened
    finally:
        opened.close()


def _json(sids: Sequence[str]) -> str:
    return msgspec.json.encode(sids).decode()
