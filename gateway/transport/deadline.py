"""A deadline: one timer for all that a connection waits for, one thing after another.

Setting and cancelling a timer for each request would cost as much as parsing it. This one runs on, and looks again
where the deadline has moved meanwhile.
"""

import asyncio
from collections.abc import Callable
from math import inf


class Deadline:
    """Calls ``expired`` once the time that was set last is over."""

    __slots__ = ("_due", "_expired", "_fires", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop, self._expired = loop, expired
        self._due = self._fires = inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Sets the deadline so many seconds from now, in place of the one before."""
        self._due = self._loop.time() + seconds
        if self._due < self._fires:
            self._schedule()

    def clear(self) -> None:
        """Clears the deadline; the timer stays for the next one."""
        self._due = inf

    def cancel(self) -> None:
        """Clears the deadline and cancels the timer."""
        self._due = self._fires = inf
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._fires = self._due
        self._timer = self._loop.call_at(self._due, self._fire)

    def _fire(self) -> None:
        self._timer, self._fires = None, inf
        if self._due == inf:
            return
        if self._loop.time() < self._due:
            self._schedule()
        else:
            self._due = inf
            self._expired()
