"""Writing what the walk reads: many rows a transaction, each session's mark in that of its last rows."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from gateway.twilio.client import Twilio
from store.archive import Archive
from store.columns import Record
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sync import state as sync_state
from store.sync.state import Progress

ROWS = 5_000
PARENTS_FIRST: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)


class Batch(NamedTuple):
    """What is to be written in one transaction."""

    rows: list[Record]
    read: list[str]
    unread: list[str]
    seen: dict[str, list[str]]


class Batches:
    """Collects rows, and writes them once there are enough; whoever brings the last one waits for it."""

    def __init__(self, archive: Archive, twilio: Twilio, run: int, progress: Progress) -> None:
        self._archive, self._twilio, self._run, self._progress = archive, twilio, run, progress
        self._batch = Batch([], [], [], {})
        self.pending: Counter[str] = Counter()
        """How many sessions of each Service wait to be read."""
        self._turn = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many rows were taken, and no flush has taken on."""
        return len(self._batch.rows)

    async def add(self, rows: Iterable[Record], read: str | None = None, unread: str | None = None) -> None:
        """Takes rows; ``read`` names a session that is complete with them, ``unread`` one that isn't yet."""
        self._batch.rows.extend(rows)
        if read:
            self._batch.read.append(read)
        if unread:
            self._batch.unread.append(unread)
        if self.waiting >= ROWS:
            await self.flush(ROWS)

    async def see(self, service_sid: str, session_sids: Sequence[str]) -> None:
        """Notes that the sweep met these sessions."""
        self._batch.seen.setdefault(service_sid, []).extend(session_sids)

    async def flush(self, least: int = 0) -> None:
        """Writes what was taken so far, if it still is ``least`` rows by the time it is its turn."""
        async with self._turn:
            if self.waiting >= least:
                batch, self._batch = self._batch, Batch([], [], [], {})
                await self._write(batch)

    @asynccontextmanager
    async def flushing(self, every: float) -> AsyncIterator[None]:
        """Flushes ``every`` so many seconds, which also says that the run is alive, to the end of the block.

        A flush under way then is waited for, since it has rows that nobody else has.
        """
        over = asyncio.Event()

        async def beat() -> None:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(every):
                        await over.wait()
                    return
                await self.flush()

        async with asyncio.TaskGroup() as group:
            group.create_task(beat())
            yield
            over.set()

    async def _write(self, batch: Batch) -> None:
        async with self._archive.writer.transaction() as transaction:
            await sync_state.mark_read(transaction, batch.unread, complete=False)
            kinds = {kind: [row for row in batch.rows if type(row) is kind] for kind in PARENTS_FIRST}
            for rows in kinds.values():
                written = await transaction.put(rows)
                self._progress.new += written.new
                self._progress.changed += written.changed
                self._progress.unchanged += written.unchanged
            await sync_state.mark_read(transaction, batch.read, complete=True)
            for service_sid, sids in batch.seen.items():
                await sync_state.mark_seen(transaction, service_sid, sids)
            await sync_state.note_pending(transaction, self.pending)
            self._progress.requests, self._progress.retries = self._twilio.requests, self._twilio.retries
            await sync_state.note_progress(transaction, self._run, self._progress)
