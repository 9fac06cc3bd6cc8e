"""Limits the requests a minute of each caller, with a fixed window.

Every response has the fields RateLimit and RateLimit-Policy
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/). Each worker process counts for itself. The
counter takes half a microsecond; those of the library ``limits`` take twenty to fifty, as long as a whole point query.
"""

import math
import time
from collections.abc import Callable

from cachetools import LRUCache

from gateway.http.callers import Caller
from gateway.http.exchange import Headers, HttpError

WINDOW_SECONDS = 60
WITH_A_KEY = 60_000
"""Requests a minute by one key, unless configured otherwise."""
MOST_CALLERS = 50_000
"""The most callers with counters. Beyond that, the counter of the caller that was seen longest ago is dropped."""


class Rates:
    """Counts requests by caller; all windows begin and end together, so one clear() resets every counter."""

    def __init__(self, configured: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._configured = configured
        self._clock = clock
        self._counts: LRUCache[str, int] = LRUCache(MOST_CALLERS)
        self._ends = 0.0
        self.counts_anybody = bool(configured)
        """Whether requests without a key are counted."""

    def count(self, caller: Caller) -> Headers:
        """Counts a request and returns the rate limit fields; raises HttpError 429 if the quota is used up."""
        quota = self._configured if self._configured is not None else WITH_A_KEY if caller.has_key else 0
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
                f"Expected up to {quota:,} requests a minute, but got {used:,}. Try again in {seconds} seconds.",
                (*fields, (b"retry-after", b"%d" % seconds)),
                code="RATE_LIMITED",
            )
        return fields
