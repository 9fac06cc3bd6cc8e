"""One run of the sync: crawls the account, reconciles what is gone, and records the outcome."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.settings.mirror import SyncSettings
from gateway.sync import reconcile
from gateway.sync.clock import ClockMismatch, check_clock
from gateway.sync.crawl import Crawl, CrawlOptions, UnknownService
from gateway.sync.left_out import LeftOutResources
from gateway.sync.reconcile import Confirmation, ErasureRules, TooManyErasures
from gateway.sync.write_buffer import WriteBuffer
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from store.engine.protocols import Archive
from store.errors import StoreError
from store.sync import left_out as left_out_state
from store.sync import listings, runs, state
from store.sync.runs import RunCounts
from store.twilio_mapping import instant

HEARTBEAT_SECONDS = 2.0
FIRST_PAUSE = timedelta(hours=1)
"""The pause after a full run that failed. It doubles with each further failure."""
EXPECTED_ERRORS = (TwilioError, StoreError, TooManyErasures, ClockMismatch, UnknownService)
"""Errors whose message explains them to the user."""


async def sync(archive: Archive, twilio: Twilio, settings: SyncSettings, progress: RunCounts) -> None:
    """Syncs the account once. ``progress`` counts while the run goes on, and has what was committed at its end.

    Raises one of EXPECTED_ERRORS if the run fails. What was read until then is written first, and the next run
    continues from there. If only single resources were left out, the error has the class of the first one's error.
    """
    await state.check_account(archive, twilio.account_sid)
    run = await runs.start_run(archive, "full" if settings.full else "incremental", settings.service is not None)
    buffer = WriteBuffer(archive, twilio, run, progress)
    left_out = LeftOutResources(twilio, buffer, progress)
    crawl = Crawl(archive, twilio, _crawl_options(settings), progress, buffer, left_out)
    try:
        await _crawl_and_reconcile(archive, twilio, settings, progress, crawl, buffer, left_out)
        await _finish(archive, run, progress, crawl, buffer, left_out)
        left_out.raise_if_any()
    except BaseException as error:
        cause = _first_error(error)
        saving = asyncio.ensure_future(_save_failed_run(archive, run, progress, buffer, left_out, cause))
        while not saving.done():
            with suppress(asyncio.CancelledError):  # A second Ctrl-C must not interrupt saving the rows.
                await asyncio.shield(saving)
        raise cause from error


async def is_full_run_due(archive: Archive, every: timedelta, partial: bool = False) -> bool:
    """Whether the last full run is longer ago than ``every``. Only a full run finds deletions in unchanged Sessions.

    After a full run that failed or was refused, the next is due after an hour, then after two, four and so on.
    ``partial`` says whether runs over some of the Services count.
    """
    past = await runs.full_runs(archive, partial)
    if past.completed_at and past.completed_at >= _ago(every):
        return False
    if past.failed_at is None:
        return True
    return past.failed_at < _ago(min(every, FIRST_PAUSE * 2 ** min(past.failures - 1, 16)))


async def _crawl_and_reconcile(
    archive: Archive,
    twilio: Twilio,
    settings: SyncSettings,
    progress: RunCounts,
    crawl: Crawl,
    buffer: WriteBuffer,
    left_out: LeftOutResources,
) -> None:
    async with buffer.flushing(HEARTBEAT_SECONDS):
        await crawl.run()
        gone = await Confirmation(archive, twilio, crawl).confirm_candidates()
    await buffer.flush()
    left_out.raise_if_all_failed()
    check_clock(twilio.clock_offset, await listings.newest_date(archive))
    rules = ErasureRules(settings.keep, settings.erase_share, settings.erase)
    await reconcile.apply(archive, buffer.run, gone, rules, progress, services_exist=bool(crawl.services))


async def _finish(
    archive: Archive, run: int, progress: RunCounts, crawl: Crawl, buffer: WriteBuffer, left_out: LeftOutResources
) -> None:
    incomplete_services = {service_sid for service_sid, _ in left_out.errors.values()}
    async with archive.writer.transaction() as transaction:
        await runs.demand_latest(transaction, run)
        await state.complete_services(
            transaction, sorted(crawl.listed - incomplete_services - set(crawl.candidates.services))
        )
        errors = {sid: (service_sid, str(error)) for sid, (service_sid, error) in left_out.errors.items()}
        await left_out_state.note(transaction, errors, crawl.listed)
        await transaction.execute(listings.DELETE_UNSTORED, {"run": run})
    if not left_out.errors:
        buffer.count_requests()
        await runs.finish_run(archive, run, progress, buffer.pending, "complete", None)


async def _save_failed_run(
    archive: Archive,
    run: int,
    progress: RunCounts,
    buffer: WriteBuffer,
    left_out: LeftOutResources,
    cause: BaseException,
) -> None:
    """Writes the buffered rows and the outcome, if the disk allows it; sets ``progress`` to what was committed."""
    outcome = "stopped" if isinstance(cause, (asyncio.CancelledError, KeyboardInterrupt)) else "failed"
    outcome = "refused" if isinstance(cause, TooManyErasures) else outcome
    sentence = str(cause) if isinstance(cause, EXPECTED_ERRORS) else type(cause).__name__
    with suppress(StoreError):
        await buffer.flush()
    with suppress(StoreError):
        errors = {sid: (service_sid, str(error)) for sid, (service_sid, error) in left_out.errors.items()}
        async with archive.writer.transaction() as transaction:
            await runs.demand_latest(transaction, run)
            await left_out_state.note(transaction, errors, ())
    with suppress(StoreError):
        buffer.count_requests()
        await runs.finish_run(archive, run, progress, buffer.pending, outcome, sentence)
    with suppress(StoreError):
        committed = await runs.committed(archive, run)
        for name, value in msgspec.structs.asdict(committed).items():
            setattr(progress, name, value)


def _crawl_options(settings: SyncSettings) -> CrawlOptions:
    return CrawlOptions(
        settings.full,
        None if settings.service is None else tuple(settings.service),
        timedelta(hours=settings.recheck_hours),
        settings.concurrency,
    )


def _ago(period: timedelta) -> str:
    return instant((datetime.now(UTC) - period).isoformat())


def _first_error(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


__all__ = [
    "ClockMismatch",
    "TooManyErasures",
    "UnknownService",
    "is_full_run_due",
    "sync",
]
