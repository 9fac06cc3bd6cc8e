"""The reader of a request on PostgreSQL: runs its reads, counts them, and enforces the request's budget."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar

from store.engine.protocols import ReadStatement
from store.engine.query import Query
from store.engine.sql import text_of
from store.errors import OutOfBudget, OutOfStatements, OutOfTime, SearchTooLong, Unavailable
from store.postgresql.connections import Connection, ConnectionPool
from store.postgresql.dialect import DIALECT
from store.postgresql.hosts.read_servers import ReadServers, Snapshot, end

K = TypeVar("K")
V = TypeVar("V")

SEARCHES_AT_ONCE = 2


class Searches:
    """Bounds reads that no index serves: ``SEARCHES_AT_ONCE`` run at a time, none for longer than ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._places = asyncio.Semaphore(SEARCHES_AT_ONCE)

    async def fetch(
        self, reading: Connection | ConnectionPool, sql: str, parameters: dict[str, Any], by: float, kind: str
    ) -> list[Any]:
        """The statement's rows. Raises SearchTooLong at the search's time limit, OutOfTime at ``by``."""
        async with self._places:
            longest = time.monotonic() + self._seconds
            try:
                return await reading.fetch(sql, parameters, min(by, longest), kind)
            except OutOfTime as error:
                if by < longest:
                    raise
                raise SearchTooLong(
                    f"The search took longer than {self._seconds:g} seconds and was stopped. Narrow it: to a service, "
                    "a session or a participant, or to a shorter time."
                ) from error


class PostgreSQLReader:
    """The reads of one request: at most ``allowed`` statements, until ``deadline``, a time of time.monotonic().

    ``refusal`` is the OutOfBudget that was raised, if any. A search runs inside the context ``while_searching``. If
    ``in_one_snapshot``, it reads in one transaction until ``release``.
    """

    def __init__(self, servers: ReadServers, searches: Searches, in_one_snapshot: bool) -> None:
        self._servers = servers
        self._searches = searches
        self._in_one_snapshot = in_one_snapshot
        self._own: Snapshot | None = None
        self._one_at_a_time = asyncio.Lock()
        self.statements: list[ReadStatement] = []
        self.rows = 0
        self.allowed: float = math.inf
        self.deadline: float = math.inf
        self.refusal: OutOfBudget | None = None
        self.while_searching: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order, by one statement.

        Raises OutOfStatements or OutOfTime if the request's budget is used up, SearchTooLong at a search's limit,
        Unavailable if the server can't be reached.
        """
        try:
            if len(self.statements) >= self.allowed:
                raise OutOfStatements
            sql = text_of(query.sql, DIALECT)
            self.statements.append(ReadStatement(sql, len(keys)))
            if query.may_be_long:
                async with self.while_searching():
                    rows = await self._fetch(query, sql, keys)
            else:
                rows = await self._fetch(query, sql, keys)
        except OutOfBudget as refusal:
            self.refusal = refusal
            raise
        ((payload,),) = rows
        answers = query.answer(payload, keys)
        self.rows += sum(len(answer) if isinstance(answer, list) else answer is not None for answer in answers)
        return answers

    async def release(self) -> None:
        """Ends the read transaction; later reads see the archive's newest state."""
        own, self._own = self._own, None
        if own:
            await end(own)

    async def _fetch(self, query: Query[K, V], sql: str, keys: Sequence[K]) -> list[Any]:
        if not self._in_one_snapshot or (self._servers.replicas and not query.is_versioned):
            return await self._fetch_on(self._servers.primary.operations, query, sql, keys)
        async with self._one_at_a_time:  # A connection runs one statement at a time.
            if self._own is None:
                self._own = await self._servers.snapshot(self.deadline)
            connection, pool = self._own
            try:
                return await self._fetch_on(connection, query, sql, keys)
            except Unavailable:
                self._servers.suspect(pool)
                raise

    async def _fetch_on(
        self, reading: Connection | ConnectionPool, query: Query[K, V], sql: str, keys: Sequence[K]
    ) -> list[Any]:
        kind = type(query).__name__.lower()
        if query.may_be_long:
            return await self._searches.fetch(reading, sql, query.parameters(keys), self.deadline, f"{kind}, search")
        return await reading.fetch(sql, query.parameters(keys), self.deadline, kind)
