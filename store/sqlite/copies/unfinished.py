"""What an interrupted backup or restore leaves behind: an incomplete copy, which an erasure has to remove.

A backup is written to ``FILE.incomplete`` and then renamed. A restore builds the new database in the folder
``archive.db.restoring``, and then renames it too. Killed before that, each leaves rows behind that may be erased later.
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
    """Where a backup is written that gets the name ``path`` when it is whole."""
    return path.with_name(f"{path.name}.incomplete")


def staging(database: Path) -> Path:
    """The folder in which a restore builds what replaces ``database``."""
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
    """Removes what interrupted backups and restores of ``database`` have left, except where a backup is running.

    ``connection`` may write, and is in no transaction. Raises OSError where a file can't be removed.
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
        return  # A running backup sees that an erasure waits, and begins again.


def remove_staging(database: Path) -> None:
    """Removes what an interrupted restore of ``database`` has left. Raises OSError where it can't be removed."""
    if (folder := staging(database)).exists():
        shutil.rmtree(folder)


def remove_incomplete(path: Path, is_noted: bool) -> str | None:
    """Removes what an interrupted backup to ``path`` has left; returns the statement for its note, if there is one.

    ``is_noted`` says whether a finished backup has this path too. To be called under ``backup_lock``.
    """
    if not path.parent.is_dir():
        return None  # Its disk may be mounted again later.
    incomplete(path).unlink(missing_ok=True)
    # Only a whole copy gets this name: the backup was killed after it had renamed the file, and before it noted that.
    return IS_WHOLE if path.exists() and not is_noted else FORGET


def sync_to_disk(path: Path) -> None:
    """Returns when the file or folder at ``path`` is on the disk as it is now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
