"""How many requests a caller may make a minute, and how many are left.

Told by the fields RateLimit and RateLimit-Policy (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)
with every answer. Each worker process counts for itself. A counter of ours, since it stands before a request that may
take 40 µs in all: it costs half a microsecond, where those of the library ``limits`` take twenty to fifty.
"""

import math
import time
from collections.abc import Callable

from cachetools import LRUCache

from gateway.http.callers import Caller
from gateway.http.exchange import Headers, HttpError

WINDOW_SECONDS = 60
WITH_A_KEY = 60_000
"""Requests a minute by one key, unless told otherwise."""
MOST_CALLERS = 50_000
"""So many are counted; of more, the one that asked last the longest ago begins anew."""


class Rates:
    """Counts requests by caller; all windows begin and end together, so that what is over is forgotten at once."""

    def __init__(self, told: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._told = told
        self._clock = clock
        self._counts: LRUCache[str, int] = LRUCache(MOST_CALLERS)
        self._ends = 0.0
        self.counts_anybody = bool(told)
        """Whether requests without a key are counted."""

    def count(self, caller: Caller) -> Headers:
        """Counts one request and returns the fields that tell how many are left; raises HttpError 429 beyond."""
        quota = self._told if self._told is not None else WITH_A_KEY if caller.has_key else 0
        if not quota:
            return ()
        now = self._clock()
        if now >= self._ends:
            self._counts.clear()
            self._ends = now + WINDOW_SECONDS
        used = self._counts[caller.name] = self._counts.get(caller.name, 0) + 1
        seconds = math.ceil(self._ends - now)
        fields = (
            (b"ratelimit-policy", b'"minute";q=%d;w=%d' % (quota, WINDOW_SECONDS)),
            (b"ratelimit", b'"minute";r=%d;t=%d' % (max(quota - used, 0), seconds)),
        )
        if used > quota:
            raise HttpError(
                429,
                f"Expected up to {quota:,} requests a minute, but this is one more. Try again in {seconds} seconds.",
                (*fields, (b"retry-after", b"%d" % seconds)),
                code="RATE_LIMITED",
            )
        return fields
