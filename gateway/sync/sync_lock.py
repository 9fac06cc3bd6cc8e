"""The lock that keeps the syncs of one database apart, whichever processes they run in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from store.sqlite.explanations import refused_by_system, unwritable
from store.sqlite.files import mode_beside, resolved
from store.sqlite.opening import demand_place


class SyncRunning(Exception):
    """Another process is at it; its text is a sentence."""


@contextmanager
def sync_lock(database: Path) -> Iterator[None]:
    """Holds the lock of the one sync of this database.

    Raises SyncRunning if another process has it, and a DatabaseError if no database or lock can be written there.
    """
    path = resolved(database)
    demand_place(path)
    place = path.with_name(f"{path.name}-sync-lock")
    if place.exists() and not os.access(place, os.R_OK | os.W_OK):
        raise unwritable(place)
    lock = filelock.FileLock(place, mode=mode_beside(path, place))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SyncRunning(f"A sync of {database} is running already; let it finish, or stop it first.") from error
    except OSError as error:
        raise refused_by_system(error, place) from error
    try:
        yield
    finally:
        lock.release()
