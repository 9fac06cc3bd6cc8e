"""What is checked before a database is used, and the one sentence that says why it can't be.

Nothing is written to a file that fails here: whose it is gets read from the file alone, before anything is
written or locked.
"""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.errors import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseForeign,
    DatabaseLocked,
    DatabaseNewer,
    DatabaseReadOnly,
    DatabaseUnreachable,
)
from store.sqlite.connections import APPLICATION_ID, BUSY_TIMEOUT_MS, WRITE_PRAGMAS
from store.sqlite.migrations import FOLDER, latest, migrate
from store.sqlite.scrub import empty_log

CHECKED_WHOLE_BYTES = 32 * 2**20
"""A file up to here is checked for damage whole; of a larger one, which may be slow to read, each table's start."""


class Prepared(NamedTuple):
    """A database that is ready: the open file, a connection that keeps its log from being moved, and its novelty."""

    file: int
    connection: sqlite3.Connection
    created: bool

    def close(self) -> None:
        """Closes both; the file last, since closing any handle of it drops this process's locks on it."""
        self.connection.close()
        os.close(self.file)


def prepare(path: Path, migrations: Path = FOLDER, look_for_damage: bool = True) -> Prepared:
    """Makes the database at ``path`` ready for use; creates and migrates it where needed.

    Raises a DatabaseError, and leaves the file as it was, where it can't be used.
    """
    _demand_place(path)
    try:
        if path.exists() and path.stat().st_size:
            _demand_ours_in_file(path, latest(migrations))
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.executescript(WRITE_PRAGMAS)
            created = _demand_ours(connection, path, latest(migrations))
            if look_for_damage and not created:
                _look_for_damage(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            if migrate(connection, path, migrations):
                # The file's header says whose it is and of which version, also to who does not read the log.
                empty_log(connection, file, path.with_name(path.name + "-wal"))
        except BaseException:
            Prepared(file, connection, False).close()
            raise
    except sqlite3.Error as error:
        raise explained(error, path) from error
    return Prepared(file, connection, created)


def explained(error: sqlite3.Error, path: Path) -> DatabaseError:
    """SQLite's error about the database at ``path``, as one of ours."""
    name = getattr(error, "sqlite_errorname", "")
    if is_locked(error):
        return DatabaseLocked(
            f"{path} is locked by another process; waited {BUSY_TIMEOUT_MS // 1000} seconds for it. "
            "Stop the other process, or try again when it is done."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return DatabaseReadOnly(
            f"{path} can't be written ({error}). Make the file and its folder writable, or name another file."
        )
    if name.startswith("SQLITE_NOTADB"):
        return DatabaseForeign(f"{path} is not a Proxygraph database ({error}). Name another file.")
    if name.startswith("SQLITE_CORRUPT"):
        return DatabaseCorrupt(_damaged(path, str(error)))
    return DatabaseError(f"SQLite can't use {path}: {error}. Restore it from a backup, or name another file.")


def is_the_files(error: sqlite3.DatabaseError) -> bool:
    """Whether the file or its disk is to blame (locked, damaged, full, …), and not the statement or its rows."""
    return getattr(error, "sqlite_errorname", "SQLITE_ERROR").split("_")[1] not in ("ERROR", "CONSTRAINT", "INTERRUPT")


def is_locked(error: sqlite3.Error) -> bool:
    """Whether another process held the database for too long."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _demand_place(path: Path) -> None:
    if path.is_dir():
        raise DatabaseUnreachable(f"{path} is a folder, but a database is one file. Name a file in it.")
    if not path.parent.is_dir():
        raise DatabaseUnreachable(f"There is no folder {path.parent} to keep {path.name} in. Create it first.")
    if path.exists():
        _demand_writable(path)
    _demand_writable(path.parent)


def _demand_ours_in_file(path: Path, known_version: int) -> None:
    # An immutable connection reads the file alone: no lock, no log, nothing left beside it.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            _demand_ours(connection, path, known_version)
        except sqlite3.DatabaseError as error:
            # A crash in the middle of a checkpoint looks like damage, which SQLite mends from the log.
            if error.sqlite_errorname != "SQLITE_CORRUPT" or not _has_log(path):
                raise


def _demand_ours(connection: sqlite3.Connection, path: Path, known_version: int) -> bool:
    """Whether the database is empty; raises where it isn't ours to use."""
    ((application,), (version,), (holds_something,)) = (
        connection.execute(sql).fetchone()
        for sql in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) > 0 FROM sqlite_schema")
    )
    if application != APPLICATION_ID and (application or holds_something):
        raise DatabaseForeign(f"{path} is a SQLite database of something else than Proxygraph. Name another file.")
    if version > known_version:
        raise DatabaseNewer(
            f"{path} is a database of version {version}, but this Proxygraph knows versions up to {known_version}. "
            "Upgrade Proxygraph, or name another file."
        )
    return not holds_something


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _demand_writable(path: Path) -> None:
    # The mode bits speak for the owner's wish even to root, whom os.access always lets through.
    marked_read_only = not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    if marked_read_only or not os.access(path, os.W_OK):
        raise DatabaseReadOnly(f"{path} is read-only. Make it writable, or name another file.")


def _look_for_damage(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_BYTES:
        ((finding,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if finding != "ok":
            raise DatabaseCorrupt(_damaged(path, " ".join(str(finding).split())))
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchall()


def _damaged(path: Path, finding: str) -> str:
    return f"{path} is damaged: {finding}. Restore it from a backup, or name another file."
