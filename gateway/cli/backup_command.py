"""``python -m gateway backup``: makes a complete, checked copy of an archive, also while it is served.

Exit codes: 0 made, 1 not made (no incomplete file is left), 2 invalid settings, 130 stopped by Ctrl-C.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.command_line import flag, plain_switch, settings_of
from gateway.cli.messages import err, fail, out, sentences, tell
from gateway.settings.commands import KeysSettings
from store.engine.database import Address, Database

if TYPE_CHECKING:
    from store.backups.backup import Made

STOPPED = 130
BY_POSTGRESQL = (
    "An archive in PostgreSQL is backed up by PostgreSQL's own tools: pg_basebackup with its log for any moment, "
    "pg_dump for a copy. Keep what `ledger --json` prints beside it: after an older state was put back, "
    "`restore --ledger` erases again what was erased since."
)
MEGABYTE = 1_000_000


def backup(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Where the backup goes. In a folder, its name is the archive's with the time."
        ),
    ],
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER",
            min=1,
            help="Keep this many backups in the folder FILE; remove the oldest once the new one is complete.",
        ),
    ] = None,
    forget: Annotated[
        bool,
        plain_switch(
            "--forget",
            "Make no backup. Record that FILE and all its copies were deleted, so that it isn't named again.",
        ),
    ] = False,
    as_json: Annotated[bool, plain_switch("--json", "Print nothing but a JSON object, for machines.")] = False,
) -> None:
    """Make a backup of the archive, even while it is served.

    It is one private file (0600) with the state of one moment. It appears only when it is complete and has passed
    SQLite's integrity check and a comparison of the numbers of rows. If it is killed, a file that ends in .incomplete
    stays until the next backup or erasure. An archive in PostgreSQL is backed up by PostgreSQL's own tools instead.

    Exit codes: 0 made, 1 not made, 2 invalid settings, 130 stopped.
    """
    settings = settings_of(KeysSettings, {"database": database})
    if isinstance(settings.database, Address):
        fail(BY_POSTGRESQL, 2)
    if keep is not None and not file.is_dir():
        fail(f"--keep needs an existing folder, but got {file}. Create it, or leave --keep out.", 2)
    if forget:
        _forget(file, settings.database)
        return
    import msgspec

    from store.archive import open_archive
    from store.backups.backup import back_up

    async def made(progress: Callable[[int, int], None] | None) -> "Made":
        async with open_archive(settings.database, check_for_damage=False, create=False) as archive:
            return await back_up(archive, file, keep, progress)

    with sentences():
        try:
            with pages_shown(quiet=as_json) as progress:
                done = asyncio.run(made(progress))
        except KeyboardInterrupt:
            fail("Stopped. Nothing is left of this backup.", STOPPED)
    if as_json:
        members = msgspec.structs.asdict(done.backup) | {"removed": done.removed}
        typer.echo(msgspec.json.format(msgspec.json.encode(members), indent=2))
        return
    rows = rows_of(done.backup)
    size = f"{(done.backup.bytes or 0) / MEGABYTE:,.1f} MB"
    tell(f"Backed up {settings.database} to {done.backup.path}: {rows}; {size}; checked.", logging.INFO, out)
    for path in done.removed:
        tell(f"Removed {path}.", logging.INFO, out)


def _forget(file: Path, database: Database) -> None:
    from store.archive import open_archive
    from store.backups.backup import forget

    async def forgotten() -> None:
        async with open_archive(database, check_for_damage=False, create=False) as archive:
            await forget(archive, file)

    with sentences():
        asyncio.run(forgotten())
        tell(f"{database} does not name {file} any more.", logging.INFO, out)


def rows_of(counts: object) -> str:
    """The numbers of rows, for people. ``counts`` has a member for each table."""
    names = ("services", "sessions", "participants", "interactions")
    return ", ".join(counted(getattr(counts, name), name) for name in names)


def counted(number: int, plural: str) -> str:
    """A number with its noun."""
    return f"{number:,} {plural.removesuffix('s') if number == 1 else plural}"


@contextmanager
def pages_shown(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Shows the copied pages on a terminal. Yields the function to call with the progress, or None elsewhere."""
    if quiet or not err.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as shown:
        task = shown.add_task("Copying", total=None)

        def show(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total, description="Copying" if done < total else "Checking")

        yield show
