"""``python -m gateway ledger``: which interactions were deleted, who asked for it, and how far each deletion got."""

import asyncio
import logging
from typing import Annotated

import typer

from gateway.cli.command_line import flag, plain_switch, settings_of
from gateway.cli.messages import out, sentences, tell
from gateway.cli.tables import show
from gateway.settings.server import KeysSettings


def ledger(
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    as_json: Annotated[bool, plain_switch("--json", "Print a JSON array, for machines.")] = False,
) -> None:
    """List the deletion ledger: SIDs, times and who asked; it has nothing of what was deleted."""
    settings = settings_of(KeysSettings, {"database": database})
    import msgspec

    from store.archive import read_archive
    from store.erasure.ledger import LedgerEntry, entries

    async def held() -> list[LedgerEntry]:
        async with read_archive(settings.database) as archive:
            return await entries(archive)

    with sentences():
        found = asyncio.run(held())
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
            return
        if not found:
            tell("Nothing was deleted yet.", logging.INFO, out)
            return
        titles = ("SID", "Session", "Asked by", "Asked", "State", "At Twilio")
        show(
            out,
            titles,
            [
                (
                    entry.sid,
                    entry.session_sid,
                    entry.requested_by,
                    entry.intended_at,
                    entry.state,
                    (entry.twilio or "not known").lower().replace("_", " "),
                )
                for entry in found
            ],
        )
        for reason in sorted({entry.waits_for for entry in found if entry.waits_for}):
            waiting = sum(entry.waits_for == reason for entry in found)
            tell(f"Erased, but not yet to the last byte: {waiting:,}. {reason}", logging.WARNING)
