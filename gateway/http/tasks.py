"""Eager tasks: a coroutine runs at once, and becomes a task only if it has to wait.

Creating a task would take longer than a request that never waits.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import copy_context
from typing import Any


def start_eagerly(loop: asyncio.AbstractEventLoop, running: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
    """Runs a coroutine up to its first wait and returns a task for the rest; None if it has finished."""
    context = copy_context()
    try:
        waits_for = context.run(running.send, None)
    except StopIteration:
        return None
    return loop.create_task(_finish(Resumed(running, waits_for)), context=context)


async def ensure_task() -> None:
    """Moves an eagerly started coroutine into its task, since ``asyncio.timeout`` and others need a current task."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


class Resumed:
    """A coroutine that ran without a task up to its first wait; ``waits_for`` is what it yielded there."""

    def __init__(self, running: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._running, self._waits_for = running, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        """Runs the rest of the coroutine."""
        waits_for = self._waits_for
        while True:
            value, error = None, None
            try:
                value = yield waits_for
            except BaseException as raised:
                error = raised
            try:
                waits_for = self._running.throw(error) if error else self._running.send(value)
            except StopIteration:
                return


async def _finish(resumed: Awaitable[None]) -> None:
    await resumed
