"""``python -m gateway ledger``: what was erased, who wanted it, and how far it got."""

import asyncio
from typing import Annotated

import typer

from gateway.cli.command_line import flag, out, sentences, settings_of
from gateway.settings.server import KeysSettings


def ledger(
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array, for machines.")] = False,
) -> None:
    """List the deletion ledger: SIDs, times and who asked, and no word of what was deleted."""
    settings = settings_of(KeysSettings, {"database": database})
    import msgspec

    from store.archive import open_archive
    from store.ledger import Entry, entries

    async def held() -> list[Entry]:
        async with open_archive(settings.database, look_for_damage=False) as archive:
            return await entries(archive)

    with sentences():
        found = asyncio.run(held())
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
            return
        from rich.table import Table

        table = Table("SID", "Session", "Asked by", "Asked", "State", box=None, pad_edge=False)
        for entry in found:
            table.add_row(entry.sid, entry.session_sid, entry.requested_by, entry.intended_at, entry.state)
        out.print(table if found else "Nothing was deleted yet.")
