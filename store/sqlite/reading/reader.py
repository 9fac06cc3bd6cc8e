"""The reader of a request on SQLite: runs its reads on read connections, and searches on those of the searches."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import Any, TypeVar

from store.engine.query import Query
from store.engine.request_reader import RequestReader
from store.sqlite.dialect import DIALECT
from store.sqlite.reading.read_connections import ReadConnection, ReadConnectionPool
from store.sqlite.reading.searches import Searches

K = TypeVar("K")
V = TypeVar("V")


class SQLiteReader(RequestReader):
    """The reads of one request; with an ``operation_pool``, in one transaction, on a connection of it."""

    dialect = DIALECT

    def __init__(
        self, connections: "cycle[ReadConnection]", searches: Searches, operation_pool: ReadConnectionPool | None = None
    ) -> None:
        super().__init__()
        self._connections = connections
        self._searches = searches
        self._operation_pool = operation_pool
        self._own: ReadConnection | None = None
        self._taking_connection = asyncio.Lock()

    async def release(self) -> None:
        """Ends the read transaction; later reads see the archive's newest state."""
        own, self._own = self._own, None
        if own and self._operation_pool:
            await self._operation_pool.give_back(own)

    async def _fetch(self, query: Query[K, V], sql: str, keys: Sequence[K]) -> list[Any]:
        own = await self._own_connection()
        if query.may_be_long:
            return await self._searches.fetch(sql, query.parameters(keys), self.deadline, own)
        return await (own or next(self._connections)).fetch(sql, query.parameters(keys), self.deadline)

    async def _own_connection(self) -> ReadConnection | None:
        if self._operation_pool is None:
            return None
        async with self._taking_connection:
            if self._own is None:
                self._own = await self._operation_pool.take()
        return self._own
