"""Writing what a crawl reads: many rows a transaction, each session's mark in that of its last rows."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress

import msgspec

from gateway.sync.clock import twilio_now
from gateway.twilio.client import Twilio
from store.archive import Archive
from store.columns import Record
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.sqlite.writer import Written
from store.sync import listings, runs
from store.sync.runs import Progress
from store.sync.state import note_pending

ROWS = 5_000
PARENTS_FIRST: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)


class Batch(msgspec.Struct):
    """What is to be written in one transaction: rows, and the marks of sessions that they make true."""

    rows: list[Record] = []
    read: list[str] = []
    unconfirmed: list[str] = []
    unread: list[str] = []
    listed: list[str] = []

    def before(self, later: "Batch") -> "Batch":
        """This batch and a ``later`` one, as one."""
        both = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(later), strict=True)
        return Batch(*(first + second for first, second in both))


class Batches:
    """Collects rows, and writes them once there are enough; whoever brings the last one waits for it.

    ``progress`` counts what was committed, so a transaction that fails counts nothing; what it was to write stays
    here for the next flush.
    """

    def __init__(self, archive: Archive, twilio: Twilio, run: int, progress: Progress) -> None:
        self._archive, self._twilio, self._run, self._progress = archive, twilio, run, progress
        self._batch = Batch()
        self._requests, self._retries = twilio.requests, twilio.retries
        self.pending: Counter[str] = Counter()
        """How many sessions of each Service wait to be read."""
        self._turn = asyncio.Lock()

    @property
    def run(self) -> int:
        """The run's number."""
        return self._run

    @property
    def waiting(self) -> int:
        """How many rows were taken, and no flush has taken on."""
        return len(self._batch.rows)

    async def add(
        self,
        rows: Iterable[Record],
        *,
        read: str | None = None,
        unconfirmed: str | None = None,
        unread: str | None = None,
    ) -> None:
        """Takes rows, and the SID of a session that is ``read`` whole with them.

        An ``unconfirmed`` session is to be read once more; an ``unread`` one isn't complete yet.
        """
        before = self.waiting
        self._batch.rows.extend(rows)
        self._progress.interactions += sum(type(row) is Interaction for row in self._batch.rows[before:])
        self._batch.read += [read] if read else []
        self._batch.unconfirmed += [unconfirmed] if unconfirmed else []
        self._batch.unread += [unread] if unread else []
        if self.waiting >= ROWS:
            await self.flush(ROWS)

    async def note_listed(self, session_sids: Sequence[str]) -> None:
        """Notes that a listing showed these sessions."""
        self._batch.listed.extend(session_sids)

    def count_requests(self) -> None:
        """Brings the run's counts of requests and retries up to date; a client may serve several runs."""
        self._progress.requests = self._twilio.requests - self._requests
        self._progress.retries = self._twilio.retries - self._retries

    async def flush(self, least: int = 0) -> None:
        """Writes what was taken so far, if it still is ``least`` rows by the time it is its turn."""
        async with self._turn:
            if self.waiting >= least:
                batch, self._batch = self._batch, Batch()
                try:
                    await self._write(batch)
                except BaseException:
                    self._batch = batch.before(self._batch)
                    raise

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
        self.count_requests()
        counted = msgspec.structs.replace(self._progress)
        async with self._archive.writer.transaction() as transaction:
            await listings.unmark_read(transaction, batch.unread)
            total = Written()
            for kind in PARENTS_FIRST:
                written = await transaction.put([row for row in batch.rows if type(row) is kind])
                total = Written(*(sum(pair) for pair in zip(total, written, strict=True)))
            at = twilio_now(self._twilio.clock_offset)
            await listings.mark_read(transaction, batch.read, at)
            await listings.mark_read(transaction, batch.unconfirmed, at, unconfirmed=True)
            await listings.mark_listed(transaction, self._run, batch.listed, at)
            await note_pending(transaction, self.pending)
            counted.new += total.new
            counted.changed += total.changed
            counted.unchanged += total.unchanged
            await runs.note_progress(transaction, self._run, counted)
        self._progress.new += total.new
        self._progress.changed += total.changed
        self._progress.unchanged += total.unchanged
