"""``python -m gateway ledger``: which interactions were deleted, who requested it, and the state of each deletion."""

import asyncio
import logging
from typing import Annotated

import msgspec
import typer

from gateway.cli.command_line import flag, plain_switch, settings_of
from gateway.cli.csv_rows import csv_text
from gateway.cli.messages import fail, out, sentences, tell
from gateway.cli.tables import show
from gateway.settings.commands import KeysSettings
from store.archive import read_archive
from store.engine.database import Database
from store.erasure.ledger import LedgerEntry, entries
from store.erasure.receipts import references
from store.participants import Participant
from store.twilio_mapping import instant

TIME = "TIME"
AS_TIME = "a date such as 2026-11-28 or a time such as 2026-11-28T09:00+01:00"


def ledger(
    database: Annotated[str | None, flag(KeysSettings, "database")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar=TIME, help=f"Only deletions requested at this time or later: {AS_TIME}, in UTC if it has no offset."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar=TIME, help="Only deletions requested before this time.")] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="REFERENCE", help="Print the receipt of the erasure with this reference again."),
    ] = None,
    as_json: Annotated[bool, plain_switch("--json", "Print JSON, for machines.")] = False,
    as_csv: Annotated[bool, plain_switch("--csv", "Print CSV with all columns, for a spreadsheet.")] = False,
) -> None:
    """List the deletion ledger: SIDs, times, and who requested each deletion. It has no deleted content.

    The states are intended, erased (no query finds it), purged (no file of a table or an index has a byte of it) and
    closed (the database's log has none either). On SQLite the last three come together. On PostgreSQL a server brings
    them one after the other, also on the standbys; the archived log and backups of PostgreSQL are the operator's.

    With --reference, print the receipt of an erasure again: each SID with its outcome, what Twilio keeps and the
    URL to delete it there, and what could not be erased.

    What was deleted without the account's credentials (not connected) is deleted at Twilio when a server or a sync is
    next started with them. Entries of older versions (not known) are not.

    Exit codes: 0 printed, 1 failed, 2 invalid settings.
    """
    settings = settings_of(KeysSettings, {"database": database})
    begin, end = _times(since, until, reference, as_json and as_csv)
    if reference is not None:
        with sentences():
            _print_receipt(settings.database, reference, as_json, as_csv)
        return

    async def read_entries() -> list[LedgerEntry]:
        async with read_archive(settings.database) as archive:
            return await entries(archive, begin, end)

    with sentences():
        found = asyncio.run(read_entries())
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        elif as_csv:
            titles = (*LedgerEntry.__struct_fields__, "state")
            typer.echo(csv_text(titles, ((*msgspec.structs.astuple(each), each.state) for each in found)), nl=False)
        elif not found:
            when = "yet" if begin is end is None else "in this period"
            tell(f"Nothing was deleted {when}.", logging.INFO, out)
        else:
            _show(found)


def _print_receipt(database: Database, reference: str, as_json: bool, as_csv: bool) -> None:
    from gateway.erasure import receipt, receipt_text

    async def read_receipt() -> tuple[receipt.Receipt | None, list[str]]:
        async with read_archive(database) as archive:
            return await receipt.receipt_of(archive, reference), await references(archive)

    found, known = asyncio.run(read_receipt())
    if found is None:
        there_are = f"The last ones are: {', '.join(known)}." if known else "There was none yet."
        fail(f"There is no erasure with the reference {reference!r}. {there_are}")
    elif as_json:
        typer.echo(receipt.as_json(found))
    elif as_csv:
        typer.echo(csv_text(receipt_text.TITLES_OF_ROWS, receipt_text.rows(found)), nl=False)
    else:
        typer.echo(receipt_text.as_text(found), nl=False)


def _show(found: list[LedgerEntry]) -> None:
    titles = ("SID", "Session", "Asked by", "Asked", "State", "At Twilio")
    rows = [
        (
            entry.sid,
            entry.session_sid,
            entry.requested_by,
            entry.intended_at,
            entry.state,
            _at_twilio(entry),
        )
        for entry in found
    ]
    show(out, titles, rows)
    for reason in sorted({entry.waits_for for entry in found if entry.waits_for}):
        waiting = sum(entry.waits_for == reason for entry in found)
        tell(f"Erased, but the files still have bytes of them: {waiting:,}. {reason}", logging.WARNING)
    if logged := sum(entry.state == "purged" for entry in found):
        tell(f"Purged from the tables, but still in the database's log: {logged:,}.", logging.INFO)


def _at_twilio(entry: LedgerEntry) -> str:
    if entry.sid.startswith(Participant.prefix):
        return "see its receipt" if entry.erased_at else ""
    return (entry.twilio or "not known").lower().replace("_", " ")


def _times(
    since: str | None, until: str | None, reference: str | None, both_forms: bool
) -> tuple[str | None, str | None]:
    """Both times in the ledger's form; exits with 2, and a line for each problem."""
    problems = ["Expected either --json or --csv, but got both."] if both_forms else []
    if reference is not None and (since or until):
        problems.append("Expected either --reference or a period, but got both.")
    times: list[str | None] = []
    for option, given in (("--since", since), ("--until", until)):
        try:
            times.append(None if given is None else instant(given))
        except (ValueError, OverflowError):
            problems.append(f"{option}: expected {AS_TIME}, but got {given!r}.")
    for problem in problems:
        tell(problem)
    if problems:
        raise typer.Exit(2)
    return times[0], times[1]
