"""``python -m gateway sync``: runs a sync, and shows it as a live table, as log lines, or as JSON.

Exit codes: 0 complete, 1 failed, 2 invalid settings, 3 refused (it would erase too much), 4 another sync is running,
130 stopped by Ctrl-C. With any of them, what was read is kept, and the next run continues from there.
"""

import asyncio
import gc
import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import msgspec
import uvloop
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gateway.cli.messages import tell
from gateway.observe.logs import LogSettings, set_up
from gateway.observe.ticker import ticking
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.sync.clock import ClockMismatch
from gateway.sync.crawl import UnknownService
from gateway.sync.reconcile import TooManyErasures
from gateway.sync.run import sync
from gateway.twilio.client import Twilio, connected
from gateway.twilio.errors import TwilioError, TwilioUnavailable
from gateway.twilio.record_deletions import finish_records
from gateway.twilio.upstream import TwilioUpstream
from resolvers.upstream import finish_deletions
from store.archive import open_archive
from store.changes import trim
from store.engine.protocols import Archive
from store.errors import DatabaseLocked, StoreError, SyncAlreadyRunning
from store.sync import left_out as left_out_state
from store.sync.left_out import LeftOut
from store.sync.runs import RunCounts

FAILED, WRONG, REFUSED, RUNNING, STOPPED = 1, 2, 3, 4, 130
EXPECTED_ERRORS = (TooManyErasures, UnknownService, ClockMismatch, TwilioError, StoreError)
"""Errors that end a run; their message is shown."""
TABLE_WIDTH = 80
"""The terminal width that the table needs, even with millions of interactions."""

log = logging.getLogger("proxygraph.sync")


def run(settings: SyncSettings, twilio: TwilioSettings, as_json: bool, out: Console, err: Console) -> int:
    """Syncs the account once, shows the progress, and returns the exit code."""
    set_up(LogSettings.of({}))
    progress, started = RunCounts(), time.monotonic()
    left_out: list[LeftOut] = []
    outcome, code, sentence = "complete", 0, None
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # Thousands of response bodies, but few reference cycles.
    try:
        with (
            _show_progress(progress, started, err, quiet=as_json),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_sync(settings, twilio, progress, left_out))
    except KeyboardInterrupt:
        outcome, code, sentence = "stopped", STOPPED, "Stopped. What was read is kept; run it again to go on."
    except EXPECTED_ERRORS as error:
        outcome, code, sentence = _outcome_of(error)
    seconds = time.monotonic() - started
    if as_json:
        summary = {"outcome": outcome, "error": sentence, "seconds": round(seconds, 1)}
        summary |= msgspec.structs.asdict(progress) | {"left_out": msgspec.to_builtins(left_out)}
        out.print_json(json.dumps(summary), indent=None)
    else:
        if sentence:
            tell(sentence, logging.ERROR, err)
        for each in left_out:
            tell(f"Left out: {each.sid} ({each.error})", logging.WARNING, err)
        if outcome == "complete" or progress.requests:
            tell(_summary(progress, seconds), logging.INFO, out)
    return code


def _outcome_of(error: Exception) -> tuple[str, int, str]:
    match error:
        case TooManyErasures():
            return "refused", REFUSED, str(error)
        case SyncAlreadyRunning():
            return "running", RUNNING, str(error)
        case UnknownService():
            return "failed", WRONG, str(error)
        case ClockMismatch():
            return "failed", FAILED, str(error)
    # Suggest another run only if it may help.
    may_help = isinstance(error, (TwilioUnavailable, DatabaseLocked))
    return "failed", FAILED, f"{error}{' What was read is kept; run it again to go on.' if may_help else ''}"


async def _sync(settings: SyncSettings, twilio: TwilioSettings, progress: RunCounts, left_out: list[LeftOut]) -> None:
    async with open_archive(settings.database) as archive, archive.sync_lock(), connected(twilio) as client:
        await finish_deletions(archive, TwilioUpstream(client))
        await _finish_records(archive, client)
        try:
            await sync(archive, client, settings, progress)
        finally:
            left_out += await left_out_state.listed(archive)
        await trim(archive, timedelta(days=settings.changes_days))


async def _finish_records(archive: Archive, client: Twilio) -> None:
    try:
        await finish_records(archive, client.records)
    except TwilioError as error:
        # It keeps no sync from going on: the credentials may be good for Proxy alone.
        log.warning("The Message and Call records that are to be deleted are still at Twilio. %s", error)


@contextmanager
def _show_progress(progress: RunCounts, started: float, err: Console, quiet: bool) -> Iterator[None]:
    if quiet:
        yield
    elif err.is_terminal:
        shown = partial(table, progress, started, err.width)
        with Live(get_renderable=shown, console=err, refresh_per_second=4, transient=True):
            yield
    else:

        def log_line() -> None:
            cells = (f"{label} {value}" for label, value in _cells(progress, started))
            log.info("Syncing: %s.", ", ".join(cells))

        with ticking(log_line):
            yield


def _cells(progress: RunCounts, started: float) -> list[tuple[str, str]]:
    seconds = max(time.monotonic() - started, 0.001)
    left = "–"
    if progress.sessions and progress.sessions_pending:
        left = f"{progress.sessions_pending * seconds / progress.sessions:,.0f} s"
    return [
        ("services", f"{progress.services:,}"),
        ("sessions", f"{progress.sessions:,}"),
        ("waiting", f"{progress.sessions_pending:,}"),
        ("interactions", f"{progress.interactions:,}"),
        ("requests/s", f"{progress.requests / seconds:,.0f}"),
        ("retries", f"{progress.retries:,}"),
        ("time left", left),
    ]


def table(progress: RunCounts, started: float, width: int) -> Table:
    """The progress in two lines or, in a terminal that is too narrow, with a line for each number."""
    table = Table.grid(padding=(0, 2))
    cells = [(Text(label, style="dim"), Text(value)) for label, value in _cells(progress, started)]
    if width < TABLE_WIDTH:
        for cell in cells:
            table.add_row(*cell)
    else:
        for line in zip(*cells, strict=True):
            table.add_row(*line)
    return table


def _summary(progress: RunCounts, seconds: float) -> str:
    return (
        f"Rows: {progress.new:,} new, {progress.changed:,} changed, {progress.unchanged:,} unchanged, "
        f"{progress.erased:,} erased. Sessions archived: {progress.archived:,}. "
        f"{progress.requests:,} requests, {progress.retries:,} retries, {seconds:,.1f} seconds."
    )
