"""An adaptive concurrency limit: each successful answer raises it a little, and each 429 halves it."""

import asyncio
from collections import deque


class AdaptiveLimit:
    """Limits the concurrent requests: ``maximum`` at first, half as many after each 429, then slowly more.

    Twilio doesn't publish its limit on concurrent requests (error 20429), so it must be found by trial.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = float(maximum)
        self.current = float(maximum)
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        while self._in_flight >= int(self.current):
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake_waiters()
                raise
        self._in_flight += 1

    async def __aexit__(self, *_: object) -> None:
        self._in_flight -= 1
        self._wake_waiters()

    def increase(self) -> None:
        """Raises the limit a little, after an answer."""
        if self.current < self._maximum:
            self.current = min(self._maximum, self.current + 1 / self.current)
            self._wake_waiters()

    def halve(self) -> None:
        """Halves the limit, after a 429."""
        self.current = max(1.0, self.current / 2)

    def _wake_waiters(self) -> None:
        free = int(self.current) - self._in_flight
        while self._waiters and free > 0:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1
