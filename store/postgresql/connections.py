"""Connections to PostgreSQL, and a pool that keeps them with their prepared statements.

The pool is a list of asyncpg's connections. asyncpg's own pool wraps each one and resets it when it comes back, which
takes a fifth to a quarter of the time of a point read.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from math import inf
from typing import Any

import asyncpg

from store.engine.database import Address
from store.engine.interruptible import Expiring, Watch
from store.engine.protocols import Parameters
from store.errors import DatabaseError, OutOfTime, Unavailable
from store.postgresql.addresses import arguments
from store.postgresql.explanations import FAILURES, explained_read, unavailable, unreachable
from store.postgresql.parameters import labelled, numbered
from store.postgresql.several_hosts import PRIMARIES, wants_primary

LOOK_SECONDS = 0.05
"""Seconds between checks for statements that are past their deadline."""
COMMAND_SECONDS = 10.0
"""The default time limit of a statement on the client's side; it also holds if the server is frozen."""
READING = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "1s",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""The server's settings for connections that read. With them the server ends the statements of a client that died.

A statement gets one generic plan instead of one for its values, since planning takes up to a millisecond.
"""
CLOSING_SECONDS = 2.0
HOST_SECONDS = 3.0
"""How long connecting to one of several hosts may take."""
SMALL_READ = "read"
"""The kind of statements that belong to no GraphQL operation."""
READ_TRANSACTION = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

RawConnection = asyncpg.Connection
Initialize = Callable[[RawConnection], Awaitable[None]]


async def connect(address: Address, settings: dict[str, str] | None = None, most_seconds: float = inf) -> RawConnection:
    """A new connection of asyncpg's, with these settings of the server. Raises DatabaseUnreachable.

    If it names several hosts, it connects to the primary. Each has ``most_seconds`` to answer, or less by the URL.
    """

    async def to_host(host: Address, seconds: float) -> RawConnection:
        given = arguments(host, settings)
        given["timeout"] = min(seconds, given["timeout"])
        return await asyncpg.connect(**given)

    try:
        if wants_primary(address):
            return await PRIMARIES.connect(address, partial(to_host, seconds=min(most_seconds, HOST_SECONDS)))
        return await to_host(address, most_seconds)
    except (ValueError, *FAILURES) as error:
        raise unreachable(error, address) from error


class Connection:
    """A pooled connection: it reads, and knows whether it can be used again.

    After a time-out or a cancellation its statement may still run, so it is closed instead.
    """

    __slots__ = ("_watch", "address", "raw", "usable")

    def __init__(self, raw: RawConnection, address: Address, watch: Watch | None = None) -> None:
        self.raw, self.address, self._watch = raw, address, watch or Watch(LOOK_SECONDS)
        self.usable = True

    async def fetch(
        self, sql: str, parameters: Parameters = (), deadline: float = inf, kind: str = SMALL_READ
    ) -> list[Any]:
        """The rows of a statement with named parameters, until ``deadline``, a time of time.monotonic().

        ``kind`` stands in the statement's comment.

        Raises OutOfTime at the deadline, Unavailable if the server is gone or doesn't answer, else ReadFailed.
        """
        text, names = numbered(sql)
        values = [parameters[name] for name in names] if isinstance(parameters, dict) else parameters
        return await self.fetch_values(text, values, deadline, kind)

    async def fetch_values(
        self, text: str, values: Sequence[Any] = (), deadline: float = inf, kind: str = SMALL_READ
    ) -> list[Any]:
        """The same for a statement with numbered parameters."""
        now = time.monotonic()
        if deadline <= now:
            raise OutOfTime
        read = Expiring(self.raw.fetch(labelled(text, kind), *values), min(deadline, now + COMMAND_SECONDS))
        self._watch.add(read)
        try:
            return await read
        except asyncio.CancelledError as error:
            self.usable = False
            if not read.is_interrupted:
                raise
            raise (OutOfTime() if deadline <= read.due else unavailable(self.address)) from error
        except Exception as error:
            raise explained_read(error, self.address) from error
        finally:
            self._watch.discard(read)

    async def begin(self) -> None:
        """Opens a read transaction, whose statements all see the archive as it is now."""
        await self._command(READ_TRANSACTION)

    async def end(self) -> None:
        """Ends the read transaction."""
        await self._command("COMMIT")

    async def _command(self, sql: str) -> None:
        try:
            await self.raw.execute(sql, timeout=COMMAND_SECONDS)
        except BaseException as error:
            self.usable = False
            if isinstance(error, Exception):
                raise explained_read(error, self.address) from error
            raise

    @property
    def is_idle(self) -> bool:
        """Whether another operation can use it now."""
        return self.usable and not self.raw.is_closed() and not self.raw.is_in_transaction()


class ConnectionPool:
    """Up to ``size`` connections, opened when they are needed. Whoever waits gets one in order of arrival."""

    def __init__(
        self,
        address: Address,
        size: int,
        settings: dict[str, str] | None = None,
        initialize: Initialize | None = None,
        connect_seconds: float = inf,
    ) -> None:
        """``initialize`` is called with each new connection, for example to set a codec."""
        self.address = address
        self._size = size
        self._settings = READING if settings is None else settings
        self._initialize, self._connect_seconds = initialize, connect_seconds
        self._all: set[Connection] = set()
        self._watch = Watch(LOOK_SECONDS)
        self._free: list[Connection] = []
        self._open = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._background: set[asyncio.Task[None]] = set()

    def take_free(self) -> Connection | None:
        """A free connection, which the caller gives back, or None. Skips those that the server has closed."""
        while self._free:
            connection = self._free.pop()
            if not connection.raw.is_closed():
                return connection
            self._all.discard(connection)
            self._open -= 1
        return None

    async def take(self, deadline: float = inf) -> Connection:
        """A free or a new connection, which the caller gives back.

        Raises Unavailable if the server can't be reached, OutOfTime at ``deadline``, a time of time.monotonic().
        """
        if connection := self.take_free():
            return connection
        if asyncio.current_task() is None:
            # An eagerly started coroutine. asyncio.timeout needs its task, here and in asyncpg's connect.
            await asyncio.sleep(0)
        if deadline == inf:
            return await self._take()
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await self._take()
        except TimeoutError as error:
            raise OutOfTime from error

    def give_back(self, connection: Connection) -> None:
        """Frees the connection; one that can't be used again at once is closed in the background."""
        if not connection.is_idle:
            self._all.discard(connection)
            self._in_background(close(connection.raw))
            self._free_place()
        elif waiter := self._next_waiter():
            waiter.set_result(connection)
        else:
            self._free.append(connection)

    async def fetch(
        self, sql: str, parameters: Parameters = (), deadline: float = inf, kind: str = SMALL_READ
    ) -> list[Any]:
        """The rows of one statement, on a connection of the pool; on another one if it turns out to be dead."""
        connection = self.take_free() or await self.take(deadline)
        try:
            return await self._fetch_on(connection, sql, parameters, deadline, kind)
        except Unavailable:
            if not (connection.usable and connection.raw.is_closed()):  # It timed out, or the pool dropped it.
                raise
        return await self._fetch_on(await self.take(deadline), sql, parameters, deadline, kind)

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many connections are open, how many of these are in use, and how many operations wait for one."""
        return self._open, self._open - len(self._free), len(self._waiters)

    def abort(self) -> None:
        """Drops all connections, since the server doesn't answer: whoever waits for one gets Unavailable at once."""
        for connection in self._all:
            connection.usable = False
            connection.raw.terminate()

    async def close(self) -> None:
        """Closes all connections, also those in use, and waits for those that are being closed."""
        self._free.clear()
        await asyncio.gather(*(close(connection.raw) for connection in self._all), *self._background)

    async def _fetch_on(
        self, connection: Connection, sql: str, parameters: Parameters, deadline: float, kind: str
    ) -> list[Any]:
        try:
            return await connection.fetch(sql, parameters, deadline, kind)
        finally:
            self.give_back(connection)

    async def _take(self) -> Connection:
        if self._open < self._size:
            self._open += 1
        elif connection := await self._wait():
            return connection
        try:
            raw = await connect(self.address, self._settings, self._connect_seconds)
        except BaseException as error:
            self._free_place()
            if isinstance(error, DatabaseError):
                raise Unavailable(str(error)) from error
            raise
        connection = Connection(raw, self.address, self._watch)
        self._all.add(connection)
        try:
            if self._initialize:
                await self._initialize(raw)
        except BaseException:
            connection.usable = False
            self.give_back(connection)
            raise
        return connection

    async def _wait(self) -> Connection | None:
        """A connection that was given back, or None if one was closed, so that a new one may be opened."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # It was cancelled after it got one.
                if connection := waiter.result():
                    self.give_back(connection)
                else:
                    self._free_place()
            raise

    def _free_place(self) -> None:
        if waiter := self._next_waiter():
            waiter.set_result(None)
        else:
            self._open -= 1

    def _next_waiter(self) -> "asyncio.Future[Connection | None] | None":
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def close(raw: RawConnection) -> None:
    """Closes a connection; also one whose statement is being cancelled, or whose server doesn't answer."""
    try:
        await raw.close(timeout=CLOSING_SECONDS)
    except FAILURES:
        raw.terminate()
