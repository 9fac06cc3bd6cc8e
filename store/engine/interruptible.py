"""Interrupts coroutines that run for too long, with one timer for many of them.

A timer for each short read would cost it a tenth: uvloop closes the handle of each in another turn of the loop.
"""

import asyncio
import time
from collections.abc import Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")


class Interruptible(Generic[T]):
    """Awaits ``running``; after ``interrupt`` is called, raises CancelledError instead.

    Like cancelling a task, that cancels the future for which ``running`` waits. But it needs no task, since a coroutine
    may run without one up to its first wait.
    """

    __slots__ = ("_running", "_waits_for", "is_interrupted")

    def __init__(self, running: Coroutine[Any, Any, T]) -> None:
        self._running = running
        self._waits_for: asyncio.Future[Any] | None = None
        self.is_interrupted = False

    def __await__(self) -> Generator[Any, Any, T]:
        """The result."""
        running, value, error = self._running, None, None
        was_interrupted = False
        while True:
            try:
                self._waits_for = running.throw(error) if error else running.send(value)
            except StopIteration as done:
                result: T = done.value
                return result
            value, error = None, None
            if self.is_interrupted and not was_interrupted and self._waits_for is not None:
                self._waits_for.cancel()  # ``interrupt`` was called before the first wait.
            try:
                value = yield self._waits_for
            except BaseException as raised:
                error = raised
            if self.is_interrupted and not was_interrupted:
                was_interrupted, error = True, error or asyncio.CancelledError()

    def interrupt(self) -> None:
        """Interrupts it."""
        self.is_interrupted = True
        if self._waits_for is not None:
            self._waits_for.cancel()


class Expiring(Interruptible[T]):
    """An Interruptible with a deadline: a Watch interrupts it at ``due``, a time of time.monotonic()."""

    __slots__ = ("due",)

    def __init__(self, running: Coroutine[Any, Any, T], due: float) -> None:
        super().__init__(running)
        self.due = due

    def expire(self) -> None:
        """Interrupts it."""
        self.interrupt()


class Timed(Protocol):
    """Something that has to be done by ``due``, a time of time.monotonic()."""

    due: float

    def expire(self) -> None:
        """Called once, after that time."""
        ...


class Watch:
    """Calls ``expire`` of each member at its time, up to ``seconds`` late, unless it is discarded before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timed: set[Timed] = set()
        self._is_ticking = False

    def add(self, timed: Timed) -> None:
        """Begins to watch it."""
        self._timed.add(timed)
        if not self._is_ticking:
            self._go_on()

    def discard(self, timed: Timed) -> None:
        """Watches it no longer."""
        self._timed.discard(timed)

    def _tick(self) -> None:
        now = time.monotonic()
        for timed in [each for each in self._timed if each.due <= now]:
            self._timed.discard(timed)
            timed.expire()
        self._go_on()

    def _go_on(self) -> None:
        self._is_ticking = bool(self._timed)
        if self._is_ticking:
            asyncio.get_running_loop().call_later(self._seconds, self._tick)
