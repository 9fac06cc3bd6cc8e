"""A pool of connections to PostgreSQL, which keeps them with their prepared statements.

It is a list of asyncpg's connections. asyncpg's own pool wraps each one and resets it when it comes back, which takes a
fifth to a quarter of the time of a point read.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from math import inf
from typing import Any

from store.engine.database import Address
from store.engine.interruptible import Watch
from store.engine.protocols import Parameters
from store.errors import OutOfTime, Unavailable
from store.postgresql.connections import (
    CHECK_INTERVAL_SECONDS,
    READING,
    SMALL_READ,
    Connector,
    RawConnection,
    ReadConnection,
    close,
)
from store.postgresql.explanations import unavailable

Initialize = Callable[[RawConnection], Awaitable[None]]


class ConnectionPool:
    """Up to ``size`` connections, opened when they are needed. Waiters get one in order of arrival."""

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
        self._connector = Connector(address, READING if settings is None else settings, connect_seconds)
        self._initialize = initialize
        self._all: set[ReadConnection] = set()
        self._watch = Watch(CHECK_INTERVAL_SECONDS)
        self._free: list[ReadConnection] = []
        self._open = 0
        self.answers = 0
        """How often a connection was given back after an answer."""
        self.is_lost = False
        """Whether the server is known not to answer: no connection is opened then."""
        self._waiters: deque[asyncio.Future[ReadConnection | None]] = deque()
        self._background: set[asyncio.Task[None]] = set()

    def take_free(self) -> ReadConnection | None:
        """A free connection, which the caller gives back, or None. Skips those that the server has closed."""
        while self._free:
            connection = self._free.pop()
            if not connection.raw.is_closed():
                return connection
            self._all.discard(connection)
            self._open -= 1
        return None

    async def take(self, deadline: float = inf) -> ReadConnection:
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

    def give_back(self, connection: ReadConnection) -> None:
        """Frees the connection; one that can't be used again at once is closed in the background."""
        if not connection.is_idle:
            self._all.discard(connection)
            self._in_background(close(connection.raw))
            self._release_slot()
            return
        self.answers += 1
        if waiter := self._next_waiter():
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
        """Drops all connections, since the server doesn't answer: waiters get Unavailable at once."""
        for connection in self._all:
            connection.usable = False
            connection.raw.terminate()
        self._connector.abort()
        while waiter := self._next_waiter():
            waiter.set_exception(unavailable(self.address))

    async def close(self) -> None:
        """Closes all connections, also those in use, and waits for those that are being closed. Opens no more."""
        await self._connector.close()
        self._free.clear()
        await asyncio.gather(*(close(connection.raw) for connection in self._all), *self._background)

    async def _fetch_on(
        self, connection: ReadConnection, sql: str, parameters: Parameters, deadline: float, kind: str
    ) -> list[Any]:
        try:
            return await connection.fetch(sql, parameters, deadline, kind)
        finally:
            self.give_back(connection)

    async def _take(self) -> ReadConnection:
        if self.is_lost:
            raise unavailable(self.address)
        if self._open < self._size:
            self._open += 1
        elif connection := await self._wait():
            return connection
        try:
            raw = await self._connector.connect()
        except BaseException:
            self._release_slot()
            raise
        connection = ReadConnection(raw, self.address, self._watch)
        self._all.add(connection)
        try:
            if self._initialize:
                await self._initialize(raw)
        except BaseException:
            connection.usable = False
            self.give_back(connection)
            raise
        return connection

    async def _wait(self) -> ReadConnection | None:
        """A connection that was given back, or None if one was closed, so that a new one may be opened."""
        waiter: asyncio.Future[ReadConnection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():  # Cancelled after it got one.
                if connection := waiter.result():
                    self.give_back(connection)
                else:
                    self._release_slot()
            raise

    def _release_slot(self) -> None:
        if waiter := self._next_waiter():
            waiter.set_result(None)
        else:
            self._open -= 1

    def _next_waiter(self) -> "asyncio.Future[ReadConnection | None] | None":
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
