"""The archive: one database file, opened, with its writer and its readers."""

import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol

from store.errors import StoreError
from store.sqlite.cleaning import Cleaner, log_kept
from store.sqlite.connections import READING, connect_writer
from store.sqlite.data_version import DATA_VERSION, DataVersion, data_version
from store.sqlite.files import resolved
from store.sqlite.opening import prepare, readable
from store.sqlite.read_connections import Lane, Lanes, open_lane
from store.sqlite.reader import Reader
from store.sqlite.searches import Searches
from store.sqlite.snapshots import Snapshots
from store.sqlite.writer import Writer

READERS = 2
SEARCHERS = 2
SEARCH_SECONDS = 5.0


class Readable(Protocol):
    """What small reads need of an archive."""

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Iterable[Any]:
        """The rows of a statement."""
        ...


class Archive:
    """An open database. ``open_archive`` makes one; ``created`` says whether the file was made by it."""

    def __init__(
        self,
        path: Path,
        writer: Writer,
        lanes: Sequence[Lane],
        searches: Searches,
        snapshots: Snapshots,
        version: DataVersion,
        created: bool,
        for_operations: Lanes,
    ) -> None:
        self.path = path
        self.snapshots = snapshots
        self.created = created
        self.writer = writer
        self.version = version
        self._lanes = cycle(lanes)
        self._searches = searches
        self._for_operations = for_operations

    def reader(self) -> Reader:
        """A reader of what is there at the time of each read."""
        return Reader(self._lanes, self._searches)

    def operation_reader(self) -> Reader:
        """A reader for one operation, which reads one state of the archive, and lets go of it in the end."""
        return Reader(self._lanes, self._searches, self._for_operations)

    async def data_version(self) -> int:
        """A number that every write moves."""
        ((version,),) = await self.fetch(DATA_VERSION)
        return int(version)

    def log_bytes(self) -> int:
        """The size of SQLite's log beside the file."""
        log = self.path.with_name(self.path.name + "-wal")
        return log.stat().st_size if log.exists() else 0

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Iterable[Any]:
        """The rows of a small read that no request makes."""
        rows: Iterable[Any] = await next(self._lanes).fetch(sql, parameters)
        return rows


@asynccontextmanager
async def open_archive(
    path: Path, look_for_damage: bool = True, search_seconds: float = SEARCH_SECONDS, create: bool = True
) -> AsyncIterator[Archive]:
    """The archive at ``path``, created or migrated where needed; closed at the end of the block.

    A search, which no index serves, is stopped after ``search_seconds``.

    Looking for damage reads a small file whole, which one that was just opened can do without.
    Raises a DatabaseError where the file can't be used.
    """
    path = resolved(path)
    prepared = prepare(path, look_for_damage=look_for_damage, create=create)
    async with AsyncExitStack() as stack:
        # Closing any handle of a file drops the locks that this process has on it, so this one closes last.
        stack.callback(os.close, prepared.file)
        after_writing = stack.enter_context(ExitStack())
        with closing(prepared.connection):
            writing = await connect_writer(str(path))
            stack.push_async_callback(writing.close)
        cleaner = stack.enter_context(closing(Cleaner(path, prepared.file)))
        writer = Writer(writing, path, cleaner)
        stack.push_async_callback(_cleaned, writer, path, after_writing)
        lanes = []
        for _ in range(READERS + SEARCHERS):
            lanes.append(await open_lane(str(path)))
            stack.push_async_callback(lanes[-1].close)
        searches = Searches(lanes[READERS:], search_seconds)
        version = stack.enter_context(data_version(path))
        snapshots = Snapshots(str(path))
        stack.callback(snapshots.close)
        for_operations = Lanes(str(path))
        stack.push_async_callback(for_operations.close)
        yield Archive(path, writer, lanes[:READERS], searches, snapshots, version, prepared.created, for_operations)


@asynccontextmanager
async def read_archive(path: Path) -> AsyncIterator[Readable]:
    """The archive at ``path`` for commands that only read; also where nothing may be written.

    Nothing is created or changed, but that an older database is migrated where it may be written. Raises a
    DatabaseError where the database is not there or can't be used.
    """
    path = resolved(path)
    address = readable(path)
    if address is None:
        async with open_archive(path, look_for_damage=False) as archive:
            yield archive
        return
    with closing(sqlite3.connect(address, **READING)) as connection:
        yield _File(connection)


class _File:
    """A database that one command reads."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Iterable[Any]:
        return self._connection.execute(sql, parameters).fetchall()


async def _cleaned(writer: Writer, path: Path, after_writing: ExitStack) -> None:
    """Cleans before the connections close; where that fails, the log is kept as it is, for the next to clean."""
    with suppress(StoreError):
        if await writer.clean(closing=True) is None:
            return
    after_writing.enter_context(log_kept(path))
