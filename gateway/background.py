"""Runs the server's background tasks in rounds, until the server stops.

A round that fails is logged, shown (two metrics, ``/readyz?verbose``, ``syncStatus.lastError`` for the sync), and
retried after pauses that double up to ``LONGEST_PAUSE`` seconds.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from gateway.observe.metrics import BACKGROUND_FAILING, BACKGROUND_FAILURES

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0

PERMISSION_HINT = (
    " If it belongs to another user, such as the lock of a sync that ran as root, remove it or change its owner."
)

Round = Callable[[], Awaitable[float]]
"""Does a task's work once; returns the seconds from its end to the next round."""

log = logging.getLogger("proxygraph.gateway")


class RoundFailed(Exception):
    """A round failed for a known reason, which the message explains.

    ``pause`` is the seconds until the retry; None means the default, growing pauses.
    """

    def __init__(self, sentence: str, pause: float | None = None) -> None:
        super().__init__(sentence)
        self.pause = pause


class Failure(msgspec.Struct, frozen=True):
    """A task whose last rounds failed: how many in a row, since when, and when and why the last one did."""

    rounds: int
    since: datetime
    at: datetime
    sentence: str


class Background:
    """The background tasks of one server. Between rounds they await ``sleep``."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.failures: dict[str, Failure] = {}
        """The tasks whose last round failed, by name."""

    def start(self, name: str, work: Round) -> None:
        """Starts a task that repeats ``work`` until ``stop``."""
        BACKGROUND_FAILING.labels(name).set(0)
        BACKGROUND_FAILURES.labels(name)
        self._tasks[name] = asyncio.create_task(self._run_forever(name, work), name=name)

    def report(self) -> bytes:
        """A line for each task, as in Kubernetes' verbose probes: ok, or since when it fails.

        It doesn't give the reason, since everybody who reaches the port can read it; the log has the reason.
        """
        return b"".join([f"{self._line(name)}\n".encode() for name in self._tasks])

    def _line(self, name: str) -> str:
        failure = self.failures.get(name)
        if failure is None:
            return f"[+]{name} ok"
        since = failure.since.strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"[-]{name} failed {failure.rounds:,} times since {since}; the log has the reason"

    async def stop(self) -> None:
        """Cancels all tasks, and waits until they have ended."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run_forever(self, name: str, work: Round) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                wait = await work()
            except (Exception, asyncio.CancelledError, BaseExceptionGroup) as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                self._note(name, error)
                asked = error.pause if isinstance(error, RoundFailed) else None
                wait, pause = (pause, min(2 * pause, LONGEST_PAUSE)) if asked is None else (asked, FIRST_PAUSE)
            else:
                pause = FIRST_PAUSE
                if self.failures.pop(name, None):
                    BACKGROUND_FAILING.labels(name).set(0)
                    log.info("The background task %s works again.", name)
            await self._sleep(wait)

    def _note(self, name: str, error: BaseException) -> None:
        before, sentence, at = self.failures.get(name), _sentence(error), datetime.now(UTC)
        rounds, since = (before.rounds + 1, before.since) if before else (1, at)
        self.failures[name] = Failure(rounds, since, at, sentence)
        BACKGROUND_FAILING.labels(name).set(1)
        BACKGROUND_FAILURES.labels(name).inc()
        log.warning("The background task %s failed and will be retried: %s", name, sentence)
        if not isinstance(error, RoundFailed) and (before is None or before.sentence != sentence):
            # The stack without the error's text, which may be personal.
            frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
            log.error("%s in the background task %s\n%s", type(error).__name__, name, frames)


def _sentence(error: BaseException) -> str:
    if isinstance(error, RoundFailed):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        file = Path(str(error.filename)).name if error.filename else "a file"
        return f"Can't use {file}: {error.strerror}.{PERMISSION_HINT if isinstance(error, PermissionError) else ''}"
    return f"There was an unexpected error ({type(error).__name__}); the log has the details."
