"""The remains of interrupted backups and restores: incomplete copies, which an erasure must remove.

A backup is written to ``FILE.incomplete`` and then renamed. A restore builds the new database in the folder
``archive.db.restoring`` and then renames it. If they are killed before that, these files keep rows that may be erased
later.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from store.errors import BackupRunning
from store.sqlite.explanations import refused_by_system
from store.sqlite.files import mode_of_writers

UNFINISHED = """
SELECT number, path, EXISTS (SELECT 1 FROM backup WHERE path = unfinished.path AND finished_at IS NOT NULL)
FROM backup AS unfinished WHERE finished_at IS NULL
""".strip()
FORGET = "DELETE FROM backup WHERE number = ?"
IS_WHOLE = "UPDATE backup SET finished_at = begun_at WHERE number = ?"


def incomplete(path: Path) -> Path:
    """The file to which a backup is written until it is complete and renamed to ``path``."""
    return path.with_name(f"{path.name}.incomplete")


def unfinished_copy(path: Path) -> Path:
    """The file into which an archive is copied until the copy is complete and gets the name ``path``."""
    return path.with_name(f"{path.name}.copying")


def staging(database: Path) -> Path:
    """The folder in which a restore builds the replacement of ``database``."""
    return database.with_name(f"{database.name}.restoring")


@contextmanager
def backup_lock(database: Path) -> Iterator[None]:
    """Holds the lock that only one backup of ``database`` at a time can hold.

    Raises BackupRunning if another process holds it, and a DatabaseError if the lock file can't be written.
    """
    path = database.with_name(f"{database.name}-backup-lock")
    lock = filelock.FileLock(path, mode=mode_of_writers(database, path))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise BackupRunning(f"Another backup of {database} is running; let it finish, or stop it first.") from error
    except OSError as error:
        raise refused_by_system(error, path) from error
    try:
        yield
    finally:
        lock.release()


def remove_unfinished(connection: sqlite3.Connection, database: Path) -> None:
    """Removes the remains of interrupted backups and restores of ``database``, unless a backup is running.

    ``connection`` may write, and is not in a transaction. Raises OSError if a file can't be removed.
    """
    remove_staging(database)
    if not connection.execute(UNFINISHED).fetchall():
        return
    try:
        with backup_lock(database):
            for number, path, is_noted in connection.execute(UNFINISHED).fetchall():
                if sql := remove_incomplete(Path(path), is_noted):
                    connection.execute(sql, (number,))
    except BackupRunning:
        return  # A running backup notices that an erasure waits, and starts over.


def remove_staging(database: Path) -> None:
    """Removes the remains of an interrupted restore of ``database``. Raises OSError if they can't be removed."""
    if (folder := staging(database)).exists():
        shutil.rmtree(folder)


def remove_incomplete(path: Path, is_noted: bool) -> str | None:
    """Removes the remains of an interrupted backup to ``path``; returns the statement that updates its record, if any.

    ``is_noted`` says whether a finished backup is recorded with this path too. Must be called under ``backup_lock``.
    """
    if not path.parent.is_dir():
        return None  # Its disk may be mounted again later.
    incomplete(path).unlink(missing_ok=True)
    # Only a complete copy gets this name: the backup was killed between renaming the file and recording that.
    return IS_WHOLE if path.exists() and not is_noted else FORGET


def sync_to_disk(path: Path) -> None:
    """Waits until the current state of the file or folder at ``path`` is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
