"""Which operations run: a few at a time, while so many more may wait; what comes beyond that is told to come back.

Plans need no slot, and only count as in flight: they take turns on the loop by themselves, every half a millisecond.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.http.exchange import HttpError, Wait, awaited
from gateway.http.tasks import own_task

OPERATIONS_AT_ONCE = 3
"""More would only take turns on the one core, and memory."""
SHARE = 0.75
"""The part of all requests in flight that one caller may have, so that the others find some free."""


class ExecutionSlot:
    """The slot that one operation runs in, which it releases while it waits for a search."""

    def __init__(self, running: asyncio.Semaphore) -> None:
        self._running = running
        self._held, self._over = False, False
        self._searches = 0

    async def acquire(self) -> None:
        """Waits for a slot; takes none where the operation ended meanwhile, searches again, or has one already."""
        await own_task()
        await self._running.acquire()
        if self._held or self._searches or self._over:
            self._running.release()
        else:
            self._held = True

    def end(self) -> None:
        """Releases the slot for good."""
        self._over = True
        self._release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Releases the slot during the block; the last of several blocks at once acquires it again."""
        self._searches += 1
        self._release()
        try:
            yield
        finally:
            self._searches -= 1
            if not self._searches and not self._over:
                await self.acquire()

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._running.release()


class InFlight:
    """The requests that are running or waiting, up to ``most``, and by each caller up to its share of them."""

    def __init__(self, most: int) -> None:
        self._most, self._share = most, max(1, int(most * SHARE))
        self._total = 0
        self._counts: dict[str, int] = {}

    def enter(self, caller: str) -> None:
        """Counts a request of a caller; raises HttpError 503 where there are too many already."""
        mine = self._counts.get(caller, 0)
        if self._total >= self._most:
            raise _overloaded(self._most, "requests at once, but there are as many already")
        if mine >= self._share:
            raise _overloaded(self._share, "requests of one caller at once, but you have as many already")
        self._total += 1
        self._counts[caller] = mine + 1

    def leave(self, caller: str) -> None:
        """The request is done."""
        self._total -= 1
        left = self._counts[caller] - 1
        if left:
            self._counts[caller] = left
        else:
            del self._counts[caller]


class ExecutionSlots:
    """The slots of one process."""

    def __init__(self) -> None:
        self._running = asyncio.Semaphore(OPERATIONS_AT_ONCE)

    @asynccontextmanager
    async def slot(self, wait: Wait = awaited) -> AsyncIterator[ExecutionSlot]:
        """Waits for a slot, by ``wait`` where it is given, and keeps it for the block."""
        slot = ExecutionSlot(self._running)
        try:
            await (wait if self._running.locked() else awaited)(slot.acquire())
            yield slot
        finally:
            slot.end()


def _overloaded(most: int, finding: str) -> HttpError:
    return HttpError(
        503, f"Expected up to {most:,} {finding}. Try again.", ((b"retry-after", b"1"),), code="OVERLOADED"
    )
