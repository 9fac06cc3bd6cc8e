"""The lock that keeps the syncs of one database apart, whichever processes they run in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock


class SyncRunning(Exception):
    """Another process is at it; its text is a sentence."""


@contextmanager
def sync_lock(database: Path) -> Iterator[None]:
    """The one place of a sync of this database; raises SyncRunning where another process has it."""
    lock = filelock.FileLock(database.with_name(f"{database.name}-sync-lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SyncRunning(f"A sync of {database} is running already; let it finish, or stop it first.") from error
    try:
        yield
    finally:
        lock.release()
