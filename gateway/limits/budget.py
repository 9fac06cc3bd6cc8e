"""Limits the SQL statements and the time of an operation, and interrupts it in SQLite too."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.limits.limits import LimitExceeded
from gateway.settings.server import Limits
from resolvers.context import Context
from store.errors import OutOfStatements

T = TypeVar("T")


async def within_budget(run: Callable[[], Awaitable[T]], context: Context, limits: Limits, is_query: bool) -> T:
    """Returns the result of ``run``; raises LimitExceeded if it needs too many statements or too much time.

    A mutation has no time limit here: it must not stop between Twilio and the archive, and its requests to Twilio have
    their own timeouts.
    """
    reader, seconds = context.reader, limits.max_seconds if is_query else None
    reader.allowed = limits.max_statements
    if seconds:
        reader.deadline = time.monotonic() + seconds
    try:
        async with asyncio.timeout(seconds):
            done = await run()
    except TimeoutError as error:
        raise too_long(limits) from error
    if reader.refusal is None:
        return done
    if isinstance(reader.refusal, OutOfStatements):
        raise LimitExceeded(
            "statements",
            limits.max_statements,
            None,
            f"Expected an operation that needs up to {limits.max_statements:,} SQL statements, but this one needs more."
            " Ask in several requests.",
        )
    raise too_long(limits)


def too_long(limits: Limits) -> LimitExceeded:
    """The error of an operation that ran out of time."""
    seconds = f"{limits.max_seconds:g}"
    return LimitExceeded(
        "seconds",
        limits.max_seconds,
        None,
        f"Expected a query that is done in {seconds} seconds, but this one needs longer. Ask for less.",
    )
