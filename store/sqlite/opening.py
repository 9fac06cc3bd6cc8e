"""Opens a database: checks that it can be used, and creates or migrates it if needed.

A file that fails the checks stays unchanged: before anything is written or locked, the file is read to see whether it
is a Proxygraph database.
"""

import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import filelock

from store.errors import DatabaseForeign, DatabaseLocked, DatabaseNewer, DatabaseUnreachable
from store.sqlite.cleaning import Cleaner, has_log, has_nonempty_log, keep_log
from store.sqlite.connections import APPLICATION_ID, BUSY_TIMEOUT_MS, WRITE_PRAGMAS, reading
from store.sqlite.copies.unfinished import remove_staging
from store.sqlite.explanations import damaged, explained, missing, refused_by_system, unreadable, unwritable
from store.sqlite.files import mode_of_writers, open_or_create, readable_by_others
from store.sqlite.migrations import FOLDER, copies, latest, migrate

log = logging.getLogger("proxygraph.store")

CHECKED_WHOLE_BYTES = 32 * 2**20
"""A file up to this size is checked for damage completely. Of a larger one, only the start of each table is read."""


class Prepared(NamedTuple):
    """A database that is ready: its open file, a connection that keeps the log, and whether it was just created."""

    path: Path
    file: int
    connection: sqlite3.Connection
    created: bool

    def close(self) -> None:
        """Closes both; the file last, because closing any handle of a file drops all of this process's locks on it."""
        with keep_log(self.path) if has_nonempty_log(self.path) else nullcontext():
            self.connection.close()
        os.close(self.file)


