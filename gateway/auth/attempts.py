"""Limits how many wrong keys a client may send a minute.

An attempt is counted by the client's address before the key is looked up, so that guessing costs the server nothing
once the limit is reached. While keys of a client are being looked up, further ones wait if they could pass the limit,
so a valid key is never refused because others come at the same time.
"""

import asyncio
import math
import time
from collections.abc import Callable

from cachetools import LRUCache

from gateway.http.exchange import HttpError

WINDOW_SECONDS = 60
WRONG_KEYS = 120
"""The wrong keys a minute that one client may send, unless a smaller rate is configured."""
MAX_CONCURRENT = 16
"""How many keys of one client are looked up at the same time."""
MAX_CLIENTS = 50_000


class Tally:
    """One client's keys in one minute: the number that were wrong, and the number that are being looked up."""

    def __init__(self) -> None:
        self.wrong = self.running = 0
        self.waiters: list[asyncio.Future[None]] = []


class Attempts:
    """Counts the keys that clients send, from before they are looked up."""

    def __init__(self, rate: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """``rate`` is the configured limit of requests a minute, if there is one."""
        self._limit = min(rate, WRONG_KEYS) if rate else WRONG_KEYS
        self._clock = clock
        self._tallies: LRUCache[str, Tally] = LRUCache(MAX_CLIENTS)
        self._ends = 0.0

    async def begin(self, client: str, was_valid: bool = False) -> Tally:
        """Waits until a key of ``client`` may be looked up; returns the tally to end the attempt with.

        A key that ``was_valid`` the last time is not a guess. For any other, raises HttpError 429 over the limit.
        """
        while True:
            tally = self._tally(client)
            left = MAX_CONCURRENT if was_valid else self._limit - tally.wrong
            if left <= 0:
                raise self._refusal()
            if tally.running < min(left, MAX_CONCURRENT):
                tally.running += 1
                return tally
            waiter = asyncio.get_running_loop().create_future()
            tally.waiters.append(waiter)
            await waiter

    def end(self, tally: Tally, wrong: bool) -> None:
        """Ends an attempt; ``wrong`` says whether its key was wrong."""
        tally.running -= 1
        tally.wrong += wrong
        waiters, tally.waiters = tally.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _tally(self, client: str) -> Tally:
        now = self._clock()
        if now >= self._ends:
            self._tallies.clear()
            self._ends = now + WINDOW_SECONDS
        tally = self._tallies.get(client)
        if tally is None:
            tally = self._tallies[client] = Tally()
        return tally

    def _refusal(self) -> HttpError:
        seconds = math.ceil(self._ends - self._clock())
        return HttpError(
            429,
            f"Expected up to {self._limit:,} wrong keys a minute from one client, but this one has sent that many. "
            f"Try again in {seconds} seconds.",
            ((b"retry-after", b"%d" % seconds),),
            code="RATE_LIMITED",
        )
