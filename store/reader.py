"""Reading: a few connections that are shared, and a reader for each request that counts its statements and rows."""

from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple, TypeVar

import aiosqlite

from store.queries import Query
from store.searches import Searches

K = TypeVar("K")
V = TypeVar("V")


class Statement(NamedTuple):
    """A statement that ran: its SQL, and for how many keys."""

    sql: str
    keys: int


class Reader:
    """The reads of one request."""

    def __init__(self, connections: "cycle[aiosqlite.Connection]", searches: Searches) -> None:
        self._connections = connections
        self._searches = searches
        self.statements: list[Statement] = []
        self.rows = 0

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order, by one statement.

        Raises SearchTooLong where it may be long and is.
        """
        self.statements.append(Statement(query.sql, len(keys)))
        if query.may_be_long:
            rows = await self._searches.fetch(query.sql, query.parameters(keys))
        else:
            rows = await next(self._connections).execute_fetchall(query.sql, query.parameters(keys))
        ((payload,),) = rows
        answers = query.answer(payload, keys)
        self.rows += sum(len(answer) if isinstance(answer, list) else answer is not None for answer in answers)
        return answers
