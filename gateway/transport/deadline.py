"""The read and idle timeout of a connection: one deadline that can be moved cheaply.

Setting and cancelling a timer for each request would take as long as parsing it. Here the timer keeps running, and is
scheduled again if the deadline has moved when it fires.
"""

import asyncio
from collections.abc import Callable
from math import inf


class Deadline:
    """Calls ``expired`` when the deadline that was set last has passed."""

    __slots__ = ("_due", "_expired", "_fires", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        self._loop, self._expired = loop, expired
        self._due = self._fires = inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Moves the deadline to so many seconds from now."""
        self._due = self._loop.time() + seconds
        if self._due < self._fires:
            self._schedule()

    def clear(self) -> None:
        """Clears the deadline; the timer stays scheduled for the next one."""
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
