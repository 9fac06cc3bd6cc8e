"""The lock file that lets only one process sync a database at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import filelock

from store.engine.database import Database, file_in
from store.errors import SyncAlreadyRunning
from store.sqlite.explanations import refused_by_system, unwritable
from store.sqlite.files import mode_of_writers, resolved
from store.sqlite.opening import check_path


@contextmanager
def sync_lock(database: Database) -> Iterator[None]:
    """Holds the sync lock of this file.

    Raises SyncAlreadyRunning if another process holds it, and a DatabaseError if the lock file can't be written.
    """
    path = resolved(file_in(database))
    check_path(path)
    lock_path = path.with_name(f"{path.name}-sync-lock")
    if lock_path.exists() and not os.access(lock_path, os.R_OK | os.W_OK):
        raise unwritable(lock_path)
    lock = filelock.FileLock(lock_path, mode=mode_of_writers(path, lock_path))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SyncAlreadyRunning(
            f"A sync of {database} is running already; let it finish, or stop it first."
        ) from error
    except OSError as error:
        raise refused_by_system(error, lock_path) from error
    try:
        yield
    finally:
        lock.release()
