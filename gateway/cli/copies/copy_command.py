"""``python -m gateway copy``: copies an archive from a file into a database of PostgreSQL, or the other way.

Exit codes: 0 copied, 1 not copied, 2 invalid options, 130 stopped by Ctrl-C.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from gateway.cli.backup_command import counted
from gateway.cli.command_line import plain_switch
from gateway.cli.messages import err, fail, out, sentences, tell
from store.engine.database import AddressRefused, Database, database_of

STOPPED = 130
LOG_EVERY_SECONDS = 10.0
ROWS = "rows"
UNITS = {"Copying": ROWS, "Indexing": "indexes and triggers", "Comparing": ROWS, "Cleaning": "pages"}
LEAST_SECONDS = 0.5
"""Before this, a rate would say nothing."""
DATABASE = "FILE|URL"


def copy(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar=DATABASE,
            help="The archive to copy. Only a record of the copy is written.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str,
        typer.Option(
            "--to", metavar=DATABASE, help="Where the copy goes: a new file, or an empty database.", show_default=False
        ),
    ],
    discards: Annotated[
        bool,
        plain_switch("--discard", "Copy nothing. Remove an unfinished copy, and the record of a deleted one."),
    ] = False,
    as_json: Annotated[bool, plain_switch("--json", "Print nothing but a JSON object, for machines.")] = False,
) -> None:
    """Copy an archive from a file into PostgreSQL, or back.

    Stop the servers and the sync first: if the archive is written meanwhile, the copy fails. If it is stopped, the same
    command continues it. Nobody can open the copy until it is complete, and the number and a hash of each table's rows
    were compared.

    Everything is copied: conversations, the deletion ledger, keys, the sync's state, and erasure cases. Only the change
    feed begins anew, so its cursors expire.

    The archive and its copy record each other, so that receipts of erasures name the other one as long as it may have
    what was erased. An unfinished copy that you give up is such a place too: --discard removes what it has.

    Exit codes: 0 copied, 1 not copied, 2 invalid options, 130 stopped.
    """
    databases = _database("--from", source), _database("--to", target)
    import msgspec

    from store.copying.copy import HOW_TO_GO_ON
    from store.copying.copy import copy as copy_archive
    from store.copying.copy import discard as discard_copy

    if discards:
        with sentences():
            asyncio.run(discard_copy(*databases))
        tell(f"{databases[1]} has nothing of {databases[0]} any more.", logging.INFO, out)
        return

    begun = time.monotonic()
    with sentences():
        try:
            with _shown(as_json) as show:
                copied = asyncio.run(copy_archive(*databases, show))
        except KeyboardInterrupt:
            fail(f"The copy stopped. {HOW_TO_GO_ON}", STOPPED)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(copied), indent=2))
        return
    tables = ("service", "session", "participant", "interaction")
    rows = ", ".join(counted(copied.rows[table], f"{table}s") for table in tables)
    seconds = time.monotonic() - begun
    done = "Copied the rest of" if copied.resumed else "Copied"
    message = f"{done} {databases[0]} to {databases[1]} in {seconds:,.1f} seconds: {rows}; all tables compared."
    tell(message, logging.INFO, out)


def _database(option: str, text: str) -> Database:
    try:
        return database_of(text)
    except AddressRefused as error:
        fail(f"{option}: {error}", 2)


@contextmanager
def _shown(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Shows each step of a copy on a terminal, and elsewhere logs a line every ten seconds."""
    if quiet:
        yield lambda verb, done, total: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[counts]}"))
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("Copying", total=None, counts="")
        logged = time.monotonic()
        rate = _Rate()

        def show(verb: str, done: int, total: int) -> None:
            nonlocal logged
            is_new = rate.verb != verb
            if is_new:
                rate.begin(verb, done)
            counts = f"{done:,} of {total:,} {UNITS[verb]}{rate.text(done)}"
            if is_new:
                shown.reset(task, total=total, completed=done, description=verb, counts=counts)
            shown.update(task, completed=done, counts=counts)
            if not err.is_terminal and time.monotonic() >= logged + LOG_EVERY_SECONDS:
                logged = time.monotonic()
                tell(f"{verb}: {counts}.", logging.INFO)

        yield show


class _Rate:
    """How fast a step goes, since it began in this process."""

    def __init__(self) -> None:
        self.verb, self._first, self._begun = "", 0, 0.0

    def begin(self, verb: str, done: int) -> None:
        self.verb, self._first, self._begun = verb, done, time.monotonic()

    def text(self, done: int) -> str:
        """Such as ``, 12,345 a second``; empty for what isn't counted in rows, and in the first moments."""
        seconds = time.monotonic() - self._begun
        if UNITS[self.verb] != ROWS or seconds < LEAST_SECONDS:
            return ""
        return f", {(done - self._first) / seconds:,.0f} a second"
