"""Opening a database: checks that it can be used, creates it, and migrates it.

A file that fails the checks stays unchanged: whose database it is, is read from the file alone, before anything is
written or locked.
"""

import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import filelock

from store.errors import DatabaseForeign, DatabaseLocked, DatabaseNewer, DatabaseUnreachable
from store.sqlite.cleaning import Cleaner, has_log, holds_log, log_kept
from store.sqlite.connections import APPLICATION_ID, BUSY_TIMEOUT_MS, WRITE_PRAGMAS, reading
from store.sqlite.explanations import damaged, explained, missing, refused_by_system, unreadable, unwritable
from store.sqlite.files import mode_of_writers, open_or_create, readable_by_others
from store.sqlite.migrations import FOLDER, copies, latest, migrate

log = logging.getLogger("proxygraph.store")

CHECKED_WHOLE_BYTES = 32 * 2**20
"""A file up to here is checked for damage whole; of a larger one, which may be slow to read, each table's start."""


class Prepared(NamedTuple):
    """A database that is ready: the open file, a connection that keeps the log, and whether it was just created."""

    path: Path
    file: int
    connection: sqlite3.Connection
    created: bool

    def close(self) -> None:
        """Closes both; the file last, since closing any handle of it drops this process's locks on it."""
        with log_kept(self.path) if holds_log(self.path) else nullcontext():
            self.connection.close()
        os.close(self.file)


def prepare(path: Path, migrations: Path = FOLDER, look_for_damage: bool = True, create: bool = True) -> Prepared:
    """Makes the database at ``path`` ready for use; creates (if ``create``) and migrates it where needed.

    Raises a DatabaseError, and leaves the file as it was, where it can't be used.
    """
    demand_place(path)
    if not create and not path.exists():
        raise missing(path)
    try:
        if path.exists() and path.stat().st_size:
            _demand_ours_in_file(path, latest(migrations))
        file = open_or_create(path)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.executescript(WRITE_PRAGMAS)
            created = _demand_ours(connection, path, latest(migrations))
            if look_for_damage:
                _warn_of_readers(path)  # Of a new one too: its file may have been there, empty.
                if not created:
                    _look_for_damage(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            if _version(connection) < latest(migrations):
                with _alone(path):
                    _migrate(connection, path, file, migrations)
        except BaseException:
            Prepared(path, file, connection, False).close()
            raise
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise refused_by_system(error, Path(error.filename or path)) from error
    return Prepared(path, file, connection, created)


def readable(path: Path) -> str | None:
    """The address at which a database can be read without a change to anything; None where it is to be migrated first.

    SQLite reads the file alone if it has no log, because nobody has it open; or if its log is empty and this user may
    write nothing beside it. Raises a DatabaseError where the database is missing or can't be used.
    """
    try:
        _demand_file(path)
        if not path.exists():
            raise missing(path)
        if not os.access(path, os.R_OK):
            raise unreadable(path)
        _demand_ours_in_file(path, latest())
        alone = not has_log(path) or not (holds_log(path) or os.access(path.parent, os.W_OK))
        address = reading(str(path), immutable=alone)
        with closing(sqlite3.connect(address, uri=True)) as connection:
            _demand_ours(connection, path, latest())
            return address if _version(connection) == latest() else None
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise refused_by_system(error, path) from error


def _migrate(connection: sqlite3.Connection, path: Path, file: int, migrations: Path) -> None:
    migrate(connection, path, migrations)
    # The file's header says whose it is and of which version, also to who does not read the log. All pages, for the
    # versions before knew less of what has to be cleaned.
    with closing(Cleaner(path, file)) as cleaner:
        cleaner.clean(every_page=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    try:
        with filelock.FileLock(lock_of(path), BUSY_TIMEOUT_MS / 1000, mode_of_writers(path, lock_of(path))):
            yield
    except filelock.Timeout as error:
        raise DatabaseLocked(f"{path} is being written by another process; try again.") from error


def lock_of(path: Path) -> Path:
    """The file that the one who writes the database at ``path`` has locked."""
    return path.with_name(path.name + "-lock")


def _warn_of_readers(path: Path) -> None:
    beside = (path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))
    if files := readable_by_others([path, *beside, *copies(path)]):
        commands = " ".join(quote(str(file)) for file in files)
        log.warning("%s can be read by others on this machine. Make it private: chmod 600 %s", files[0], commands)


def demand_place(path: Path) -> None:
    """Raises a DatabaseError if no database can be written at ``path``: no folder, no permission, no file."""
    try:
        _demand_file(path)
        if not path.parent.is_dir():
            raise DatabaseUnreachable(f"There is no folder {path.parent} to keep {path.name} in. Create it first.")
        if path.exists():
            _demand_writable(path)
        _demand_writable(path.parent)
    except OSError as error:
        raise refused_by_system(error, path) from error


def _demand_file(path: Path) -> None:
    if path.name == ":memory:":
        raise DatabaseUnreachable(
            "Expected the path of a file, but got :memory:. An archive keeps what can't be fetched again, "
            "so it can't be in memory alone; name a file."
        )
    if path.is_dir():
        raise DatabaseUnreachable(f"{path} is a folder, but a database is one file. Name a file in it.")


def _demand_ours_in_file(path: Path, known_version: int) -> None:
    # An immutable connection reads the file alone: no lock, no log, nothing left beside it.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            _demand_ours(connection, path, known_version)
        except sqlite3.DatabaseError as error:
            # A crash in the middle of a checkpoint looks like damage, which SQLite mends from the log.
            if error.sqlite_errorname != "SQLITE_CORRUPT" or not holds_log(path):
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


def _version(connection: sqlite3.Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def _demand_writable(path: Path) -> None:
    # The mode bits speak for the owner's wish even to root, whom os.access always lets through.
    marked_read_only = not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    if marked_read_only or not os.access(path, os.W_OK):
        raise unwritable(path)


def _look_for_damage(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_BYTES:
        ((finding,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if finding != "ok":
            raise damaged(path, " ".join(str(finding).split()))
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchall()
