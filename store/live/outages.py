"""Waits while the database's server can't be reached, since those who follow changes have nothing better to do."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

from store.errors import Unavailable

T = TypeVar("T")
RETRY_SECONDS = 0.5


async def once_available(read: Callable[[], Awaitable[T]], most_seconds: float = inf) -> T:
    """The result of ``read``, which is repeated while it raises Unavailable, but no longer than ``most_seconds``."""
    until = time.monotonic() + most_seconds
    while True:
        try:
            return await read()
        except Unavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(RETRY_SECONDS)
