"""Notices the commits of all processes to one file.

SQLite tells no other process of a commit, but keeps a count of them in shared memory, which takes a few microseconds to
read (``PRAGMA data_version``). One task of a process reads it, and only while somebody waits.
"""

import asyncio

from store.sqlite.data_version import DataVersion

POLL_SECONDS = 0.02
"""A change is noticed after half of this on average."""


class PolledCommits:
    """The commits to one archive, for any number of waiters."""

    def __init__(self, version: DataVersion, poll_seconds: float = POLL_SECONDS) -> None:
        self._version, self._poll_seconds = version, poll_seconds
        self._noticed: asyncio.Future[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._is_stopped = False

    def count(self) -> int:
        """The count now. Read it before what a commit may change, and then wait for another count with ``after``."""
        return self._version.commits()

    async def after(self, count: int) -> int:
        """Waits until the count is another one than ``count``, and returns it; after ``stop``, for ever."""
        now = self.count()
        while now == count:
            if self._is_stopped:
                await asyncio.get_running_loop().create_future()
            if self._noticed is None:
                self._noticed = asyncio.get_running_loop().create_future()
                self._polling = asyncio.create_task(self._poll(now, self._noticed))
            await asyncio.shield(self._noticed)
            now = self.count()
        return now

    async def stop(self) -> None:
        """Stops looking, since the archive is about to be closed. Whoever still waits has to be cancelled."""
        self._is_stopped = True
        if self._polling:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)

    async def _poll(self, count: int, noticed: "asyncio.Future[None]") -> None:
        try:
            while self.count() == count:  # noqa: ASYNC110 (no process can set an event of another)
                await asyncio.sleep(self._poll_seconds)
        finally:
            self._noticed = None
            if not noticed.done():
                noticed.set_result(None)
