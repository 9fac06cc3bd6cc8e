"""Which operations run: a few at a time, while so many more may wait; what comes beyond that is told to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.http import HttpError

OPERATIONS_AT_ONCE = 3
"""More would only take turns on the one core, and memory."""


class Turns:
    """The turns of one process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._here = 0
        self._running = asyncio.Semaphore(OPERATIONS_AT_ONCE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, and keeps it for the block; raises HttpError 503 where too many are there already."""
        if self._here >= self._most:
            raise HttpError(
                503,
                f"Expected up to {self._most:,} requests at once, but there are as many already. Try again.",
                ((b"retry-after", b"1"),),
                code="OVERLOADED",
            )
        self._here += 1
        try:
            async with self._running:
                yield
        finally:
            self._here -= 1
