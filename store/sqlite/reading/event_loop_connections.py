"""Read connections that run statements on the event loop, in short slices, and a pool of them for compiled plans.

A point read takes 10 µs, and switching to another thread and back several times that. So statements run on the event
loop itself, and an operation yields the loop to others after half a millisecond. A statement that takes long is
interrupted and run again in a thread. An operation of several statements reads in one transaction.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from math import inf
from time import perf_counter, thread_time
from typing import Any

from store.errors import OutOfTime, ReadFailed
from store.sqlite.connections import READ_PRAGMAS, READING, reading

SLICE_SECONDS = 0.0005
LOOP_SECONDS = 0.004
"""How much processor time one statement may take on the loop. By wall-clock time, a busy machine would make it long."""
LOOP_WAITING_SECONDS = 0.05
"""How much wall-clock time one statement may take on the loop, for example because it waits for a disk."""
MOST_LONG_STATEMENTS = 500
"""How many statements are remembered as long; beyond that all are forgotten."""
THREAD_SECONDS = 10.0
"""For this long, a statement that was interrupted on the loop starts in a thread right away."""
STEPS_BETWEEN_CHECKS = 2_000
"""SQLite's virtual machine steps between two checks of the deadlines."""
OPERATIONS_AT_ONCE = 4
"""How many operations of several statements can read at the same time."""

Rows = list[Any]


