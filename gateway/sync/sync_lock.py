"""The lock that keeps the syncs of one database apart, whichever processes they run in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from store.sqlite.files import mode_beside, resolved


class SyncRunning(Exception):
    """Another process is at it; its text is a sentence."""


@contextmanager
def sync_lock(database: Path) -> Iterator[None]:
    """The one place of a sync of this database; raises SyncRunning where another process has it."""
    path = resolved(database)
    place = path.with_name(f"{path.name}-sync-lock")
    lock = filelock.FileLock(place, mode=mode_beside(path, place))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SyncRunning(f"A sync of {database} is running already; let it finish, or stop it first.") from error
    try:
        yield
    finally:
        lock.release()
