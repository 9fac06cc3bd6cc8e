"""Reading: a few lanes that are shared, and a reader for each request that counts, and keeps it within its budget."""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import cycle
from typing import NamedTuple, TypeVar

from store.errors import OutOfBudget, OutOfStatements
from store.sqlite.read_connections import Lane, Lanes
from store.sqlite.searches import Searches
from store.sqlite.statements.lookups import Query

K = TypeVar("K")
V = TypeVar("V")


class Statement(NamedTuple):
    """A statement that ran: its SQL, and for how many keys."""

    sql: str
    keys: int


class Reader:
    """The reads of one request: at most ``allowed`` statements, until ``deadline`` by time.monotonic().

    ``refusal`` is what the budget did not allow, if anything; ``aside`` is entered while a search is waited for.
    With lanes ``for_operations`` all is of one state of the archive, read on one of them until ``let_go``.
    """

    def __init__(self, lanes: "cycle[Lane]", searches: Searches, for_operations: Lanes | None = None) -> None:
        self._lanes = lanes
        self._searches = searches
        self._for_operations = for_operations
        self._own: Lane | None = None
        self._taking = asyncio.Lock()
        self.statements: list[Statement] = []
        self.rows = 0
        self.allowed: float = math.inf
        self.deadline: float = math.inf
        self.refusal: OutOfBudget | None = None
        self.aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order, by one statement.

        Raises OutOfStatements or OutOfTime where the request's budget is used up, SearchTooLong where a search's is.
        """
        try:
            if len(self.statements) >= self.allowed:
                raise OutOfStatements
            self.statements.append(Statement(query.sql, len(keys)))
            own = await self._own_lane()
            if query.may_be_long:
                async with self.aside():
                    rows = await self._searches.fetch(query.sql, query.parameters(keys), self.deadline, own)
            else:
                lane = own or next(self._lanes)
                rows = await lane.fetch(query.sql, query.parameters(keys), self.deadline)
        except OutOfBudget as refusal:
            self.refusal = refusal
            raise
        ((payload,),) = rows
        answers = query.answer(payload, keys)
        self.rows += sum(len(answer) if isinstance(answer, list) else answer is not None for answer in answers)
        return answers

    async def let_go(self) -> None:
        """Ends what has been seen of the archive; what is read from now on is of a newer state."""
        own, self._own = self._own, None
        if own and self._for_operations:
            await self._for_operations.give_back(own)

    async def _own_lane(self) -> Lane | None:
        if self._for_operations is None:
            return None
        async with self._taking:
            if self._own is None:
                self._own = await self._for_operations.take()
        return self._own
