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
DATABASE = "FILE|URL"


def copy(
    source: Annotated[
        str, typer.Option("--from", metavar=DATABASE, help="The archive to copy. It isn't changed.", show_default=False)
    ],
    target: Annotated[
        str,
        typer.Option(
            "--to", metavar=DATABASE, help="Where the copy goes: a new file, or an empty database.", show_default=False
        ),
    ],
    as_json: Annotated[bool, plain_switch("--json", "Print nothing but a JSON object, for machines.")] = False,
) -> None:
    """Copy an archive from a file into PostgreSQL, or back.

    Stop the servers and the sync first: if the archive is written meanwhile, the copy fails. If it is stopped, the same
    command continues it. Nobody can open the copy until it is complete, and the number and a hash of each table's rows
    were compared.

    Everything is copied: conversations, the deletion ledger, keys, the sync's state, and erasure cases. Only the change
    feed begins anew, so its cursors expire.

    Exit codes: 0 copied, 1 not copied, 2 invalid options, 130 stopped.
    """
    databases = _database("--from", source), _database("--to", target)
    import msgspec

    from store.copying.copy import copy as copy_archive

    begun = time.monotonic()
    with sentences():
        try:
            with _rows_shown(as_json) as show:
                copied = asyncio.run(copy_archive(*databases, show))
        except KeyboardInterrupt:
            fail("Stopped. The same command continues the copy.", STOPPED)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(copied), indent=2))
        return
    tables = ("service", "session", "participant", "interaction")
    rows = ", ".join(counted(copied.rows[table], f"{table}s") for table in tables)
    seconds = time.monotonic() - begun
    message = f"Copied {databases[0]} to {databases[1]} in {seconds:,.1f} seconds: {rows}; all tables compared."
    tell(message, logging.INFO, out)


def _database(option: str, text: str) -> Database:
    try:
        return database_of(text)
    except AddressRefused as error:
        fail(f"{option}: {error}", 2)


@contextmanager
def _rows_shown(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Shows the rows on a terminal, and elsewhere logs a line every ten seconds."""
    if quiet:
        yield lambda verb, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task("Copying", total=None)
        logged = time.monotonic()

        def show(verb: str, done: int, total: int) -> None:
            nonlocal logged
            shown.update(task, description=verb, completed=done, total=total)
            if not err.is_terminal and time.monotonic() >= logged + LOG_EVERY_SECONDS:
                logged = time.monotonic()
                tell(f"{verb}: {done:,} of {total:,} rows.", logging.INFO)

        yield show
