"""Limits how many wrong keys a client may send a minute.

An attempt is counted by the client's address before the key is looked up, so that guessing costs the server nothing
once the limit is reached. A valid key undoes its attempt.
"""

import math
import time
from collections.abc import Callable

from cachetools import LRUCache

from gateway.http.exchange import HttpError

WINDOW_SECONDS = 60
WRONG_KEYS = 120
"""Wrong keys a minute by one client, where no smaller rate is set."""
MAX_CLIENTS = 50_000


class Attempts:
    """Counts the keys that clients send and that are not known to be valid."""

    def __init__(self, rate: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """``rate`` is the number of requests a minute that is set for every caller, if one is."""
        self._limit = min(rate, WRONG_KEYS) if rate else WRONG_KEYS
        self._clock = clock
        self._counts: LRUCache[str, int] = LRUCache(MAX_CLIENTS)
        self._ends = 0.0

    def begin(self, client: str) -> None:
        """Counts an attempt of ``client``; raises HttpError 429 beyond the limit."""
        now = self._clock()
        if now >= self._ends:
            self._counts.clear()
            self._ends = now + WINDOW_SECONDS
        count = self._counts.get(client, 0)
        if count >= self._limit:
            seconds = math.ceil(self._ends - now)
            raise HttpError(
                429,
                f"Expected up to {self._limit:,} wrong keys a minute from one client, but this one has shown as many. "
                f"Try again in {seconds} seconds.",
                ((b"retry-after", b"%d" % seconds),),
                code="RATE_LIMITED",
            )
        self._counts[client] = count + 1

    def undo(self, client: str) -> None:
        """Undoes an attempt whose key was valid, or could not be checked."""
        if client in self._counts:
            self._counts[client] = max(self._counts[client] - 1, 0)
