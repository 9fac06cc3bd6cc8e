"""An archive of PostgreSQL: one open database, with its writer and its pools of read connections."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from store.engine.database import NO_REPLICAS, Address, Replicas
from store.engine.protocols import Figure, Parameters, Readable
from store.engine.sql import Sql, text_of
from store.errors import StoreError
from store.postgresql.dialect import DIALECT
from store.postgresql.hosts.durability import caution
from store.postgresql.hosts.notified_commits import NotifiedCommits
from store.postgresql.hosts.primary_version import PrimaryVersion
from store.postgresql.hosts.read_servers import Pools, ReadServers
from store.postgresql.hosts.sync_lock import sync_lock
from store.postgresql.opening import check_readable, prepare
from store.postgresql.plans.reads import PostgreSQLPlanReads
from store.postgresql.pools import ConnectionPool
from store.postgresql.purging.hindrances import hindrances
from store.postgresql.reader import PostgreSQLReader, Searches
from store.postgresql.writer import PostgreSQLWriter

SMALL_READS = 4
"""Connections for small reads."""
PLANS = 8
"""Connections for plans. With two, a quarter fewer wide reads are answered; waiting for one costs a point read 10 %."""
OPERATIONS = 8
"""Connections for operations that read in one transaction, and may search."""


class PostgreSQLArchive:
    """An open database, from ``open_database``; ``created`` says whether that created the archive in it."""

    dialect = DIALECT

    def __init__(
        self,
        address: Address,
        writer: PostgreSQLWriter,
        pool: ConnectionPool,
        servers: ReadServers,
        version: PrimaryVersion,
        searches: Searches,
        created: bool,
    ) -> None:
        self.address = self.database = address
        self.writer = writer
        self.pool = pool
        self.created = created
        self.version = self._version = version
        self.plan_reads = PostgreSQLPlanReads(servers)
        self._servers = servers
        self._searches = searches

    def commits(self) -> NotifiedCommits:
        """A new watch over the commits to it."""
        return NotifiedCommits(self.address)

    def sync_lock(self) -> AbstractAsyncContextManager[None]:
        """Holds the sync lock on the primary; see store/postgresql/hosts/sync_lock.py for the errors."""
        return sync_lock(self.address)

    def reader(self) -> PostgreSQLReader:
        """A reader for separate reads: each sees the archive's newest state."""
        return PostgreSQLReader(self._servers, self._searches, in_one_snapshot=False)

    def operation_reader(self) -> PostgreSQLReader:
        """A reader for one operation, which reads in one transaction until ``release``."""
        return PostgreSQLReader(self._servers, self._searches, in_one_snapshot=True)

    async def data_version(self) -> int:
        """The data version, a number that changes with every write that can change an answer."""
        return await self._version.asked()

    async def caution(self) -> str | None:
        """A sentence if the promotion of a standby could lose deletions."""
        return await caution(self.pool, bool(self._servers.replicas))

    async def hindrances(self) -> list[str]:
        """What makes erasures late or incomplete as the servers are set up now, a sentence each.

        A sentence about a replica alone begins with its address. A replica that doesn't answer is left out.
        """
        found = await hindrances(self.pool.fetch)
        of_replicas = []
        for replica in self._servers.replicas:
            with suppress(StoreError):
                said = await hindrances(replica.pools[0].fetch)
                of_replicas += [f"{replica.address}: {each}" for each in said if each not in found]
        return found + of_replicas

    def log_bytes(self) -> int:
        """0: PostgreSQL checkpoints its log by itself."""
        return 0

    def figures(self) -> Iterable[Figure]:
        """The connections to each server, and each replica's lag in seconds: infinite if it doesn't answer."""
        totals: Counter[tuple[str, str]] = Counter()
        for pool in (self.pool, *self._servers.pools()):
            for which, number in zip(("", "_in_use", "_awaited"), pool.counts, strict=True):
                totals[f"database_connections{which}", pool.address.servers] += number
        for (name, server), total in totals.items():
            yield Figure(name, total, server)
        for replica in self._servers.replicas:
            yield Figure("replica_lag_seconds", replica.lag, replica.address.servers)

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> list[Any]:
        """The rows of a small read outside of a request."""
        return await self.pool.fetch(text_of(sql, DIALECT), parameters)


@asynccontextmanager
async def open_database(
    address: Address, search_seconds: float, create: bool, replicas: Replicas = NO_REPLICAS, copying: bool = False
) -> AsyncIterator[PostgreSQLArchive]:
    """The archive at ``address``, created or migrated if needed; closed at the end of the block.

    A search that no index serves is stopped after ``search_seconds``. Operations read at the ``replicas``, and at those
    hosts of ``address`` that are standbys. ``copying`` opens the target of an unfinished copy. Raises a DatabaseError
    if the database can't be used.
    """
    created = await prepare(address, create, copying)
    async with AsyncExitStack() as stack:
        writer = PostgreSQLWriter(address, replicas.addresses)
        stack.push_async_callback(writer.close)
        pool = ConnectionPool(address, SMALL_READS)
        stack.push_async_callback(pool.close)
        asking = ConnectionPool(address, 1)
        stack.push_async_callback(asking.close)
        version = PrimaryVersion(asking)
        stack.push_async_callback(version.stop)
        servers = ReadServers(address, replicas, version, _pools_of)
        stack.push_async_callback(servers.close)
        servers.when_lost(pool, asking, writer)
        await servers.watch()
        yield PostgreSQLArchive(address, writer, pool, servers, version, Searches(search_seconds), created)


def _pools_of(address: Address, connect_seconds: float) -> Pools:
    """The pools for reads of operations at a host."""
    operations = ConnectionPool(address, OPERATIONS, connect_seconds=connect_seconds)
    return Pools(operations, ConnectionPool(address, PLANS, connect_seconds=connect_seconds))


@asynccontextmanager
async def read_database(address: Address) -> AsyncIterator[Readable]:
    """The archive at ``address`` for commands that only read, also by a role that may not write.

    Creates and changes nothing, except that an older archive is migrated. Raises a DatabaseError if there is no archive
    or it can't be used.
    """
    if not await check_readable(address):
        await prepare(address, create=False)
    async with AsyncExitStack() as stack:
        pool = ConnectionPool(address, 1)
        stack.push_async_callback(pool.close)
        yield _ReadOnlyDatabase(pool)


class _ReadOnlyDatabase:
    """A database that one command reads."""

    dialect = DIALECT

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> list[Any]:
        return await self._pool.fetch(text_of(sql, DIALECT), parameters)
