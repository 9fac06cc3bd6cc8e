"""Which operations run: a few at a time, while so many more may wait; what comes beyond that is told to come back.

Plans need no turn, only a place: they take turns on the loop by themselves, every half a millisecond.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.http.exchange import HttpError
from gateway.http.tasks import own_task

OPERATIONS_AT_ONCE = 3
"""More would only take turns on the one core, and memory."""


class Turn:
    """The turn of one operation, which it can give to others while it waits for a search."""

    def __init__(self, running: asyncio.Semaphore) -> None:
        self._running = running
        self._held, self._over = False, False
        self._searches = 0

    async def take(self) -> None:
        """Waits for it, unless by then the operation is over, searches again, or has it already."""
        await own_task()
        await self._running.acquire()
        if self._held or self._searches or self._over:
            self._running.release()
        else:
            self._held = True

    def end(self) -> None:
        """Lets the next have it, for good."""
        self._over = True
        self._give_back()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Others may have the turn during the block; of several that an operation is in, the last takes it again."""
        self._searches += 1
        self._give_back()
        try:
            yield
        finally:
            self._searches -= 1
            if not self._searches and not self._over:
                await self.take()

    def _give_back(self) -> None:
        if self._held:
            self._held = False
            self._running.release()


class Place:
    """A place for the block that it is entered for; there are ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def __enter__(self) -> None:
        """Takes one; raises HttpError 503 where all are taken."""
        if self._taken >= self._most:
            raise HttpError(
                503,
                f"Expected up to {self._most:,} requests at once, but there are as many already. Try again.",
                ((b"retry-after", b"1"),),
                code="OVERLOADED",
            )
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        """Gives it back."""
        self._taken -= 1


class Turns:
    """The turns of one process; ``place`` is what each request has to have, as long as it is here."""

    def __init__(self, most: int) -> None:
        self.place = Place(most)
        self._running = asyncio.Semaphore(OPERATIONS_AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[Turn]:
        """Waits for a turn, and keeps it for the block."""
        turn = Turn(self._running)
        await turn.take()
        try:
            yield turn
        finally:
            turn.end()
