"""Searches: reads that no index serves, kept apart from the others and stopped when they take too long.

They have connections of their own, so that a point read never waits behind one, and as many run at a time as there are.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiosqlite

from store.errors import SearchTooLong

INTERRUPT_AGAIN_SECONDS = 0.05


class Searches:
    """Runs one search at a time on each of its connections, none for longer than ``seconds``."""

    def __init__(self, connections: Sequence[aiosqlite.Connection], seconds: float) -> None:
        self._seconds = seconds
        self._free: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def fetch(self, sql: str, parameters: Mapping[str, Any]) -> Iterable[Any]:
        """The statement's rows; raises SearchTooLong where they take too long."""
        connection = await self._free.get()
        running = asyncio.ensure_future(connection.execute_fetchall(sql, dict(parameters)))
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(running)
        except TimeoutError as error:
            raise SearchTooLong(
                f"The search took longer than {self._seconds:g} seconds and was stopped. Narrow it: to a service, a "
                "session or a participant, or to a shorter time."
            ) from error
        finally:
            await _stopped(connection, running)
            self._free.put_nowait(connection)


async def _stopped(connection: aiosqlite.Connection, running: "asyncio.Future[Any]") -> None:
    # Again and again, since a statement that has not begun yet can't be interrupted.
    while not running.done():
        await connection.interrupt()
        await asyncio.wait([running], timeout=INTERRUPT_AGAIN_SECONDS)
    with suppress(Exception):
        running.result()
