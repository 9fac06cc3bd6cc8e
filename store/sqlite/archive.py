"""An archive of SQLite: one open database file, with its writer and its read connections."""

import math
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from store.engine.protocols import Figure, Parameters, Readable
from store.engine.sql import Sql, text_of
from store.errors import StoreError
from store.sqlite.cleaning import Cleaner, keep_log
from store.sqlite.commits import PolledCommits
from store.sqlite.connections import READING, connect_writer
from store.sqlite.data_version import DATA_VERSION, DataVersion, data_version
from store.sqlite.dialect import DIALECT
from store.sqlite.files import resolved
from store.sqlite.opening import prepare, read_only_uri
from store.sqlite.reading.event_loop_connections import EventLoopConnectionPool
from store.sqlite.reading.plan_reads import SQLitePlanReads
from store.sqlite.reading.read_connections import ReadConnection, ReadConnectionPool, open_read_connection
from store.sqlite.reading.reader import SQLiteReader
from store.sqlite.reading.searches import Searches
from store.sqlite.sync_lock import sync_lock
from store.sqlite.writer import SQLiteWriter

READERS = 2
SEARCHERS = 2


class SQLiteArchive:
    """An open database file, from ``open_file``; ``created`` says whether that created the file."""

    dialect = DIALECT

    def __init__(
        self,
        path: Path,
        writer: SQLiteWriter,
        connections: Sequence[ReadConnection],
        searches: Searches,
        loop_connections: EventLoopConnectionPool,
        version: DataVersion,
        created: bool,
        operation_pool: ReadConnectionPool,
    ) -> None:
        self.path = self.database = path
        self.plan_reads = SQLitePlanReads(loop_connections)
        self.created = created
        self.writer = writer
        self.version = version
        self._connections = cycle(connections)
        self._searches = searches
        self._operation_pool = operation_pool

    def commits(self) -> PolledCommits:
        """A new watch over the commits to the file."""
        return PolledCommits(self.version)

    @asynccontextmanager
    async def sync_lock(self) -> AsyncIterator[None]:
        """Holds the file's sync lock; see store/sqlite/sync_lock.py for the errors."""
        with sync_lock(self.path):
            yield

    def reader(self) -> SQLiteReader:
        """A reader for separate reads: each sees the archive's newest state."""
        return SQLiteReader(self._connections, self._searches)

    def operation_reader(self) -> SQLiteReader:
        """A reader for one operation, which reads in one transaction until ``release``."""
        return SQLiteReader(self._connections, self._searches, self._operation_pool)

    async def data_version(self) -> int:
        """The data version, a number that increases with every write that can change an answer."""
        ((version,),) = await self.fetch(DATA_VERSION)
        return int(version)

    async def caution(self) -> str | None:
        """None: a transaction is on the disk when it is committed."""
        return None

    async def hindrances(self) -> list[str]:
        """None: erasures depend on no setting."""
        return []

    def log_bytes(self) -> int:
        """The size of SQLite's log beside the file."""
        log = self.path.with_name(self.path.name + "-wal")
        return log.stat().st_size if log.exists() else 0

    def figures(self) -> Iterable[Figure]:
        """The size of the log."""
        return [Figure("wal_bytes", self.log_bytes())]

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> Iterable[Any]:
        """The rows of a small read outside of a request."""
        rows: Iterable[Any] = await next(self._connections).fetch(text_of(sql, DIALECT), parameters)
        return rows


@asynccontextmanager
async def open_file(
    path: Path, check_for_damage: bool, search_seconds: float, create: bool
) -> AsyncIterator[SQLiteArchive]:
    """The archive at ``path``, created or migrated if needed; closed at the end of the block.

    A search that no index serves is stopped after ``search_seconds``. ``check_for_damage`` reads a small file
    completely, which isn't needed right after another check. Raises a DatabaseError if the file can't be used.
    """
    path = resolved(path)
    prepared = prepare(path, check_for_damage=check_for_damage, create=create)
    async with AsyncExitStack() as stack:
        # Closing any handle of a file drops all of this process's locks on it, so this one is closed last.
        stack.callback(os.close, prepared.file)
        after_writing = stack.enter_context(ExitStack())
        with closing(prepared.connection):
            writing = await connect_writer(str(path))
            stack.push_async_callback(writing.close)
        cleaner = stack.enter_context(closing(Cleaner(path, prepared.file)))
        writer = SQLiteWriter(writing, path, cleaner)
        stack.push_async_callback(_clean_before_closing, writer, path, after_writing)
        connections = []
        for _ in range(READERS + SEARCHERS):
            connections.append(await open_read_connection(str(path)))
            stack.push_async_callback(connections[-1].close)
        searches = Searches(connections[READERS:], search_seconds)
        version = stack.enter_context(data_version(path))
        loop_connections = EventLoopConnectionPool(str(path))
        stack.callback(loop_connections.close)
        operation_pool = ReadConnectionPool(str(path))
        stack.push_async_callback(operation_pool.close)
        yield SQLiteArchive(
            path, writer, connections[:READERS], searches, loop_connections, version, prepared.created, operation_pool
        )


@asynccontextmanager
async def read_file(path: Path) -> AsyncIterator[Readable]:
    """The archive at ``path`` for commands that only read, even if the file is read-only.

    Creates and changes nothing, except that an older database is migrated. Raises a DatabaseError if the database is
    missing or can't be used.
    """
    path = resolved(path)
    uri = read_only_uri(path)
    if uri is None:
        async with open_file(path, check_for_damage=False, search_seconds=math.inf, create=True) as archive:
            yield archive
        return
    with closing(sqlite3.connect(uri, **READING)) as connection:
        yield _ReadOnlyFile(connection)


class _ReadOnlyFile:
    """A database file that one command reads."""

    dialect = DIALECT

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> Iterable[Any]:
        return self._connection.execute(text_of(sql, DIALECT), parameters).fetchall()


async def _clean_before_closing(writer: SQLiteWriter, path: Path, after_writing: ExitStack) -> None:
    """Cleans before the connections close. If that fails, keeps the log unchanged, for the next cleaning."""
    with suppress(StoreError):
        if await writer.clean(closing=True) is None:
            return
    after_writing.enter_context(keep_log(path))
