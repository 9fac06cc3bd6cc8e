"""``python -m gateway restore``: replaces the archive with a backup, and repeats the erasures made since.

Exit codes: 0 restored, 1 not restored (the archive is as it was), 2 invalid settings, 130 stopped by Ctrl-C.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import COMMAND
from gateway.cli.backup_command import STOPPED, counted, pages_shown, rows_of
from gateway.cli.command_line import flag, plain_switch, settings_of
from gateway.cli.messages import fail, out, sentences, tell
from gateway.settings.server import KeysSettings
from store.engine.database import Database, file_in

if TYPE_CHECKING:
    from store.backups.restore import Restored


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")],
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Replay this ledger too: a later archive or backup, or what `ledger --json` printed. Needed if the "
            "archive's own can't be read.",
        ),
    ] = None,
    yes: Annotated[bool, plain_switch("--yes", "Replace the archive even if it is newer than the backup.")] = False,
    as_json: Annotated[bool, plain_switch("--json", "Print nothing but a JSON object, for machines.")] = False,
) -> None:
    """Replace the archive with a backup.

    Stop the server and the sync first. The deletion ledger of the archive is replayed, so that nothing that was erased
    comes back; what is erased again is listed. Keys that were revoked stay revoked. If it is interrupted, either the
    old archive or the restored one is in place.

    Exit codes: 0 restored, 1 not restored, 2 invalid settings, 130 stopped.
    """
    settings = settings_of(KeysSettings, {"database": database})
    from store.backups.restore import restore as put_back

    with sentences():
        try:
            with pages_shown(quiet=as_json) as progress:
                restored = put_back(file, file_in(settings.database), ledger, yes, progress)
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


def _tell(database: Database, file: Path, restored: "Restored") -> None:
    tell(f"Restored {database} from {file}: {rows_of(restored.counts)}.", logging.INFO, out)
    erased = restored.erased_again._asdict()
    if any(erased.values()):
        numbers = ", ".join(counted(len(sids), name) for name, sids in erased.items() if sids)
        tell(f"Erased again, by the ledger: {numbers}.", logging.INFO, out)
        for sids in erased.values():
            for sid in sids:
                tell(f"  {sid}", logging.INFO, out)
    else:
        tell("The ledger names nothing that is in the backup.", logging.INFO, out)
    if not restored.has_ledger_of_archive:
        known = "the backup and --ledger know" if restored.has_other_ledger else "the backup knows"
        tell(
            f"There was no earlier archive whose ledger could be replayed, so only the deletions that {known} are "
            f"repeated, and keys that were revoked since may be valid again: see `{COMMAND} keys list`.",
            logging.WARNING,
        )
