"""Patience: how long something is waited for.

To set a timer for each request, and to cancel it, would take as long as to parse the request. Here one timer runs on,
and looks again where what it was set for has come meanwhile.
"""

import asyncio
from collections.abc import Callable
from math import inf


class Patience:
    """One timer for all that a connection waits for, one thing after another."""

    __slots__ = ("_due", "_fires", "_give_up", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, give_up: Callable[[], None]) -> None:
        """``give_up`` is called when it is over."""
        self._loop, self._give_up = loop, give_up
        self._due = self._fires = inf
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, seconds: float) -> None:
        """Waits for so long from now on, whatever was waited for before."""
        self._due = self._loop.time() + seconds
        if self._due < self._fires:
            self._set()

    def wait_no_longer(self) -> None:
        """What was waited for is there."""
        self._due = inf

    def end(self) -> None:
        """Waits for nothing any more."""
        self._due = self._fires = inf
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._fires = self._due
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self._timer, self._fires = None, inf
        if self._due == inf:
            return
        if self._loop.time() < self._due:
            self._set()
        else:
            self._due = inf
            self._give_up()