def prepare(path: Path, migrations: Path = FOLDER, check_for_damage: bool = True, create: bool = True) -> Prepared:
    """Makes the database at ``path`` ready for use; creates (if ``create``) and migrates it where needed.

    Raises a DatabaseError, and leaves the file unchanged, if it can't be used.
    """
    check_path(path)
    if not create and not path.exists():
        raise missing(path)
    try:
        if path.exists() and path.stat().st_size:
            _check_ours_in_file(path, latest(migrations))
        file = open_or_create(path)
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.executescript(WRITE_PRAGMAS)
            created = _check_ours(connection, path, latest(migrations))
            if check_for_damage:
                _warn_if_readable(path)  # A new one too: it may have been an empty file.
                if not created:
                    _check_for_damage(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            _check_in_place(file, path)
            with suppress(OSError):  # The cleaning of an erasure tries again, and says it if it fails.
                remove_staging(path)
            if _version(connection) < latest(migrations):
                with _write_lock(path):
                    _migrate(connection, path, file, migrations)
        except BaseException:
            Prepared(path, file, connection, False).close()
            raise
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise refused_by_system(error, Path(error.filename or path)) from error
    return Prepared(path, file, connection, created)


def read_only_uri(path: Path) -> str | None:
    """The URI that opens the database at ``path`` without changing anything; None if it must be migrated first.

    SQLite is told to read nothing but the file if there is no log, since then nobody has it open; or if the log is
    empty and this user can't write beside it. Raises a DatabaseError if the database is missing or can't be used.
    """
    try:
        _check_is_file(path)
        if not path.exists():
            raise missing(path)
        if not os.access(path, os.R_OK):
            raise unreadable(path)
        _check_ours_in_file(path, latest())
        immutable = not has_log(path) or not (has_nonempty_log(path) or os.access(path.parent, os.W_OK))
        uri = reading(str(path), immutable)
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            _check_ours(connection, path, latest())
            return uri if _version(connection) == latest() else None
    except sqlite3.Error as error:
        raise explained(error, path) from error
    except OSError as error:
        raise refused_by_system(error, path) from error


def _check_in_place(file: int, path: Path) -> None:
    # A restore, which lets nobody in meanwhile, has put another file here since this one was opened.
    if not os.path.samestat(os.fstat(file), path.stat()):
        raise DatabaseLocked(f"{path} was replaced while it was being opened; try again.")


def _migrate(connection: sqlite3.Connection, path: Path, file: int, migrations: Path) -> None:
    migrate(connection, path, migrations)
    # The checkpoint puts the new version into the file's header, for those who read it without the log. The cleaning
    # scrubs all pages, because earlier versions of Proxygraph scrubbed fewer.
    with closing(Cleaner(path, file)) as cleaner:
        cleaner.clean(every_page=True)


@contextmanager
def _write_lock(path: Path) -> Iterator[None]:
    try:
        with filelock.FileLock(lock_of(path), BUSY_TIMEOUT_MS / 1000, mode_of_writers(path, lock_of(path))):
            yield
    except filelock.Timeout as error:
        raise DatabaseLocked(f"{path} is being written by another process. Try again.") from error


def lock_of(path: Path) -> Path:
    """The lock file of the database at ``path``; each process that writes the database holds a lock on it."""
    return path.with_name(path.name + "-lock")


def _warn_if_readable(path: Path) -> None:
    beside = (path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm"))
    if files := readable_by_others([path, *beside, *copies(path)]):
        commands = " ".join(quote(str(file)) for file in files)
        log.warning("%s can be read by others on this machine. Make it private: chmod 600 %s", files[0], commands)


def check_path(path: Path) -> None:
    """Raises a DatabaseError if no database can be written at ``path``: no folder, no permission, or not a file."""
    try:
        _check_is_file(path)
        if not path.parent.is_dir():
            raise DatabaseUnreachable(f"There is no folder {path.parent} for {path.name}. Create it first.")
        if path.exists():
            _check_writable(path)
        _check_writable(path.parent)
    except OSError as error:
        raise refused_by_system(error, path) from error


def _check_is_file(path: Path) -> None:
    if path.name == ":memory:":
        raise DatabaseUnreachable(
            "Expected the path of a file, but got :memory:. An archive keeps what can't be fetched again, "
            "so it can't be only in memory. Name a file."
        )
    if path.is_dir():
        raise DatabaseUnreachable(f"{path} is a folder, but a database is one file. Name a file in it.")


def _check_ours_in_file(path: Path, known_version: int) -> None:
    # An immutable connection reads only the file: it takes no lock, reads no log, and creates no file beside it.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            _check_ours(connection, path, known_version)
        except sqlite3.DatabaseError as error:
            # After a crash in the middle of a checkpoint, the file looks damaged until SQLite repairs it from the log.
            if error.sqlite_errorname != "SQLITE_CORRUPT" or not has_nonempty_log(path):
                raise


def _check_ours(connection: sqlite3.Connection, path: Path, known_version: int) -> bool:
    """Whether the database is empty. Raises a DatabaseError if it isn't Proxygraph's, or of a newer version."""
    ((application,), (version,), (has_tables,)) = (
        connection.execute(sql).fetchone()
        for sql in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) > 0 FROM sqlite_schema")
    )
    if application != APPLICATION_ID and (application or has_tables):
        raise DatabaseForeign(f"{path} is the SQLite database of another program. Name another file.")
    if version > known_version:
        raise DatabaseNewer(
            f"{path} has version {version}, but this Proxygraph only knows versions up to {known_version}. "
            "Upgrade Proxygraph, or name another file."
        )
    return not has_tables


def _version(connection: sqlite3.Connection) -> int:
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def _check_writable(path: Path) -> None:
    # root too respects a file that its owner made read-only; for root, os.access would always allow it.
    marked_read_only = not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    if marked_read_only or not os.access(path, os.W_OK):
        raise unwritable(path)


def _check_for_damage(connection: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_BYTES:
        ((finding,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
        if finding != "ok":
            raise damaged(path, " ".join(str(finding).split()))
    for (table,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        connection.execute(f'SELECT * FROM "{table}" LIMIT 1').fetchall()
