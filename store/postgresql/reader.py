"""The reader of a request on PostgreSQL: runs its reads on the primary or a standby, and bounds its searches."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from store.engine.query import Query
from store.engine.request_reader import RequestReader, search_deadline
from store.errors import Unavailable
from store.postgresql.connections import ReadConnection
from store.postgresql.dialect import DIALECT
from store.postgresql.hosts.read_servers import ReadServers, ReadTransaction, end
from store.postgresql.pools import ConnectionPool

K = TypeVar("K")
V = TypeVar("V")

SEARCHES_AT_ONCE = 2


class Searches:
    """Limits searches, the reads that no index serves: ``SEARCHES_AT_ONCE`` at a time, each for at most ``seconds``."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._slots = asyncio.Semaphore(SEARCHES_AT_ONCE)

    async def fetch(
        self, reading: ReadConnection | ConnectionPool, sql: str, parameters: dict[str, Any], by: float, kind: str
    ) -> list[Any]:
        """The statement's rows. Raises SearchTooLong at the search's time limit, OutOfTime at ``by``."""
        async with self._slots:
            with search_deadline(self._seconds, by) as deadline:
                return await reading.fetch(sql, parameters, deadline, kind)


class PostgreSQLReader(RequestReader):
    """The reads of one request; ``in_one_snapshot``, in one transaction until ``release``."""

    dialect = DIALECT

    def __init__(self, servers: ReadServers, searches: Searches, in_one_snapshot: bool) -> None:
        super().__init__()
        self._servers = servers
        self._searches = searches
        self._in_one_snapshot = in_one_snapshot
        self._own: ReadTransaction | None = None
        self._one_at_a_time = asyncio.Lock()

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
        self, reading: ReadConnection | ConnectionPool, query: Query[K, V], sql: str, keys: Sequence[K]
    ) -> list[Any]:
        kind = type(query).__name__.lower()
        if query.may_be_long:
            return await self._searches.fetch(reading, sql, query.parameters(keys), self.deadline, f"{kind}, search")
        return await reading.fetch(sql, query.parameters(keys), self.deadline, kind)
