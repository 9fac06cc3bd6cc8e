"""Admission control: a few operations execute at once, a limited number wait, and more are refused with 503.

Plans need no execution slot and only count as in flight: they yield to the event loop every half a millisecond.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.http.exchange import HttpError, Wait, awaited
from gateway.http.tasks import ensure_task

OPERATIONS_AT_ONCE = 3
"""More would compete for one core and take memory, without being faster."""
SHARE = 0.75
"""The largest part of the in-flight limit that one caller may use, so that others can enter."""


class ExecutionSlot:
    """The execution slot of one operation, which releases it while it waits for a search."""

    def __init__(self, semaphore: asyncio.Semaphore) -> None:
        self._semaphore = semaphore
        self._held, self._over = False, False
        self._searches = 0

    async def acquire(self) -> None:
        """Waits for a slot; gives it back if the operation has ended, is searching again, or already has one."""
        await ensure_task()
        await self._semaphore.acquire()
        if self._held or self._searches or self._over:
            self._semaphore.release()
        else:
            self._held = True

    def end(self) -> None:
        """Releases the slot for good."""
        self._over = True
        self._release()

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Releases the slot during the block; reacquires it when the last concurrent block exits."""
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
            self._semaphore.release()


class InFlightLimit:
    """The in-flight limit: up to ``most`` requests run or wait, and each caller's up to its share of them."""

    def __init__(self, most: int) -> None:
        self._most, self._share = most, max(1, int(most * SHARE))
        self._total = 0
        self._counts: dict[str, int] = {}

    def enter(self, caller: str) -> None:
        """Counts a request of a caller; raises HttpError 503 if the limit is reached."""
        mine = self._counts.get(caller, 0)
        if self._total >= self._most:
            raise _overloaded(self._most, "requests at once, but there are as many already")
        if mine >= self._share:
            raise _overloaded(self._share, "requests of one caller at once, but you have as many already")
        self._total += 1
        self._counts[caller] = mine + 1

    def leave(self, caller: str) -> None:
        """Uncounts a finished request of the caller."""
        self._total -= 1
        left = self._counts[caller] - 1
        if left:
            self._counts[caller] = left
        else:
            del self._counts[caller]


class ExecutionSlots:
    """The execution slots of one process."""

    def __init__(self) -> None:
        self._semaphore = asyncio.Semaphore(OPERATIONS_AT_ONCE)

    @asynccontextmanager
    async def slot(self, wait: Wait = awaited) -> AsyncIterator[ExecutionSlot]:
        """Waits for a slot by ``wait``, and holds it during the block."""
        slot = ExecutionSlot(self._semaphore)
        try:
            await (wait if self._semaphore.locked() else awaited)(slot.acquire())
            yield slot
        finally:
            slot.end()


def _overloaded(most: int, finding: str) -> HttpError:
    return HttpError(
        503, f"Expected up to {most:,} {finding}. Try again.", ((b"retry-after", b"1"),), code="OVERLOADED"
    )
