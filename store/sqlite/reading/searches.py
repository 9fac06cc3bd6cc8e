"""Searches: reads that no index serves. They run on connections of their own, and stop at a time limit.

So a point read never waits behind a search. The number of connections bounds how many searches run at the same time.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from store.engine.request_reader import search_deadline
from store.sqlite.reading.read_connections import ReadConnection


class Searches:
    """Runs one search at a time for each of its connections, none for longer than ``seconds``."""

    def __init__(self, connections: Sequence[ReadConnection], seconds: float) -> None:
        self._seconds = seconds
        self._free: asyncio.LifoQueue[ReadConnection] = asyncio.LifoQueue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def fetch(
        self, sql: str, parameters: dict[str, Any], by: float, own: ReadConnection | None = None
    ) -> list[Any]:
        """The statement's rows, read on a connection of the searches, or instead on the operation's ``own`` one.

        Raises SearchTooLong at the search's time limit, OutOfTime at ``by``, the request's deadline.
        """
        connection = await self._free.get()
        try:
            with search_deadline(self._seconds, by) as deadline:
                return await (own or connection).fetch(sql, parameters, deadline)
        finally:
            self._free.put_nowait(connection)
