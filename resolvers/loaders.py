"""Dataloaders: what the resolvers of one request ask for one by one is read together.

A request runs in rounds. All that resolvers ask for, until none of them can go on without an answer, is one
round; each distinct query of a round is one statement, whatever number of keys were asked of it. So a query's
statements depend on its depth and its fields, never on the number of parents.
"""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias, TypeVar

from store.sqlite.reader import Reader
from store.sqlite.statements.lookups import Query

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Queues: TypeAlias = dict[Any, dict[Any, asyncio.Future[Any]]]
"""By query and key, what is asked for and not there yet."""


class Loaders:
    """The loads of one request: one cache, one queue a query. Never shared between requests."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._queues: Queues = {}
        self._cache: dict[tuple[Any, Any], asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()
        self._rounds: dict[asyncio.Task[None], Queues] = {}
        self._is_over = False

    def load(self, query: Query[K, V], key: K) -> asyncio.Future[V]:
        """``query``'s answer for ``key``, in this round or, if it was asked before, from the cache.

        A plain function: it takes its place in the round when it is called, not when its result is awaited.
        """
        asked = (query, key)
        future = self._cache.get(asked)
        if future is None:
            if self._is_over:
                return self._cancelled()
            if not self._queues:
                # Behind whatever the loop has ready now, so that those resolvers still get into this round.
                self._loop.call_soon(self._start_round)
            future = self._cache[asked] = self._loop.create_future()
            self._queues.setdefault(query, {})[key] = future
        return future

    def forget(self) -> None:
        """Drops every cached answer; called after a write."""
        self._cache.clear()

    async def give_up(self) -> None:
        """Ends the loads that nobody awaits any more, as where another field's error ended the operation.

        What is left of that operation is cancelled with them: it would wait for ever.
        """
        given_up, self._queues = [self._queues, *self._rounds.values()], {}
        rounds = list(self._rounds)
        for running in rounds:
            running.cancel()
        await asyncio.gather(*rounds, return_exceptions=True)
        for queues in given_up:
            for keys in queues.values():
                for future in keys.values():
                    future.cancel()

    def close(self) -> None:
        """The operation has ended: what is left of it can't load anything from now on."""
        self._is_over = True

    def _cancelled(self) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.cancel()
        return future

    def _start_round(self) -> None:
        queues, self._queues = self._queues, {}
        if not queues:  # Given up meanwhile.
            return
        task = self._loop.create_task(self._run_round(queues))
        self._rounds[task] = queues
        task.add_done_callback(self._rounds.pop)

    async def _run_round(self, queues: Queues) -> None:
        outcomes = await asyncio.gather(
            *(self._reader.read(query, list(keys)) for query, keys in queues.items()), return_exceptions=True
        )
        # All at once, and only now: answers that came in one by one would split the next round.
        for keys, outcome in zip(queues.values(), outcomes, strict=True):
            _settle(list(keys.values()), outcome)


def _settle(futures: Sequence[asyncio.Future[Any]], outcome: Sequence[Any] | BaseException) -> None:
    if isinstance(outcome, BaseException):
        for future in futures:
            if not future.done():
                future.set_exception(outcome)
                future.exception()  # A load that nobody awaits any more is no news.
        return
    for future, answer in zip(futures, outcome, strict=True):
        if not future.done():
            future.set_result(answer)
