"""Dataloaders: they batch the rows that the resolvers of a request load one by one.

A request runs in batches. A batch collects all loads until no resolver can continue without an answer. Then each
distinct query of the batch runs as one statement, for all its keys. So the number of statements depends on the
operation's depth and fields, not on the number of parents.
"""

import asyncio
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from store.engine.protocols import QueryReader
from store.engine.query import Query

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Queues: TypeAlias = dict[Any, dict[Any, list[asyncio.Future[Any]]]]
"""The pending loads, by query and key; each caller has a future of its own."""

ROWS_PER_SLICE = 10
"""After this many rows, a batch yields to the event loop: graphql-core takes about 25 µs for each field of a row."""


class Loaders:
    """The loads of one request: a cache, and a queue for each query. Never shared between requests."""

    def __init__(self, reader: QueryReader) -> None:
        self._reader = reader
        self._queues: Queues = {}
        self._cache: dict[tuple[Any, Any], list[asyncio.Future[Any]]] = {}
        self._loop = asyncio.get_running_loop()
        self._batches: dict[asyncio.Task[None], Queues] = {}
        self._settling = 0
        self._is_closed = False

    def load(self, query: Query[K, V], key: K) -> asyncio.Future[V]:
        """``query``'s answer for ``key``, from this batch, or from the cache if it was loaded before.

        This is a plain function, so the load joins the batch when it is called, not when its result is awaited.
        """
        cached = self._cache.get((query, key))
        if cached is not None and cached[0].done():
            return cached[0]
        future = self._loop.create_future()
        if cached is not None:
            cached.append(future)
            return future
        if self._is_closed:
            return self._cancelled()
        if not self._queues and not self._settling:
            # This runs after everything that is ready now, so those resolvers still join this batch.
            self._loop.call_soon(self._start_batch)
        self._cache[query, key] = self._queues.setdefault(query, {})[key] = [future]
        return future

    def forget(self) -> None:
        """Clears the cache; must be called after a write."""
        self._cache.clear()

    async def cancel(self) -> None:
        """Cancels the loads that nobody awaits, because another field's error has ended the operation.

        This also cancels the operation's remaining resolvers, which would otherwise wait for ever.
        """
        cancelled, self._queues = [self._queues, *self._batches.values()], {}
        batches = list(self._batches)
        for running in batches:
            running.cancel()
        await asyncio.gather(*batches, return_exceptions=True)
        for queues in cancelled:
            for keys in queues.values():
                for futures in keys.values():
                    for future in futures:
                        future.cancel()

    def close(self) -> None:
        """Cancels later loads at once; called at the end of the operation."""
        self._is_closed = True

    def _cancelled(self) -> asyncio.Future[Any]:
        future = self._loop.create_future()
        future.cancel()
        return future

    def _start_batch(self) -> None:
        queues, self._queues = self._queues, {}
        if not queues:  # The loads were cancelled in the meantime.
            return
        task = self._loop.create_task(self._run_batch(queues))
        self._batches[task] = queues
        task.add_done_callback(self._batches.pop)

    async def _run_batch(self, queues: Queues) -> None:
        outcomes = await asyncio.gather(
            *(self._reader.read(query, list(keys)) for query, keys in queues.items()), return_exceptions=True
        )
        # This yields to other requests between slices, yet all loads that the answers cause become one batch: it starts
        # after the last answer.
        self._settling += 1
        try:
            rows = 0
            for keys, outcome in zip(queues.values(), outcomes, strict=True):
                for futures, answer in _answers(keys, outcome):
                    size = max(len(answer), 1) if isinstance(answer, list) else 1
                    for future in futures:
                        _settle(future, answer)
                        rows += size
                        if rows >= ROWS_PER_SLICE:
                            await asyncio.sleep(0)
                            rows = 0
                    del futures[1:]
            await asyncio.sleep(0)
        finally:
            self._settling -= 1
            if self._queues and not self._settling:
                self._loop.call_soon(self._start_batch)


def _answers(
    keys: dict[Any, list[asyncio.Future[Any]]], outcome: Sequence[Any] | BaseException
) -> Iterable[tuple[list[asyncio.Future[Any]], Any]]:
    if isinstance(outcome, BaseException):
        return ((futures, outcome) for futures in keys.values())
    return zip(keys.values(), outcome, strict=True)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
        future.exception()  # Marks the exception as retrieved, so that asyncio doesn't log it if nobody awaits it.
    else:
        future.set_result(answer)
