"""Reading: a few connections that are shared, and a reader for each request that counts its statements."""

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple, TypeVar

import aiosqlite

from store.queries import Query

K = TypeVar("K")
V = TypeVar("V")


class Statement(NamedTuple):
    """A statement that ran: its SQL, and for how many keys."""

    sql: str
    keys: int


class Reader:
    """The reads of one request."""

    def __init__(self, connections: "cycle[aiosqlite.Connection]") -> None:
        self._connections = connections
        self.statements: list[Statement] = []

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order, by one statement."""
        self.statements.append(Statement(query.sql, len(keys)))
        rows = await next(self._connections).execute_fetchall(query.sql, query.parameters(keys))
        ((payload,),) = rows
        return query.answer(payload, keys)
