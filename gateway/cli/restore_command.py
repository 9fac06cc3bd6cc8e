"""``python -m gateway restore``: replaces the archive with a backup, and repeats the erasures made since.

An archive in PostgreSQL is put back by PostgreSQL's own tools; then this repeats the erasures by a later ledger.

Exit codes: 0 restored, 1 not restored (the archive is as it was), 2 invalid settings, 130 stopped by Ctrl-C.
"""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import COMMAND
from gateway.cli.backup_command import STOPPED, counted, pages_shown, rows_of
from gateway.cli.command_line import flag, plain_switch, settings_of
from gateway.cli.messages import fail, out, sentences, tell
from gateway.settings.commands import KeysSettings
from store.engine.database import Address, AddressRefused, Database, database_of

if TYPE_CHECKING:
    from store.backups.decisions import ErasedAgain
    from store.backups.restore import Restored

PUT_BACK = "An archive in PostgreSQL is put back by PostgreSQL's own tools, such as pg_restore or a base backup."


def restore(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The backup. Leave it out to replay --ledger in the archive as it is."),
    ] = None,
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Replay this ledger too: a later archive or backup, or what `ledger --json` or `ledger --csv` "
            "printed. Needed if the archive's own can't be read.",
        ),
    ] = None,
    yes: Annotated[bool, plain_switch("--yes", "Replace the archive even if it is newer than the backup.")] = False,
    as_json: Annotated[bool, plain_switch("--json", "Print nothing but a JSON object, for machines.")] = False,
) -> None:
    """Replace the archive with a backup.

    Stop the server and the sync first. The deletion ledger of the archive is replayed, so that nothing that was erased
    comes back; what is erased again is listed. Keys that were revoked stay revoked. If it is interrupted, either the
    old archive or the restored one is in place.

    An archive in PostgreSQL is put back by PostgreSQL's own tools. Then run this without FILE, with --ledger: it
    replays that ledger, so that what was erased since is erased again.

    Exit codes: 0 restored, 1 not restored, 2 invalid settings, 130 stopped.
    """
    settings = settings_of(KeysSettings, {"database": database})
    later = _ledger(ledger)
    if file is None:
        if later is None:
            fail("Expected a backup, or --ledger to replay a ledger in the archive as it is. Name one of them.", 2)
        _replay(settings.database, later, as_json)
        return
    if isinstance(settings.database, Address):
        fail(f"{PUT_BACK} Then run this without FILE, with a later ledger as --ledger.", 2)
    if isinstance(later, Address):
        fail("A file of SQLite takes over the ledger of a file. Name one, or what `ledger --json` printed.", 2)
    from store.backups.restore import restore as put_back

    with sentences():
        try:
            with pages_shown(quiet=as_json) as progress:
                restored = put_back(file, settings.database, later, yes, progress)
        except KeyboardInterrupt:
            fail("Stopped. The archive is as it was.", STOPPED)
    if as_json:
        import msgspec

        members = {
            "path": str(settings.database),
            **restored.counts._asdict(),
            "erased_again": restored.erased_again._asdict(),
            "ledger_of_archive": restored.has_ledger_of_archive,
            "other_ledger": restored.has_other_ledger,
        }
        typer.echo(msgspec.json.format(msgspec.json.encode(members), indent=2))
    else:
        _tell(settings.database, file, restored)


def _ledger(text: str | None) -> Database | None:
    try:
        return None if text is None else database_of(text)
    except AddressRefused as error:
        fail(f"--ledger: {error}", 2)


def _replay(database: Database, ledger: Database, as_json: bool) -> None:
    from store.archive import open_archive
    from store.backups.replay_in_archive import Replayed, replay

    async def replayed() -> Replayed:
        async with open_archive(database, check_for_damage=False, create=False) as archive:
            return await replay(archive, ledger)

    with sentences():
        done = asyncio.run(replayed())
    if as_json:
        import msgspec

        members = {
            "path": str(database),
            "entries": done.entries,
            "erased_again": done.erased_again._asdict(),
            "waits_for": done.waits_for,
        }
        typer.echo(msgspec.json.format(msgspec.json.encode(members), indent=2))
        return
    tell(f"Replayed {done.entries:,} entries of the ledger of {ledger} in {database}.", logging.INFO, out)
    _tell_erased(done.erased_again, "the archive")
    if done.waits_for:
        tell(f"Erased, but not yet every byte of it: {done.waits_for}", logging.WARNING)


def _tell(database: Database, file: Path, restored: "Restored") -> None:
    tell(f"Restored {database} from {file}: {rows_of(restored.counts)}.", logging.INFO, out)
    _tell_erased(restored.erased_again, "the backup")
    if not restored.has_ledger_of_archive:
        known = "the backup and --ledger know" if restored.has_other_ledger else "the backup knows"
        tell(
            f"There was no earlier archive whose ledger could be replayed, so only the deletions that {known} are "
            f"repeated, and keys that were revoked since may be valid again: see `{COMMAND} keys list`.",
            logging.WARNING,
        )


def _tell_erased(erased_again: "ErasedAgain", where: str) -> None:
    erased = erased_again._asdict()
    if any(erased.values()):
        numbers = ", ".join(counted(len(sids), name) for name, sids in erased.items() if sids)
        tell(f"Erased again, by the ledger: {numbers}.", logging.INFO, out)
        for sids in erased.values():
            for sid in sids:
                tell(f"  {sid}", logging.INFO, out)
    else:
        tell(f"The ledger names nothing that is in {where}.", logging.INFO, out)
