"""Opens archives: files of SQLite, and databases of PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from store.engine.database import NO_REPLICAS, Database, Replicas
from store.engine.protocols import Archive, Readable
from store.exports.snapshots import Snapshot
from store.postgresql.archive import open_database, read_database
from store.postgresql.exports.snapshots import snapshot_of_database
from store.sqlite import connections
from store.sqlite.archive import open_file, read_file
from store.sqlite.exports.snapshots import snapshot_of_file

SEARCH_SECONDS = 5.0


@asynccontextmanager
async def open_archive(
    database: Database,
    check_for_damage: bool = True,
    search_seconds: float = SEARCH_SECONDS,
    create: bool = True,
    replicas: Replicas = NO_REPLICAS,
) -> AsyncIterator[Archive]:
    """The archive in ``database``, created or migrated if needed; closed at the end of the block.

    A search that no index serves is stopped after ``search_seconds``. ``check_for_damage`` reads a small file
    completely, which isn't needed right after another check. ``replicas`` are for a database of PostgreSQL. Raises a
    DatabaseError if the database can't be used.
    """
    if isinstance(database, Path):
        async with open_file(database, check_for_damage, search_seconds, create) as file:
            yield file
    else:
        async with open_database(database, search_seconds, create, replicas) as archive:
            yield archive


@asynccontextmanager
async def read_archive(database: Database) -> AsyncIterator[Readable]:
    """The archive in ``database`` for commands that only read, even if they may not write.

    Creates and changes nothing, except that an older database is migrated. Raises a DatabaseError if the database is
    missing or can't be used.
    """
    if isinstance(database, Path):
        async with read_file(database) as file:
            yield file
    else:
        async with read_database(database) as archive:
            yield archive


@contextmanager
def snapshot(database: Database, seconds: float) -> Iterator[Snapshot]:
    """The newest state of the archive in ``database``, for at most ``seconds``, even if nothing may be written to it.

    Changes nothing, except that an older database is migrated. Raises a DatabaseError if the database is missing or
    can't be used.
    """
    if isinstance(database, Path):
        with snapshot_of_file(database, seconds) as file:
            yield file
    else:
        with snapshot_of_database(database, seconds) as opened:
            yield opened


def caution(database: Database) -> str | None:
    """What an operator should know about the version of the engine; None if there is nothing."""
    return connections.caution(str(database)) if isinstance(database, Path) else None
