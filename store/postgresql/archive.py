"""An archive of PostgreSQL: one open database, with its writer and its pools of read connections."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, NoReturn

from store.engine.database import Address
from store.engine.protocols import Figure, Parameters, Readable
from store.engine.sql import Sql, text_of
from store.errors import ReadFailed, SyncAlreadyRunning, Unavailable
from store.plans.reads import PlanReader
from store.plans.rows import RowsBySid
from store.postgresql.connections import ConnectionPool, close, connect
from store.postgresql.dialect import DIALECT
from store.postgresql.opening import check_readable, prepare
from store.postgresql.reader import PostgreSQLReader, Searches
from store.postgresql.writer import PostgreSQLWriter

SMALL_READS = 4
"""Connections for reads of one statement. Four do as well as eight, two cost a quarter of wide reads."""
OPERATIONS = 8
"""Connections for operations that read in one transaction, and may search."""
DATA_VERSION = "SELECT data_version FROM archive"
NEWEST_TRANSACTION = "SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)"
SECONDS_BETWEEN_LOOKS = 0.25
SYNC_LOCK = 0x50785968
LOCK_SYNC = f"SELECT pg_try_advisory_lock({SYNC_LOCK})"


class NoPlanReads:
    """Leaves each operation to the ordinary path."""

    def row_at_once(self, wanted: RowsBySid, sid: str, until: float) -> None:
        """None: nothing is read without waiting."""
        return

    async def run(self, several: bool, until: float, work: Callable[[PlanReader], Awaitable[object]]) -> NoReturn:
        """Raises ReadFailed."""
        raise ReadFailed


class NewestVersion:
    """The data version, read anew each time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def current(self) -> str:
        """The data version as text. Raises Unavailable if the server can't be asked."""
        ((version,),) = await self._pool.fetch(DATA_VERSION)
        return str(version)


class PolledCommits:
    """A watch over the commits to the archive, by asking for the newest transaction."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._newest = ""
        self._count = 0

    def count(self) -> int:
        """The count now."""
        return self._count

    async def after(self, count: int) -> int:
        """Waits until the count is another one than ``count``, and returns it."""
        while self._count == count:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            with suppress(Unavailable):
                ((newest,),) = await self._pool.fetch(NEWEST_TRANSACTION)
                self._count += newest != self._newest
                self._newest = newest
        return self._count

    async def stop(self) -> None:
        """Nothing: it looks only while somebody waits."""


class PostgreSQLArchive:
    """An open database, from ``open_database``; ``created`` says whether that created the archive in it."""

    dialect = DIALECT

    def __init__(
        self,
        address: Address,
        writer: PostgreSQLWriter,
        pool: ConnectionPool,
        operation_pool: ConnectionPool,
        searches: Searches,
        created: bool,
    ) -> None:
        self.address = self.database = address
        self.writer = writer
        self.pool = pool
        self.created = created
        self.version = NewestVersion(pool)
        self.plan_reads = NoPlanReads()
        self._operation_pool = operation_pool
        self._searches = searches

    def commits(self) -> PolledCommits:
        """A new watch over the commits to it."""
        return PolledCommits(self.pool)

    @asynccontextmanager
    async def sync_lock(self) -> AsyncIterator[None]:
        """Holds the lock by which only one process at a time syncs the archive. Raises SyncAlreadyRunning."""
        holding = await connect(self.address)
        try:
            if not await holding.fetchval(LOCK_SYNC):
                raise SyncAlreadyRunning(f"Another process is syncing {self.address}.")
            yield
        finally:
            await close(holding)

    def reader(self) -> PostgreSQLReader:
        """A reader of which each read sees the archive's newest state."""
        return PostgreSQLReader(self._operation_pool, self._searches, in_one_snapshot=False)

    def operation_reader(self) -> PostgreSQLReader:
        """A reader for one operation, which reads in one transaction until ``release``."""
        return PostgreSQLReader(self._operation_pool, self._searches, in_one_snapshot=True)

    async def data_version(self) -> int:
        """The data version, a number that changes with every write that can change an answer."""
        ((version,),) = await self.fetch(DATA_VERSION)
        return int(version)

    def log_bytes(self) -> int:
        """None: PostgreSQL writes its log into its files by itself."""
        return 0

    def figures(self) -> Iterable[Figure]:
        """None yet."""
        return ()

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> list[Any]:
        """The rows of a small read outside of a request."""
        return await self.pool.fetch(text_of(sql, DIALECT), parameters)


@asynccontextmanager
async def open_database(address: Address, search_seconds: float, create: bool) -> AsyncIterator[PostgreSQLArchive]:
    """The archive at ``address``, created or migrated if needed; closed at the end of the block.

    A search that no index serves is stopped after ``search_seconds``. Raises a DatabaseError if the database can't be
    used.
    """
    created = await prepare(address, create)
    async with AsyncExitStack() as stack:
        writer = PostgreSQLWriter(address)
        stack.push_async_callback(writer.close)
        pool, operation_pool = ConnectionPool(address, SMALL_READS), ConnectionPool(address, OPERATIONS)
        stack.push_async_callback(pool.close)
        stack.push_async_callback(operation_pool.close)
        yield PostgreSQLArchive(address, writer, pool, operation_pool, Searches(search_seconds), created)


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
