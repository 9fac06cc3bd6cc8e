"""Runs ``erase``: shows the preview, or the progress and then the receipt."""

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import typer
import uvloop
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from gateway.cli.messages import err, fail, sentences, tell
from gateway.erasure.deletions import ErasureProgress, TwilioAway
from gateway.erasure.preview import as_text as preview_as_text
from gateway.erasure.preview import late_interactions, preview
from gateway.erasure.questions import InterpretedQuestion
from gateway.erasure.receipt import as_json, receipt_of
from gateway.erasure.receipt_text import as_text
from gateway.erasure.records import RecordsLeft
from gateway.erasure.run import Options
from gateway.erasure.run import erase as erase_all
from gateway.observe.logs import LogSettings, set_up
from gateway.observe.ticker import ticking
from gateway.settings.mirror import TwilioSettings
from gateway.sync.clock import ClockMismatch
from gateway.twilio.client import connected
from gateway.twilio.errors import TwilioError
from store.archive import open_archive, read_archive
from store.engine.database import Database
from store.engine.protocols import Readable
from store.erasure import cases, selections

FAILED, WRONG, STOPPED = 1, 2, 130
AGAIN = "What is erased stays erased; run it again with --reference {reference} to continue."
REFRESH_SECONDS = 0.25

log = logging.getLogger("proxygraph.erase")


def shown(
    database: Database,
    asked: InterpretedQuestion,
    twilio: TwilioSettings | None,
    remove_participants: bool,
    delete_resources: bool,
    json_only: bool,
) -> int:
    """Prints what an erasure would do, and returns the exit code."""

    async def show() -> None:
        async with read_archive(database) as archive:
            await _check_case(archive, asked)
            found = await preview(archive, asked, twilio, remove_participants, delete_resources)
        # On standard output even with JSON logs: it names the person, which no log line may do.
        text = (
            msgspec.json.format(msgspec.json.encode(found), indent=2).decode() if json_only else preview_as_text(found)
        )
        typer.echo(text, nl=json_only)

    with sentences():
        asyncio.run(show())
    return 0


def run(
    database: Database, asked: InterpretedQuestion, twilio: TwilioSettings | None, options: Options, json_only: bool
) -> int:
    """Erases, shows the progress, prints the receipt, and returns the exit code."""
    set_up(LogSettings.of({}))
    progress, problem = ErasureProgress(), None
    with sentences():
        try:
            with _progress(progress, quiet=json_only), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_erase(database, asked, twilio, options, progress))
        except KeyboardInterrupt:
            fail(f"Stopped. {AGAIN.format(reference=options.reference)}", STOPPED)
        except (TwilioAway, RecordsLeft) as error:
            problem = f"{error} {AGAIN.format(reference=options.reference)}"
        except (TwilioError, ClockMismatch) as error:
            fail(str(error), FAILED)
        is_complete = asyncio.run(_receipt(database, asked, options.reference, json_only))
    if problem:
        tell(problem)
        return FAILED
    return 0 if is_complete else FAILED


async def _erase(
    database: Database,
    asked: InterpretedQuestion,
    twilio: TwilioSettings | None,
    options: Options,
    progress: ErasureProgress,
) -> None:
    async with open_archive(database, create=False) as archive:
        await _check_case(archive, asked)
        if twilio is None:
            await erase_all(archive, None, asked, options, progress)
            return
        async with connected(twilio) as client:
            await erase_all(archive, client, asked, options, progress)


async def _check_case(archive: Readable, asked: InterpretedQuestion) -> None:
    """Exits with 2 if only a reference was given and there is no such case."""
    reference = asked.question.reference
    if not asked.masked() and await cases.last_question(archive, reference) is None:
        fail(f"There is no case {reference} to continue. Say what to erase, such as --identifier.", WRONG)


async def _receipt(database: Database, asked: InterpretedQuestion, reference: str, json_only: bool) -> bool:
    """Prints the receipt; returns whether everything is erased."""
    async with read_archive(database) as archive:
        receipt = await receipt_of(archive, reference)
        if receipt is None:
            return False
        late = late_interactions(await selections.count_late(archive))
    # On standard output even with JSON logs: it shows the question, this one time.
    typer.echo(as_json(receipt) if json_only else as_text(receipt, asked.in_clear() or None), nl=json_only)
    for sentence in late:
        tell(sentence, logging.WARNING)
    return receipt.complete


@contextmanager
def _progress(progress: ErasureProgress, quiet: bool) -> Iterator[None]:
    begun = time.monotonic()

    def sentence() -> str:
        rate = progress.done / max(time.monotonic() - begun, 0.001)
        left = f", {(progress.total - progress.done) / rate:,.0f} seconds left" if rate else ""
        if progress.records_total:
            return f"Deleting at Twilio: {progress.records:,} of {progress.records_total:,} Messages and Calls."
        return (
            f"Erasing: {progress.erased:,} of {progress.total:,} interactions, {progress.held:,} held, "
            f"{progress.failed:,} failed, {progress.participants:,} participants{left}."
        )

    if quiet:
        yield
    elif err.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=True) as bars:
            task = bars.add_task("Interactions", total=None)
            records = bars.add_task("Messages and Calls at Twilio", total=None, visible=False)

            def move() -> None:
                bars.update(task, total=progress.total or None, completed=progress.done)
                if progress.records_total:
                    bars.update(records, total=progress.records_total, completed=progress.records, visible=True)

            with ticking(move, REFRESH_SECONDS):
                yield
    else:
        with ticking(lambda: log.info("%s", sentence())):
            yield
