"""Read connections whose statements have deadlines and run in the connection's thread, and a pool of them.

A connection's progress handler interrupts a statement that is past its deadline or was cancelled.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from store.errors import OutOfTime
from store.sqlite.connections import READ_PRAGMAS, READING, reading

T = TypeVar("T")

STEPS_BETWEEN_CHECKS = 50_000
"""SQLite's virtual machine steps between two checks of the deadline: a millisecond or two."""
CONNECTIONS_KEPT = 4
"""How many connections the pool keeps open while no operation uses them."""


class Deadline:
    """The time.monotonic() by which a statement must be done; SQLite's progress handler checks it."""

    __slots__ = ("at",)

    def __init__(self, at: float = math.inf) -> None:
        self.at = at

    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() > self.at


class ReadConnection:
    """A read connection whose statements have deadlines. They run one after another, in its thread.

    With ``one_transaction`` they read in one transaction, which the first of them begins, until ``end_transaction``.
    ``deadline`` is that of the statement that runs.
    """

    def __init__(self, path: str, one_transaction: bool, steps_between_checks: int) -> None:
        self._path = path
        self._one_transaction = one_transaction
        self._steps_between_checks = steps_between_checks
        self._thread = ThreadPoolExecutor(1, "read")
        self._connection: sqlite3.Connection | None = None
        self.deadline = Deadline()

    async def open(self) -> None:
        """Opens it. Raises sqlite3.Error if that fails; then it has to be stopped."""
        await self._in_thread(self._open)

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = (), by: float = math.inf) -> list[Any]:
        """The statement's rows; raises OutOfTime if it isn't done ``by`` this time."""
        deadline = Deadline(by)
        try:
            return await self._in_thread(self._fetch_all, sql, parameters, deadline)
        except asyncio.CancelledError:
            deadline.at = -math.inf
            raise

    async def end_transaction(self) -> None:
        """Ends the read transaction; the next statement sees the archive's newest state."""
        await self._in_thread(self._rollback)

    async def close(self) -> None:
        """Closes it, after its statements."""
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Closes it without waiting for it."""
        self._thread.submit(self._close)
        self._thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _open(self) -> None:
        self._connection = sqlite3.connect(reading(self._path), **READING)
        self._connection.executescript(READ_PRAGMAS)
        self._connection.set_progress_handler(self._is_over, self._steps_between_checks)

    def _is_over(self) -> bool:
        return self.deadline.is_over()

    def _fetch_all(self, sql: str, parameters: Sequence[Any] | dict[str, Any], deadline: Deadline) -> list[Any]:
        if deadline.is_over():
            raise OutOfTime
        self.deadline, connection = deadline, self._opened()
        try:
            if self._one_transaction and not connection.in_transaction:
                connection.execute("BEGIN")
            return connection.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_INTERRUPT":
                raise OutOfTime from error
            raise

    def _rollback(self) -> None:
        self.deadline = Deadline()  # SQLite calls the progress handler during ROLLBACK too.
        self._opened().rollback()

    def _close(self) -> None:
        if self._connection:
            self._connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("Expected an open read connection, but it was not opened.")
        return self._connection


async def open_read_connection(
    path: str, one_transaction: bool = False, steps_between_checks: int = STEPS_BETWEEN_CHECKS
) -> ReadConnection:
    """Opens a read connection to the database at ``path``."""
    connection = ReadConnection(path, one_transaction, steps_between_checks)
    try:
        await connection.open()
    except BaseException:  # Also if cancelled: the file may be open by then.
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
