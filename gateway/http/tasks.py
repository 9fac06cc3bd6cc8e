"""Tasks: made only for what has to wait. What needs not wait is done sooner than a task would be made."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import copy_context
from typing import Any


def start(loop: asyncio.AbstractEventLoop, running: Coroutine[Any, Any, None]) -> "asyncio.Task[None] | None":
    """Runs a coroutine right away, as far as it comes, and the rest of it as a task; None where it came to its end."""
    context = copy_context()
    try:
        waits_for = context.run(running.send, None)
    except StopIteration:
        return None
    return loop.create_task(_finish(Resumed(running, waits_for)), context=context)


async def own_task() -> None:
    """Gives a request that ran right away a task of its own, which timeouts, for one, want."""
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


class Resumed:
    """A coroutine that was run as far as it came without a task, and now waits for something."""

    def __init__(self, running: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._running, self._waits_for = running, waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        """The rest of it."""
        waits_for = self._waits_for
        while True:
            given, thrown = None, None
            try:
                given = yield waits_for
            except BaseException as error:
                thrown = error
            try:
                waits_for = self._running.throw(thrown) if thrown else self._running.send(given)
            except StopIteration:
                return


async def _finish(resumed: Awaitable[None]) -> None:
    await resumed
