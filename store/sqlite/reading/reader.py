"""The reader of a request: runs its reads on read connections, counts them, and enforces the request's budget."""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import cycle
from typing import TypeVar

from store.engine.protocols import ReadStatement
from store.engine.query import Query
from store.engine.sql import text_of
from store.errors import OutOfBudget, OutOfStatements
from store.sqlite.dialect import DIALECT
from store.sqlite.reading.read_connections import ReadConnection, ReadConnectionPool
from store.sqlite.reading.searches import Searches

K = TypeVar("K")
V = TypeVar("V")


class SQLiteReader:
    """The reads of one request: at most ``allowed`` statements, until ``deadline``, a time of time.monotonic().

    ``refusal`` is the OutOfBudget that was raised, if any. A search runs inside the context ``while_searching``.
    With an ``operation_pool``, it reads in one transaction on a connection of the pool until ``release``.
    """

    def __init__(
        self, connections: "cycle[ReadConnection]", searches: Searches, operation_pool: ReadConnectionPool | None = None
    ) -> None:
        self._connections = connections
        self._searches = searches
        self._operation_pool = operation_pool
        self._own: ReadConnection | None = None
        self._taking_connection = asyncio.Lock()
        self.statements: list[ReadStatement] = []
        self.rows = 0
        self.allowed: float = math.inf
        self.deadline: float = math.inf
        self.refusal: OutOfBudget | None = None
        self.while_searching: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order, by one statement.

        Raises OutOfStatements or OutOfTime if the request's budget is used up, SearchTooLong at a search's limit.
        """
        try:
            if len(self.statements) >= self.allowed:
                raise OutOfStatements
            sql = text_of(query.sql, DIALECT)
            self.statements.append(ReadStatement(sql, len(keys)))
            own = await self._own_connection()
            if query.may_be_long:
                async with self.while_searching():
                    rows = await self._searches.fetch(sql, query.parameters(keys), self.deadline, own)
            else:
                connection = own or next(self._connections)
                rows = await connection.fetch(sql, query.parameters(keys), self.deadline)
        except OutOfBudget as refusal:
            self.refusal = refusal
            raise
        ((payload,),) = rows
        answers = query.answer(payload, keys)
        self.rows += sum(len(answer) if isinstance(answer, list) else answer is not None for answer in answers)
        return answers

    async def release(self) -> None:
        """Ends the read transaction; later reads see the archive's newest state."""
        own, self._own = self._own, None
        if own and self._operation_pool:
            await self._operation_pool.give_back(own)

    async def _own_connection(self) -> ReadConnection | None:
        if self._operation_pool is None:
            return None
        async with self._taking_connection:
            if self._own is None:
                self._own = await self._operation_pool.take()
        return self._own
