"""The sync's status whenever it changes, read at most once a second by a process, however many wait for it."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

from store.engine.protocols import Archive, Commits
from store.live.outages import once_available
from store.sync.status import StatusQuery, SyncStatus

READ_EVERY_SECONDS = 1.0
LOOK_EVERY_SECONDS = 5.0
"""Without a commit, the status is given again so often, since a run whose process has died stores nothing."""


class Statuses:
    """The status of one archive's sync."""

    def __init__(self, archive: Archive, commits: Commits) -> None:
        self._archive, self._commits = archive, commits
        self._reading = asyncio.Lock()
        self._latest: SyncStatus | None = None
        self._read_at_count: int | None = None
        self._read_at = float("-inf")

    async def follow(self) -> AsyncGenerator[SyncStatus, None]:
        """The status now, and after each commit that may have changed it, and every few seconds."""
        while True:
            count = self._commits.count()
            yield await once_available(partial(self._read, count))
            try:
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self._commits.after(count)
            except TimeoutError:
                continue
            await asyncio.sleep(READ_EVERY_SECONDS)

    async def _read(self, count: int) -> SyncStatus:
        loop = asyncio.get_running_loop()
        async with self._reading:
            latest = self._latest
            is_old = loop.time() - self._read_at >= READ_EVERY_SECONDS
            if latest is None or (self._read_at_count != count and is_old):
                (latest,) = await self._archive.reader().read(StatusQuery(), [None])
                self._latest, self._read_at_count, self._read_at = latest, count, loop.time()
            return latest
