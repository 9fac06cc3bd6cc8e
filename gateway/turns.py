"""Which operations run: a few at a time, while so many more may wait; what comes beyond that is told to come back.

Plans need no turn, only a place: they take turns on the loop by themselves, every millisecond.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from gateway.http import HttpError

OPERATIONS_AT_ONCE = 3
"""More would only take turns on the one core, and memory."""


class Turn:
    """The turn of one operation, which it can give to others while it waits for a search."""

    def __init__(self, running: asyncio.Semaphore) -> None:
        self._running = running
        self._held = False

    async def take(self) -> None:
        """Waits for it."""
        await self._running.acquire()
        self._held = True

    def give_back(self) -> None:
        """Lets the next have it, if it was taken."""
        if self._held:
            self._held = False
            self._running.release()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Others may have the turn during the block."""
        self.give_back()
        try:
            yield
        finally:
            await self.take()


class Turns:
    """The turns of one process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._here = 0
        self._running = asyncio.Semaphore(OPERATIONS_AT_ONCE)

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for the block; raises HttpError 503 where as many as may are there already."""
        if self._here >= self._most:
            raise HttpError(
                503,
                f"Expected up to {self._most:,} requests at once, but there are as many already. Try again.",
                ((b"retry-after", b"1"),),
                code="OVERLOADED",
            )
        self._here += 1
        try:
            yield
        finally:
            self._here -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Waits for a turn, and keeps it for the block."""
        turn = Turn(self._running)
        await turn.take()
        try:
            yield turn
        finally:
            turn.give_back()
