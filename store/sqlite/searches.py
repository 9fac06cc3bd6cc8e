"""Searches: reads that no index serves, kept apart from the others and stopped when they take too long.

They have lanes of their own, so that a point read never waits behind one, and as many run at a time as there are.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from store.errors import OutOfTime, SearchTooLong
from store.sqlite.read_connections import Lane


class Searches:
    """Runs one search at a time on each of its lanes, none for longer than ``seconds``."""

    def __init__(self, lanes: Sequence[Lane], seconds: float) -> None:
        self._seconds = seconds
        self._free: asyncio.LifoQueue[Lane] = asyncio.LifoQueue()
        for lane in lanes:
            self._free.put_nowait(lane)

    async def fetch(self, sql: str, parameters: dict[str, Any], by: float, own: Lane | None = None) -> list[Any]:
        """The statement's rows, read on a lane of these, or on the operation's ``own`` in its place.

        Raises SearchTooLong or, if they are not there ``by`` then, OutOfTime.
        """
        lane = await self._free.get()
        longest = time.monotonic() + self._seconds
        try:
            return await (own or lane).fetch(sql, parameters, min(by, longest))
        except OutOfTime as error:
            if by < longest:
                raise
            raise SearchTooLong(
                f"The search took longer than {self._seconds:g} seconds and was stopped. Narrow it: to a service, a "
                "session or a participant, or to a shorter time."
            ) from error
        finally:
            self._free.put_nowait(lane)
