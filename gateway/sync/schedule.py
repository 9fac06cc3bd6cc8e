"""The background task that syncs at intervals while the server runs, in one process at a time among all servers.

Every server with ``--sync-every`` looks every few seconds whether a sync is due. If the process that syncs dies, its
lock is free and its run has no end, so the next one that looks takes over.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta

from gateway.background import RoundFailed
from gateway.settings.mirror import SyncSettings
from gateway.sync.clock import ClockMismatch
from gateway.sync.crawl import UnknownService
from gateway.sync.reconcile import TooManyErasures
from gateway.sync.run import is_full_run_due, sync
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from store.engine.protocols import Archive
from store.errors import StoreError, SyncAlreadyRunning
from store.sync import runs
from store.sync.runs import LatestRun, RunCounts

LOOK_SECONDS = 4.0
"""How often a server checks whether the server that syncs has ended or died."""
SHORTEST_PAUSE = 0.05

log = logging.getLogger("proxygraph.sync")


class ScheduledSync:
    """Syncs an archive ``every`` so often, and fully if the last full run is longer ago than ``full_every``."""

    def __init__(
        self, archive: Archive, twilio: Twilio, settings: SyncSettings, every: timedelta, full_every: timedelta
    ) -> None:
        self._archive, self._twilio, self._settings = archive, twilio, settings
        self._every, self._full_every = every.total_seconds(), full_every
        self._due = float("-inf")
        self._own = 0
        """The number of this task's last run."""
        self._latest: LatestRun | None = None
        self._has_looked = False

    async def __call__(self) -> float:
        """Waits until a run is due, and runs it; returns no further seconds to wait.

        Raises RoundFailed if the sync can't begin, which is retried soon, or if it fails because of Twilio or the
        archive, which is retried after ``every``, since the client has retried already.
        """
        pause = None
        try:
            async with AsyncExitStack() as stack:
                await self._wait_for_turn(stack)
                pause, progress = 0.0, RunCounts()
                try:
                    await self._sync(progress)
                finally:
                    self._put_off()
        except (TwilioError, StoreError, TooManyErasures, ClockMismatch, UnknownService) as error:
            raise RoundFailed(f"The sync was not completed: {error}", pause) from error
        log.info("Synced: %d rows new, %d changed, %d erased.", progress.new, progress.changed, progress.erased)
        return 0.0

    async def _sync(self, progress: RunCounts) -> None:
        full = self._settings.full or await is_full_run_due(self._archive, self._full_every, self._is_partial)
        await sync(self._archive, self._twilio, self._settings.model_copy(update={"full": full}), progress)

    @property
    def _is_partial(self) -> bool:
        return self._settings.service is not None

    async def _wait_for_turn(self, stack: AsyncExitStack) -> None:
        """Waits until a run is due, and enters the sync lock into ``stack``."""
        loop = asyncio.get_running_loop()
        while not await self._takes_turn(stack):
            left = self._due - loop.time()
            await asyncio.sleep(max(min(LOOK_SECONDS, self._every if left <= 0 else left), SHORTEST_PAUSE))

    async def _takes_turn(self, stack: AsyncExitStack) -> bool:
        if not await self._is_due():
            return False
        try:
            await stack.enter_async_context(self._archive.sync_lock())
        except SyncAlreadyRunning:
            log.debug("Another process is syncing.")
            return False
        if await self._is_due():  # Perhaps the process that had the lock has just completed its run.
            self._own = self._latest.number + 1 if self._latest else 1
            return True
        await stack.aclose()
        return False

    async def _is_due(self) -> bool:
        """Whether it is time, or the latest run seems to have been cut off. A run of another process puts it off."""
        before, self._latest = self._latest, await runs.latest(self._archive)
        latest = self._latest
        if latest is None:
            return True
        has_ended = latest.finished_at is not None and latest != before and self._has_looked
        if has_ended and latest.number != self._own and latest.partial <= self._is_partial:
            self._put_off()
        self._has_looked = True
        is_cut_off = latest.finished_at is None and latest.number != self._own
        return is_cut_off or asyncio.get_running_loop().time() >= self._due

    def _put_off(self) -> None:
        self._due = asyncio.get_running_loop().time() + self._every
