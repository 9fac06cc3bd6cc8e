"""One run of the mirror: the crawl, then what vanished, then the books."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.settings.mirror import SyncSettings
from gateway.sync import reconcile
from gateway.sync.clock import ClockDoubtful, demand_right_clock
from gateway.sync.crawl import Crawl, Options, UnknownService
from gateway.sync.reconcile import Confirmation, Rules, TooMuchGone
from gateway.sync.setting_aside import LeftOut
from gateway.sync.sync_lock import SyncRunning, sync_lock
from gateway.sync.write_buffer import Batches
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from store.archive import Archive
from store.errors import StoreError
from store.sync import left_out as left_out_state
from store.sync import listings, runs, state
from store.sync.runs import Progress
from store.twilio_mapping import instant

HEARTBEAT_SECONDS = 2.0
FIRST_PAUSE = timedelta(hours=1)
"""After a full run that failed; twice as long after each further one."""
TOLD = (TwilioError, StoreError, TooMuchGone, ClockDoubtful, UnknownService)
"""What is told by its own sentence."""


async def sync(archive: Archive, twilio: Twilio, settings: SyncSettings, progress: Progress) -> None:
    """Mirrors the account once. ``progress`` goes up while it runs, and says in the end what was committed.

    Raises one of TOLD where it could not be completed; what was read by then is written first, and the next run goes
    on from there. Where single sessions were left out, and all else was done, the error is of the first one's class.
    """
    await state.check_account(archive, twilio.account_sid)
    run = await runs.start_run(archive, "full" if settings.full else "incremental", settings.service is not None)
    batches = Batches(archive, twilio, run, progress)
    left_out = LeftOut(twilio, batches, progress)
    crawl = Crawl(archive, twilio, _options(settings), progress, batches, left_out)
    try:
        await _mirror(archive, twilio, settings, progress, crawl, batches, left_out)
        await _finish(archive, run, progress, crawl, batches, left_out)
        left_out.demand_none()
    except BaseException as error:
        cause = _first(error)
        saving = asyncio.ensure_future(_save(archive, run, progress, batches, left_out, cause))
        while not saving.done():
            with suppress(asyncio.CancelledError):  # A second Ctrl-C must not cut off what saves the rows.
                await asyncio.shield(saving)
        raise cause from error


async def due_for_full(archive: Archive, every: timedelta, partial: bool = False) -> bool:
    """Whether the last full run is longer ago than ``every``: only a full one meets deletions in quiet sessions.

    After one that failed, or was refused, the next is due after an hour, then after two, four and so on. ``partial``
    says whether a run over some Services counts.
    """
    past = await runs.full_runs(archive, partial)
    if past.completed_at and past.completed_at >= _ago(every):
        return False
    if past.failed_at is None:
        return True
    return past.failed_at < _ago(min(every, FIRST_PAUSE * 2 ** min(past.failures - 1, 16)))


async def _mirror(
    archive: Archive,
    twilio: Twilio,
    settings: SyncSettings,
    progress: Progress,
    crawl: Crawl,
    batches: Batches,
    left_out: LeftOut,
) -> None:
    async with batches.flushing(HEARTBEAT_SECONDS):
        await crawl.run()
        gone = await Confirmation(archive, twilio, crawl).confirmed()
    await batches.flush()
    left_out.demand_some_success()
    demand_right_clock(twilio.clock_offset, await listings.newest_date(archive))
    rules = Rules(settings.keep, settings.erase_share, settings.erase)
    await reconcile.apply(archive, gone, rules, progress, services_stand=bool(crawl.services))


async def _finish(
    archive: Archive, run: int, progress: Progress, crawl: Crawl, batches: Batches, left_out: LeftOut
) -> None:
    odd = {service_sid for service_sid, _ in left_out.errors.values()}
    async with archive.writer.transaction() as transaction:
        await state.complete_services(transaction, sorted(crawl.listed - odd - set(crawl.candidates.services)))
        errors = {sid: (service_sid, str(error)) for sid, (service_sid, error) in left_out.errors.items()}
        await left_out_state.note(transaction, errors, crawl.listed)
        await transaction.execute(listings.FORGET_UNHELD, (run,))
    if not left_out.errors:
        batches.count_requests()
        await runs.finish_run(archive, run, progress, batches.pending, "complete", None)


async def _save(
    archive: Archive, run: int, progress: Progress, batches: Batches, left_out: LeftOut, cause: BaseException
) -> None:
    """Writes what was read, and how the run ended, as far as the disk lets it; ``progress`` is what the file says."""
    outcome = "stopped" if isinstance(cause, (asyncio.CancelledError, KeyboardInterrupt)) else "failed"
    outcome = "refused" if isinstance(cause, TooMuchGone) else outcome
    sentence = str(cause) if isinstance(cause, TOLD) else type(cause).__name__
    with suppress(StoreError):
        await batches.flush()
    with suppress(StoreError):
        errors = {sid: (service_sid, str(error)) for sid, (service_sid, error) in left_out.errors.items()}
        async with archive.writer.transaction() as transaction:
            await left_out_state.note(transaction, errors, ())
    with suppress(StoreError):
        batches.count_requests()
        await runs.finish_run(archive, run, progress, batches.pending, outcome, sentence)
    with suppress(StoreError):
        committed = await runs.committed(archive, run)
        for name, value in msgspec.structs.asdict(committed).items():
            setattr(progress, name, value)


def _options(settings: SyncSettings) -> Options:
    return Options(
        settings.full,
        None if settings.service is None else tuple(settings.service),
        timedelta(hours=settings.recheck_hours),
        settings.concurrency,
    )


def _ago(period: timedelta) -> str:
    return instant((datetime.now(UTC) - period).isoformat())


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


__all__ = ["ClockDoubtful", "SyncRunning", "TooMuchGone", "UnknownService", "due_for_full", "sync", "sync_lock"]
