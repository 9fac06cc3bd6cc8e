"""The part of a request's reader that both engines share: counts its statements, and enforces its limits."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from store.engine.protocols import ReadStatement
from store.engine.query import Query
from store.engine.sql import Dialect, text_of
from store.errors import OutOfBudget, OutOfStatements, OutOfTime, SearchTooLong

K = TypeVar("K")
V = TypeVar("V")


class RequestReader(ABC):
    """The reads of one request; see the Protocol Reader. An engine adds how a statement's rows are fetched."""

    dialect: Dialect

    def __init__(self) -> None:
        self.statements: list[ReadStatement] = []
        self.rows = 0
        self.allowed: float = math.inf
        self.deadline: float = math.inf
        self.refusal: OutOfBudget | None = None
        self.while_searching: Callable[[], AbstractAsyncContextManager[None]] = nullcontext

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order, by one statement.

        Raises OutOfStatements or OutOfTime if the request's budget is used up, SearchTooLong at a search's limit,
        Unavailable if the server can't be reached.
        """
        try:
            if len(self.statements) >= self.allowed:
                raise OutOfStatements
            sql = text_of(query.sql, self.dialect)
            self.statements.append(ReadStatement(sql, len(keys)))
            if query.may_be_long:
                async with self.while_searching():
                    rows = await self._fetch(query, sql, keys)
            else:
                rows = await self._fetch(query, sql, keys)
        except OutOfBudget as refusal:
            self.refusal = refusal
            raise
        ((payload,),) = rows
        answers = query.answer(payload, keys)
        self.rows += sum(len(answer) if isinstance(answer, list) else answer is not None for answer in answers)
        return answers

    @abstractmethod
    async def _fetch(self, query: Query[K, V], sql: str, keys: Sequence[K]) -> list[Any]:
        """The rows of the query's statement. A query that ``may_be_long`` is a search, with a time limit of its own."""

    @abstractmethod
    async def release(self) -> None:
        """Ends the read transaction; later reads see the archive's newest state."""


@contextmanager
def search_deadline(seconds: float, by: float) -> Iterator[float]:
    """The time by which a search has to end: in ``seconds``, or sooner, ``by`` the request's deadline.

    If the block raises OutOfTime because of ``seconds``, SearchTooLong is raised instead.
    """
    longest = time.monotonic() + seconds
    try:
        yield min(by, longest)
    except OutOfTime as error:
        if by < longest:
            raise
        raise SearchTooLong(
            f"The search took longer than {seconds:g} seconds and was stopped. Narrow it: to a service, a session or "
            "a participant, or to a shorter time."
        ) from error
