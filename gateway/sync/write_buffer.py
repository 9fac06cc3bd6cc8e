"""A write buffer: collects the rows that a crawl reads, and writes many of them in one transaction.

A Session is marked as read in the transaction of its last rows.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from gateway.sync.clock import twilio_now
from gateway.twilio.client import Twilio
from store.callbacks.confirmation import confirm
from store.columns import Record
from store.engine.protocols import Archive, Written
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sync import listings, runs
from store.sync.runs import RunCounts
from store.sync.state import note_pending
from store.twilio_mapping import now

ROWS_PER_FLUSH = 5_000
WRITE_ORDER: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)


class Batch(msgspec.Struct):
    """The content of one transaction: rows, and the SIDs of Sessions to mark as read, unread or listed."""

    rows: list[Record] = []
    read: list[str] = []
    unconfirmed: list[str] = []
    unread: list[str] = []
    listed: list[str] = []

    def followed_by(self, later: "Batch") -> "Batch":
        """This batch and a ``later`` one, merged."""
        both = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(later), strict=True)
        return Batch(*(first + second for first, second in both))


class WriteBuffer:
    """Collects rows, and flushes when there are ROWS_PER_FLUSH; the caller who adds the last one waits for the flush.

    ``progress`` counts committed rows only. If a transaction fails, its rows stay in the buffer for the next flush.
    """

    def __init__(self, archive: Archive, twilio: Twilio, run: int, progress: RunCounts) -> None:
        self._archive, self._twilio, self._run, self._progress = archive, twilio, run, progress
        self._batch, self._begun_at = Batch(), now()
        self._requests, self._retries = twilio.requests, twilio.retries
        self.pending: Counter[str] = Counter()
        """How many Sessions of each Service wait to be read."""
        self._flush_lock = asyncio.Lock()

    @property
    def run(self) -> int:
        """The run's number."""
        return self._run

    @property
    def row_count(self) -> int:
        """How many rows are buffered."""
        return len(self._batch.rows)

    async def add(
        self,
        rows: Iterable[Record],
        *,
        read: str | None = None,
        unconfirmed: str | None = None,
        unread: str | None = None,
    ) -> None:
        """Buffers rows, and the SID of a Session that is ``read`` completely with them.

        The next run reads an ``unconfirmed`` Session again. An ``unread`` Session isn't complete yet.
        """
        first_new = self.row_count
        self._batch.rows.extend(rows)
        self._progress.interactions += sum(type(row) is Interaction for row in self._batch.rows[first_new:])
        self._batch.read += [read] if read else []
        self._batch.unconfirmed += [unconfirmed] if unconfirmed else []
        self._batch.unread += [unread] if unread else []
        if self.row_count >= ROWS_PER_FLUSH:
            await self.flush(ROWS_PER_FLUSH)

    async def note_listed(self, session_sids: Sequence[str]) -> None:
        """Buffers the SIDs of Sessions that a list showed."""
        self._batch.listed.extend(session_sids)

    def count_requests(self) -> None:
        """Updates the run's counts of requests and retries. Several runs may share one client."""
        self._progress.requests = self._twilio.requests - self._requests
        self._progress.retries = self._twilio.retries - self._retries

    async def flush(self, min_rows: int = 0) -> None:
        """Writes the buffered rows, unless another task already did and fewer than ``min_rows`` are left."""
        async with self._flush_lock:
            if self.row_count >= min_rows:
                batch, self._batch = self._batch, Batch()
                try:
                    await self._write(batch)
                except BaseException:
                    self._batch = batch.followed_by(self._batch)
                    raise

    @asynccontextmanager
    async def flushing(self, every: float) -> AsyncIterator[None]:
        """Flushes every ``every`` seconds until the block ends; each flush also records that the run is alive.

        At the end it waits for a flush in progress, because only that flush has its rows.
        """
        done = asyncio.Event()

        async def flush_periodically() -> None:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(every):
                        await done.wait()
                    return
                await self.flush()

        async with asyncio.TaskGroup() as group:
            group.create_task(flush_periodically())
            yield
            done.set()

    async def _write(self, batch: Batch) -> None:
        self.count_requests()
        counted = msgspec.structs.replace(self._progress)
        async with self._archive.writer.transaction() as transaction:
            await runs.demand_latest(transaction, self._run)
            await listings.unmark_read(transaction, batch.unread)
            total = Written()
            outdated: list[str] = []
            for record_type in WRITE_ORDER:
                rows = [row for row in batch.rows if type(row) is record_type]
                confirmed = await confirm(transaction, rows, self._begun_at)
                written = await transaction.put(confirmed.rows)
                outdated += confirmed.outdated_sessions
                total = Written(*(sum(pair) for pair in zip(total, written, strict=True)))
            at = twilio_now(self._twilio.clock_offset)
            await listings.mark_read(transaction, batch.read, at)
            await listings.mark_read(transaction, batch.unconfirmed, at, unconfirmed=True)
            await listings.unmark_read(transaction, outdated)  # A callback knew more than the list that was read.
            await listings.mark_listed(transaction, self._run, batch.listed, at)
            await note_pending(transaction, self.pending)
            counted.new += total.new
            counted.changed += total.changed
            counted.unchanged += total.unchanged
            await runs.note_progress(transaction, self._run, counted)
        self._progress.new += total.new
        self._progress.changed += total.changed
        self._progress.unchanged += total.unchanged
