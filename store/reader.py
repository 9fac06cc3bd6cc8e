"""Reading: a few lanes that are shared, and a reader for each request that counts, and keeps it within its budget."""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from itertools import cycle
from typing import NamedTuple, TypeVar

from store.errors import OutOfBudget, OutOfStatements
from store.lanes import Lane
from store.queries import Query
from store.searches import Searches

K = TypeVar("K")
V = TypeVar("V")


class Statement(NamedTuple):
    """A statement that ran: its SQL, and for how many keys."""

    sql: str
    keys: int


class Reader:
    """The reads of one request: at most ``allowed`` statements, until ``deadline`` by time.monotonic().

    ``refusal`` is what the budget did not allow, if anything; ``aside`` is entered while a search is waited for.
    """

    def __init__(self, lanes: "cycle[Lane]", searches: Searches) -> None:
        self._lanes = lanes
        self._searches = searches
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
            if query.may_be_long:
                async with self.aside():
                    rows = await self._searches.fetch(query.sql, query.parameters(keys), self.deadline)
            else:
                rows = await next(self._lanes).fetch(query.sql, query.parameters(keys), self.deadline)
        except OutOfBudget as refusal:
            self.refusal = refusal
            raise
        ((payload,),) = rows
        answers = query.answer(payload, keys)
        self.rows += sum(len(answer) if isinstance(answer, list) else answer is not None for answer in answers)
        return answers
