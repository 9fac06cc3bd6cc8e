"""One run of the mirror: the walk, then what vanished, then the books; and the lock that keeps runs apart."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import filelock

from gateway.settings.mirror import SyncSettings
from gateway.sync import reconcile as vanished
from gateway.sync.crawl import Options, Walk
from gateway.sync.reconcile import Rules, TooMuchGone
from gateway.sync.write_buffer import Batches
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from store import twilio_mapping as rest
from store.archive import Archive
from store.errors import StoreError
from store.sync import state as sync_state
from store.sync.state import Progress

HEARTBEAT_SECONDS = 2.0


class SyncRunning(Exception):
    """Another process is at it; its text is a sentence."""


async def sync(archive: Archive, twilio: Twilio, settings: SyncSettings, progress: Progress) -> None:
    """Mirrors the account once. ``progress`` goes up while it runs.

    Raises a TwilioError, StoreError or TooMuchGone where it could not be completed; what was read by then is
    kept, and the next run goes on from there.
    """
    await sync_state.bind_account(archive, twilio.account_sid)
    options = Options(
        settings.full,
        tuple(settings.service),
        timedelta(hours=settings.recheck_hours),
        settings.concurrency,
    )
    rules = Rules(settings.keep, settings.erase_share, settings.erase)
    run = await sync_state.start_run(archive, "full" if options.full else "incremental")
    batches = Batches(archive, twilio, run, progress)
    walk = Walk(archive, twilio, options, progress, batches)
    try:
        async with batches.flushing(HEARTBEAT_SECONDS):
            await walk.run()
            gone = await vanished.confirm(archive, twilio, walk)
        await batches.flush()
        await vanished.apply(archive, gone, rules, progress)
        async with archive.writer.transaction() as transaction:
            await sync_state.complete_services(transaction, walk.services)
        await sync_state.finish_run(archive, run, progress, batches.pending, "complete", None)
    except BaseException as error:
        cause = _first(error)
        outcome = "stopped" if isinstance(cause, asyncio.CancelledError) else "failed"
        outcome = "refused" if isinstance(cause, TooMuchGone) else outcome
        sentence = str(cause) if isinstance(cause, (TwilioError, StoreError, TooMuchGone)) else type(cause).__name__
        progress.requests, progress.retries = twilio.requests, twilio.retries
        with suppress(StoreError):
            books = sync_state.finish_run(archive, run, progress, batches.pending, outcome, sentence)
            await asyncio.shield(books)
        raise cause from error


async def due_for_full(archive: Archive, every: timedelta) -> bool:
    """Whether the last full run is longer ago than ``every``: only a full one meets deletions in quiet sessions."""
    last = await sync_state.last_full(archive)
    return last is None or last < rest.instant((datetime.now(UTC) - every).isoformat())


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """The one place of a sync of this database; raises SyncRunning where another process has it."""
    lock = filelock.FileLock(database.with_name(f"{database.name}-sync-lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SyncRunning(f"A sync of {database} is running already; let it finish, or stop it first.") from error
    try:
        yield
    finally:
        lock.release()


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
