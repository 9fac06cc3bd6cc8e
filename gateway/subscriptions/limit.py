"""Counts the open subscriptions, and limits how many there are at once, of one caller and in all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.http.exchange import HttpError
from gateway.observe import metrics
from gateway.settings.subscriptions import SubscriptionSettings

RETRY_AFTER = ((b"retry-after", b"5"),)


class SubscriptionLimit:
    """Counts the open subscriptions of one process."""

    def __init__(self, settings: SubscriptionSettings) -> None:
        self._most, self._most_of_one = settings.max_subscriptions, settings.max_subscriptions_per_key
        self._counts: Counter[str] = Counter()
        self._total = 0

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Counts a subscription of the caller during the block; raises HttpError 503 if a limit is reached."""
        if self._total >= self._most:
            raise full(self._most, "subscriptions at once")
        if self._counts[caller] >= self._most_of_one:
            raise full(self._most_of_one, "subscriptions of one caller at once")
        self._total += 1
        metrics.SUBSCRIPTIONS.inc()
        self._counts[caller] += 1
        try:
            yield
        finally:
            self._total -= 1
            metrics.SUBSCRIPTIONS.dec()
            self._counts[caller] -= 1
            if not self._counts[caller]:
                del self._counts[caller]


def full(most: int, what: str) -> HttpError:
    """The error of a limit on open connections that is reached."""
    message = f"Expected up to {most:,} {what}, but there are as many already. End one, or try again later."
    return HttpError(503, message, RETRY_AFTER, code="OVERLOADED")
