"""Dataloaders: they batch what the resolvers of a request load one by one.

A request runs in batches. A batch collects all loads until no resolver can continue without an answer. Then each
distinct query of the batch runs as one statement, for all its keys. So the number of statements depends on the
operation's depth and fields, not on the number of parents.
"""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias, TypeVar

from store.sqlite.reader import Reader
from store.sqlite.statements.lookups import Query

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Queues: TypeAlias = dict[Any, dict[Any, asyncio.Future[Any]]]
"""The pending loads, by query and key."""


class Loaders:
    """The loads of one request: a cache, and a queue for each query. Never shared between requests."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._queues: Queues = {}
        self._cache: dict[tuple[Any, Any], asyncio.Future[Any]] = {}
        self._loop = asyncio.get_running_loop()
        self._rounds: dict[asyncio.Task[None], Queues] = {}
        self._is_over = False

    def load(self, query: Query[K, V], key: K) -> asyncio.Future[V]:
        """``query``'s answer for ``key``, from this batch, or from the cache if it was loaded before.

        This is a plain function, so the load joins the batch when it is called, not when its result is awaited.
        """
        asked = (query, key)
        future = self._cache.get(asked)
        if future is None:
            if self._is_over:
                return self._cancelled()
            if not self._queues:
                # This runs after everything that is ready now, so those resolvers still join this batch.
                self._loop.call_soon(self._start_round)
            future = self._cache[asked] = self._loop.create_future()
            self._queues.setdefault(query, {})[key] = future
        return future

    def forget(self) -> None:
        """Clears the cache; to be called after a write."""
        self._cache.clear()

    async def give_up(self) -> None:
        """Cancels the loads that nobody awaits, because another field's error has ended the operation.

        This also cancels the operation's remaining resolvers, which would otherwise wait for ever.
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
        """Ends the operation: later loads are cancelled at once."""
        self._is_over = True

    def _cancelled(self) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.cancel()
        return future

    def _start_round(self) -> None:
        queues, self._queues = self._queues, {}
        if not queues:  # They were cancelled in the meantime.
            return
        task = self._loop.create_task(self._run_round(queues))
        self._rounds[task] = queues
        task.add_done_callback(self._rounds.pop)

    async def _run_round(self, queues: Queues) -> None:
        outcomes = await asyncio.gather(
            *(self._reader.read(query, list(keys)) for query, keys in queues.items()), return_exceptions=True
        )
        # All answers at once: answers that arrive one by one would split the next batch.
        for keys, outcome in zip(queues.values(), outcomes, strict=True):
            _settle(list(keys.values()), outcome)


def _settle(futures: Sequence[asyncio.Future[Any]], outcome: Sequence[Any] | BaseException) -> None:
    if isinstance(outcome, BaseException):
        for future in futures:
            if not future.done():
                future.set_exception(outcome)
                future.exception()  # This marks it as seen, so asyncio logs nothing if nobody awaits it.
        return
    for future, answer in zip(futures, outcome, strict=True):
        if not future.done():
            future.set_result(answer)
