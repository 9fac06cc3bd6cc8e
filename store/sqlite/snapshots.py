"""Snapshots: reads on the event loop itself, in short slices, all of one operation on the same state of the archive.

A point read takes 10 µs, and the way to another thread and back several times that. So statements run where they
are asked for, and give the loop to others after half a millisecond. One that turns out to take long is interrupted
and run again in a thread.
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
"""How long one statement may work on the loop: by the processor's time, for a machine that is busy with something else
makes no statement long."""
LOOP_WAITING_SECONDS = 0.05
"""How long one statement may keep the loop in all, as one does that waits for a disk."""
LONG_REMEMBERED = 500
LONG_AGAIN_SECONDS = 10.0
"""For so long a statement that kept the loop too long is run in a thread right away."""
STEPS_BETWEEN_LOOKS = 2_000
AT_ONCE = 4

Rows = list[Any]


class Snapshot:
    """One operation's reads. ``statements`` counts them, ``rows_read`` the rows that they gave."""

    __slots__ = (
        "_begun",
        "_connection",
        "_done_by",
        "_execute",
        "_in_transaction",
        "_in_use",
        "_long",
        "_of_turn",
        "_over",
        "_shared",
        "_until",
        "rows_read",
        "statements",
    )

    def __init__(self, path: str, long: dict[str, float], shared: bool = False) -> None:
        """``long`` says until when a statement, which proved long, is not tried on the loop; shared by all.

        What is ``shared`` is one state for all operations of one statement that came in the same turn of the loop.
        """
        self._long, self._shared = long, shared
        self._connection = sqlite3.connect(reading(path), **READING, check_same_thread=False)
        self._connection.executescript(READ_PRAGMAS)
        self._connection.set_progress_handler(self._is_over, STEPS_BETWEEN_LOOKS)
        self._execute = self._connection.execute
        self._begun, self._over, self._done_by = 0.0, inf, inf
        self._in_transaction = self._in_use = self._of_turn = False
        self.statements = self.rows_read = 0

    def begin(self, several: bool, until: float = inf) -> None:
        """Starts an operation's slice, and where it needs ``several`` statements what they all see.

        It has to be done ``until`` this time, by perf_counter().
        """
        self._begun, self._until = perf_counter(), until
        self._over = self._done_by = inf  # SQLite looks during BEGIN and ROLLBACK too, once in many of them.
        self.statements = self.rows_read = 0
        self._in_use = True
        if several:
            self._hold()
        elif self._shared and not self._in_transaction and asyncio.current_task() is None:
            # Without a task it is of a request that has just come. Those that come later come in a later turn, so none
            # misses what was written before it came; and a state costs as much to take hold of as a row to read.
            self._hold()
            self._of_turn = True
            asyncio.get_running_loop().call_soon(self._end_turn)

    def end(self) -> None:
        """Lets go of what the operation saw, unless others of the turn see it too."""
        self._over = self._done_by = inf
        self._in_use = False
        if self._in_transaction and not self._of_turn:
            self._let_go()

    async def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Rows:
        """The rows of a statement that may well be long: in a thread, if the loop is too short for it."""
        rows = self.quick_rows(sql, parameters)
        return await self.long_rows(sql, parameters) if rows is None else rows

    def quick_rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Rows | None:
        """The statement's rows, or None where it takes longer than the loop can wait. Raises ReadFailed."""
        self.statements += 1
        now = perf_counter()
        if self._long.get(sql, 0.0) > now:
            return None
        self._over, self._done_by = now + LOOP_WAITING_SECONDS, 0.0
        try:
            rows: Rows = self._execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            if not _is_interrupt(error):
                raise ReadFailed from error
            if perf_counter() < self._over:
                self._remember(sql, now + LONG_AGAIN_SECONDS)
            return None
        self.rows_read += len(rows)
        return rows

    async def long_rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any]) -> Rows:
        """The statement's rows, read in a thread.

        Raises OutOfTime where they take longer than the operation may, and ReadFailed.
        """
        self._over, self._done_by = self._until, inf
        reading_rows = asyncio.ensure_future(asyncio.to_thread(lambda: self._execute(sql, parameters).fetchall()))
        try:
            rows: Rows = await asyncio.shield(reading_rows)
        except sqlite3.Error as error:
            raise (OutOfTime if _is_interrupt(error) else ReadFailed) from error
        finally:
            self._over = 0.0
            await _ended(reading_rows)
        self._begun = perf_counter()
        self.rows_read += len(rows)
        return rows

    def is_due(self) -> bool:
        """Whether others should have the loop now."""
        return perf_counter() - self._begun > SLICE_SECONDS

    async def give_way(self) -> None:
        """Lets others have the loop; raises OutOfTime where the operation took as long as it may."""
        await asyncio.sleep(0)
        self._begun = perf_counter()
        if self._begun > self._until:
            raise OutOfTime

    def close(self) -> None:
        """Closes its connection."""
        self._connection.close()

    def _hold(self) -> None:
        self._execute("BEGIN")
        self._in_transaction = True

    def _let_go(self) -> None:
        self._execute("ROLLBACK")
        self._in_transaction = False

    def _end_turn(self) -> None:
        self._of_turn = False
        if not self._in_use:  # As it is where it reads on in a thread.
            self._let_go()

    def _is_over(self) -> bool:
        if perf_counter() > self._over:
            return True
        if self._done_by == inf:
            return False
        used = thread_time()
        if not self._done_by:  # At the first look; what is done before it was not long.
            self._done_by = used + LOOP_SECONDS
        return used > self._done_by

    def _remember(self, sql: str, until: float) -> None:
        if len(self._long) >= LONG_REMEMBERED:
            self._long.clear()
        self._long[sql] = until


