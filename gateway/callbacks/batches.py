"""Stores callbacks in batches: those that come while a transaction is under way go into the next one together.

So each is stored before it is answered, and many at once don't have to wait for one another.
"""

import asyncio
import time
from contextlib import suppress

from store.callbacks.inbox import CallbackOutcome, take
from store.engine.protocols import Archive
from store.errors import StoreError
from store.interactions import Interaction

LARGEST_BATCH = 500
LOG_BYTES = 4 * 2**20
"""The log is emptied between two batches when it is larger than this: often, so that it never takes long."""
PAUSE_SECONDS = 10.0
"""The pause before emptying is tried again, after a reader prevented it."""


class Batches:
    """The callbacks that wait to be stored in one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._waiting: list[tuple[Interaction, asyncio.Future[CallbackOutcome]]] = []
        self._storing: asyncio.Task[None] | None = None
        self._cleaned_from = 0.0

    async def store(self, interaction: Interaction) -> CallbackOutcome:
        """Stores what a callback says; returns when that is committed. Raises a StoreError if it can't be stored."""
        stored: asyncio.Future[CallbackOutcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((interaction, stored))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_waiting(), name="callbacks")
        return await stored

    async def finish(self) -> None:
        """Waits until nothing waits to be stored."""
        if self._storing is not None:
            await asyncio.wait([self._storing])

    async def _store_waiting(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                await self._store_batch(batch)
                await self._empty_log()
        finally:
            self._storing = None

    async def _empty_log(self) -> None:
        if self._archive.log_bytes() < LOG_BYTES or time.monotonic() < self._cleaned_from:
            return
        with suppress(StoreError):
            if await self._archive.writer.clean() is None:
                return
        self._cleaned_from = time.monotonic() + PAUSE_SECONDS

    async def _store_batch(self, batch: list[tuple[Interaction, asyncio.Future[CallbackOutcome]]]) -> None:
        try:
            outcomes = await take(self._archive, [interaction for interaction, _ in batch])
        except Exception as error:
            for _, stored in batch:
                if not stored.done():
                    stored.set_exception(error)
            return
        for (_, stored), outcome in zip(batch, outcomes, strict=True):
            if not stored.done():  # Its request was cancelled.
                stored.set_result(outcome)
