"""Read connections whose statements have deadlines and run in the connection's thread, and a pool of them.

A connection's progress handler interrupts a statement that is past its deadline or was cancelled.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import aiosqlite

from store.errors import OutOfTime
from store.sqlite.connections import READ_PRAGMAS, READING, reading

STEPS_BETWEEN_CHECKS = 50_000
"""SQLite's virtual machine steps between two checks of the deadline: a millisecond or two."""
CONNECTIONS_KEPT = 4
"""How many connections the pool keeps open while no operation uses them."""


class StatementDeadline:
    """The time.monotonic() by which a statement must be done; SQLite's progress handler checks it."""

    __slots__ = ("at",)

    def __init__(self, at: float = math.inf) -> None:
        self.at = at

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self.at


class ReadConnection:
    """A read connection whose statements have deadlines. They run one after another, in aiosqlite's thread.

    With ``one_transaction`` they read in one transaction, which the first of them begins, until ``end_transaction``.
    ``deadline`` is the running statement's.
    """

    def __init__(self, connection: aiosqlite.Connection, one_transaction: bool) -> None:
        self._connection, self._one_transaction = connection, one_transaction
        self._lock = asyncio.Lock()
        self._running: set[asyncio.Task[list[Any]]] = set()
        self.deadline = StatementDeadline()

    async def open(self, steps_between_checks: int) -> None:
        """Opens it. Raises sqlite3.Error if that fails; then it has to be stopped."""
        await self._connection
        await self._connection.executescript(READ_PRAGMAS)
        await self._connection.set_progress_handler(lambda: self.deadline.is_over(), steps_between_checks)

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = (), by: float = math.inf) -> list[Any]:
        """The statement's rows; raises OutOfTime if it isn't done ``by`` this time.

        If the caller is cancelled, the statement is interrupted; the next one starts when it has ended.
        """
        deadline = StatementDeadline(by)
        running = asyncio.create_task(self._fetch(sql, parameters, deadline))
        self._running.add(running)
        running.add_done_callback(self._forget)
        try:
            await asyncio.wait([running])
        except asyncio.CancelledError:
            deadline.at = -math.inf
            raise
        return running.result()

    async def end_transaction(self) -> None:
        """Ends the read transaction; the next statement sees the archive's newest state."""
        async with self._lock:
            self.deadline = StatementDeadline()  # SQLite calls the progress handler during ROLLBACK too.
            await self._connection.rollback()

    async def close(self) -> None:
        """Closes it, after its statements."""
        async with self._lock:
            await self._connection.close()

    def stop(self) -> None:
        """Closes it without waiting for it."""
        self._connection.stop()

    async def _fetch(
        self, sql: str, parameters: Sequence[Any] | dict[str, Any], deadline: StatementDeadline
    ) -> list[Any]:
        async with self._lock:
            if deadline.is_over():
                raise OutOfTime
            self.deadline = deadline
            try:
                if self._one_transaction and not self._connection.in_transaction:
                    await self._connection.execute_fetchall("BEGIN")
                return list(await self._connection.execute_fetchall(sql, parameters))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname == "SQLITE_INTERRUPT":
                    raise OutOfTime from error
                raise

    def _forget(self, running: "asyncio.Task[list[Any]]") -> None:
        self._running.discard(running)
        if not running.cancelled():
            running.exception()  # This marks it as seen, since nobody waits for a cancelled caller's statement.


async def open_read_connection(
    path: str, one_transaction: bool = False, steps_between_checks: int = STEPS_BETWEEN_CHECKS
) -> ReadConnection:
    """Opens a read connection to the database at ``path``."""
    connection = ReadConnection(aiosqlite.connect(reading(path), **READING), one_transaction)
    try:
        await connection.open(steps_between_checks)
    except BaseException:  # Also if cancelled, since the connection's thread would keep the process from ending.
        connection.stop()
        raise
    return connection


class ReadConnectionPool:
    """A pool of read connections: each operation takes one, and reads in one transaction on it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._free: list[ReadConnection] = []
        self._background: set[asyncio.Task[None]] = set()

    async def take(self) -> ReadConnection:
        """A free or new connection, to be given back. If the caller is cancelled, the new one goes to the pool."""
        if self._free:
            return self._free.pop()
        opening = asyncio.create_task(open_read_connection(self._path, one_transaction=True))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._in_background(self._keep(opening))
            raise

    async def give_back(self, connection: ReadConnection) -> None:
        """Ends the connection's transaction and frees it; a cancellation doesn't interrupt that."""
        await asyncio.shield(self._in_background(self._release(connection)))

    async def close(self) -> None:
        """Closes the free connections, once the background tasks are done."""
        await asyncio.gather(*self._background)
        while self._free:
            await self._free.pop().close()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _keep(self, opening: "asyncio.Task[ReadConnection]") -> None:
        await self._release(await opening)

    async def _release(self, connection: ReadConnection) -> None:
        await connection.end_transaction()
        if len(self._free) < CONNECTIONS_KEPT:
            self._free.append(connection)
        else:
            await connection.close()