class EventLoopConnection:
    """A read connection, used by one operation at a time: ``begin``, statements, ``end``.

    ``statements`` counts the operation's statements, ``rows_read`` the rows that they returned.
    """

    __slots__ = (
        "_connection",
        "_cpu_deadline",
        "_deadline",
        "_execute",
        "_in_thread_until",
        "_in_transaction",
        "_in_use",
        "_interrupt_at",
        "_shared",
        "_shared_in_turn",
        "_slice_started",
        "rows_read",
        "statements",
    )

    def __init__(self, path: str, in_thread_until: dict[str, float], shared: bool = False) -> None:
        """``in_thread_until`` maps a statement's SQL to the time until which it runs in a thread; the pool shares it.

        If ``shared``, operations of one statement that begin in the same turn of the event loop share a transaction.
        """
        self._in_thread_until, self._shared = in_thread_until, shared
        self._connection = sqlite3.connect(reading(path), **READING, check_same_thread=False)
        self._connection.executescript(READ_PRAGMAS)
        self._connection.set_progress_handler(self._must_stop, STEPS_BETWEEN_CHECKS)
        self._execute = self._connection.execute
        self._slice_started, self._interrupt_at, self._cpu_deadline = 0.0, inf, inf
        self._in_transaction = self._in_use = self._shared_in_turn = False
        self.statements = self.rows_read = 0

    def begin(self, several: bool, until: float = inf) -> None:
        """Starts an operation and its first slice; opens a transaction if it has ``several`` statements.

        The operation must end by ``until``, a time of perf_counter().
        """
        self._slice_started, self._deadline = perf_counter(), until
        # SQLite can call the progress handler during BEGIN and ROLLBACK too.
        self._interrupt_at = self._cpu_deadline = inf
        self.statements = self.rows_read = 0
        self._in_use = True
        if several:
            self._begin_transaction()
        elif self._shared and not self._in_transaction and asyncio.current_task() is None:
            self._share_transaction()

    def rows_at_once(self, sql: str, parameters: Sequence[Any]) -> Rows | None:
        """The rows of a whole operation of one statement that does not wait; None if it takes too long.

        Raises ReadFailed.
        """
        if not self._in_transaction and asyncio.current_task() is None:
            self._share_transaction()
        try:
            return self.rows_on_loop(sql, parameters)
        finally:
            self._interrupt_at = self._cpu_deadline = inf

    def end(self) -> None:
        """Ends the operation, and its transaction unless other operations of this turn share that."""
        self._interrupt_at = self._cpu_deadline = inf
        self._in_use = False
        if self._in_transaction and not self._shared_in_turn:
            self._end_transaction()

    async def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Rows:
        """The statement's rows: read on the loop, or in a thread if that takes too long."""
        rows = self.rows_on_loop(sql, parameters)
        return await self.rows_in_thread(sql, parameters) if rows is None else rows

    def rows_on_loop(self, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Rows | None:
        """The statement's rows, read on the loop; None if it was interrupted as too long. Raises ReadFailed."""
        self.statements += 1
        now = perf_counter()
        if self._in_thread_until.get(sql, 0.0) > now:
            return None
        self._interrupt_at, self._cpu_deadline = now + LOOP_WAITING_SECONDS, 0.0
        try:
            rows: Rows = self._execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if not _is_interrupt(error):
                raise ReadFailed from error
            if perf_counter() < self._interrupt_at:
                self._remember(sql, now + THREAD_SECONDS)
            return None
        self.rows_read += len(rows)
        return rows

    async def rows_in_thread(self, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Rows:
        """The statement's rows, read in a thread. Raises ReadFailed, or OutOfTime at the operation's deadline."""
        self._interrupt_at, self._cpu_deadline = self._deadline, inf
        reading_rows = asyncio.ensure_future(asyncio.to_thread(lambda: self._execute(sql, parameters).fetchall()))
        try:
            rows: Rows = await asyncio.shield(reading_rows)
        except sqlite3.Error as error:
            raise (OutOfTime if _is_interrupt(error) else ReadFailed) from error
        finally:
            self._interrupt_at = 0.0
            await _finished(reading_rows)
        self._slice_started = perf_counter()
        self.rows_read += len(rows)
        return rows

    def is_slice_over(self) -> bool:
        """Whether the operation should yield the loop now."""
        return perf_counter() - self._slice_started > SLICE_SECONDS

    async def yield_to_loop(self) -> None:
        """Yields the loop once; raises OutOfTime past the operation's deadline."""
        await asyncio.sleep(0)
        self._slice_started = perf_counter()
        if self._slice_started > self._deadline:
            raise OutOfTime

    def close(self) -> None:
        """Closes the SQLite connection."""
        self._connection.close()

    def _share_transaction(self) -> None:
        """Opens a transaction for all operations of one statement that begin in this turn of the event loop.

        Call it outside of tasks only, where the request has just arrived: later requests arrive in a later turn, so the
        transaction hides no write from them. Opening one costs as much as reading a row.
        """
        self._begin_transaction()
        self._shared_in_turn = True
        asyncio.get_running_loop().call_soon(self._end_turn)

    def _begin_transaction(self) -> None:
        self._execute("BEGIN")
        self._in_transaction = True

    def _end_transaction(self) -> None:
        self._execute("ROLLBACK")
        self._in_transaction = False

    def _end_turn(self) -> None:
        self._shared_in_turn = False
        if not self._in_use:  # It still is if its statement runs on in a thread.
            self._end_transaction()

    def _must_stop(self) -> bool:
        if perf_counter() > self._interrupt_at:
            return True
        if self._cpu_deadline == inf:
            return False
        used = thread_time()
        if not self._cpu_deadline:  # The first check; a statement that ends before it isn't long.
            self._cpu_deadline = used + LOOP_SECONDS
        return used > self._cpu_deadline

    def _remember(self, sql: str, until: float) -> None:
        if len(self._in_thread_until) >= MOST_LONG_STATEMENTS:
            self._in_thread_until.clear()
        self._in_thread_until[sql] = until


async def _finished(reading_rows: "asyncio.Future[Rows]") -> None:
    """Waits until the thread is done, even if cancelled: only then may others use the connection."""
    cancelled: asyncio.CancelledError | None = None
    while not reading_rows.done():
        try:
            await asyncio.wait([reading_rows])
        except asyncio.CancelledError as error:
            cancelled = error
    reading_rows.exception()  # This marks it as seen, so asyncio logs nothing.
    if cancelled:
        raise cancelled


class EventLoopConnectionPool:
    """A pool of EventLoopConnections, which bounds how many operations read at the same time.

    One connection is only for operations of a single statement, so that they don't wait for those of several.
    """

    def __init__(self, path: str) -> None:
        in_thread_until: dict[str, float] = {}
        self._single = EventLoopConnection(path, in_thread_until, shared=True)
        self._all = [self._single, *(EventLoopConnection(path, in_thread_until) for _ in range(OPERATIONS_AT_ONCE))]
        self._free, self._single_is_free = self._all[1:], True
        self._waiters: dict[asyncio.Future[EventLoopConnection], bool] = {}
        """In order of arrival; the value says whether the operation has several statements."""

    def take_free(self, several: bool) -> EventLoopConnection | None:
        """A free connection for an operation of one or ``several`` statements, to be given back; None if none is."""
        if not several and self._single_is_free:
            self._single_is_free = False
            return self._single
        return self._free.pop() if self._free else None

    def rows_at_once(self, sql: str, parameters: Sequence[Any]) -> Rows | None:
        """The rows of an operation of one short statement; None if its connection is in use or it takes too long.

        Raises ReadFailed. It doesn't take the connection, since nothing else runs before it returns.
        """
        return self._single.rows_at_once(sql, parameters) if self._single_is_free else None

    async def take(self, several: bool = True) -> EventLoopConnection:
        """Waits for a connection, to be given back; served in order of arrival."""
        if free := self.take_free(several):
            return free
        waiter: asyncio.Future[EventLoopConnection] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = several
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # It was handed a connection already.
                self.give_back(waiter.result())
            raise
        finally:
            self._waiters.pop(waiter, None)

    def give_back(self, connection: EventLoopConnection) -> None:
        """Ends the operation, and hands the connection to the next waiter that may have it, or marks it free."""
        connection.end()
        if waiter := self._next_waiter(connection is self._single):
            waiter.set_result(connection)
        elif connection is self._single:
            self._single_is_free = True
        else:
            self._free.append(connection)

    def _next_waiter(self, single: bool) -> "asyncio.Future[EventLoopConnection] | None":
        """Removes and returns the first waiter; one with several statements never gets the ``single`` connection."""
        for waiter, several in self._waiters.items():
            if not waiter.done() and not (single and several):  # A waiter that was just cancelled is done.
                del self._waiters[waiter]
                return waiter
        return None

    def close(self) -> None:
        """Closes all connections."""
        for connection in self._all:
            connection.close()


def _is_interrupt(error: sqlite3.Error) -> bool:
    # An error that Python's sqlite3 raises by itself has no sqlite_errorname.
    return getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