async def _ended(reading_rows: "asyncio.Future[Rows]") -> None:
    """Waits until the thread is done, however often it is cancelled: only then may others use the connection."""
    cancelled: asyncio.CancelledError | None = None
    while not reading_rows.done():
        try:
            await asyncio.wait([reading_rows])
        except asyncio.CancelledError as error:
            cancelled = error
    reading_rows.exception()  # What nobody awaits any more is no news.
    if cancelled:
        raise cancelled


class Snapshots:
    """The connections that snapshots are read on: as many operations at a time as there are.

    One is for operations of one statement, which need not wait until others have done their many.
    """

    def __init__(self, path: str) -> None:
        long: dict[str, float] = {}
        self._single = Snapshot(path, long, shared=True)
        self._all = [self._single, *(Snapshot(path, long) for _ in range(AT_ONCE))]
        self._free, self._single_is_free = self._all[1:], True
        self._waiters: dict[asyncio.Future[Snapshot], bool] = {}
        """Who waits longest comes first; with each, whether it is an operation of several statements."""

    def take_free(self, several: bool) -> Snapshot | None:
        """A connection for an operation of one statement or ``several``, to be given back; None where none is free."""
        if not several and self._single_is_free:
            self._single_is_free = False
            return self._single
        return self._free.pop() if self._free else None

    async def take(self, several: bool = True) -> Snapshot:
        """The same, once one is free; who waits longest gets it, before anybody who comes later."""
        if free := self.take_free(several):
            return free
        waiter: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = several
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # It had got one already.
                self.give_back(waiter.result())
            raise
        finally:
            self._waiters.pop(waiter, None)

    def give_back(self, snapshot: Snapshot) -> None:
        """Hands the connection to the operation that waits longest for one like it, or makes it free."""
        snapshot.end()
        if waiter := self._next_waiter(snapshot is self._single):
            waiter.set_result(snapshot)
        elif snapshot is self._single:
            self._single_is_free = True
        else:
            self._free.append(snapshot)

    def _next_waiter(self, single: bool) -> "asyncio.Future[Snapshot] | None":
        """Takes it out of those that wait; an operation of several statements never gets the ``single`` connection."""
        for waiter, several in self._waiters.items():
            if not waiter.done() and not (single and several):  # Done is one that was cancelled just now.
                del self._waiters[waiter]
                return waiter
        return None

    def close(self) -> None:
        """Closes all connections."""
        for snapshot in self._all:
            snapshot.close()


def _is_interrupt(error: sqlite3.Error) -> bool:
    # What Python's module refuses by itself has no name of SQLite's.
    return getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
