"""Replays a ledger in an open archive whose older state has been put back, for example by PostgreSQL's own tools.

All decisions of the ledger's archive are copied, as ``restore`` copies them from the archive that it replaces. Then the
rows that were erased according to them are erased again, and their entries are open until their bytes are gone too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from store.archive import read_archive
from store.backups.decisions import (
    ACCOUNT,
    ACCOUNTS,
    CARRIED,
    DECISIONS,
    ERASED_SIDS,
    OWNER,
    RESTORED_ROWS,
    ErasedAgain,
    copy_row,
    demand_owner,
    is_database,
)
from store.backups.printed_ledgers import at_twilio_of, entries_of
from store.changes import NEW_EPOCH
from store.engine.database import Database
from store.engine.protocols import Archive, Readable, Transaction
from store.engine.sql import Statement
from store.erasure import participants
from store.erasure.interactions import ERASE, ERASE_SESSION, clean_until_deadline
from store.erasure.ledger import LedgerEntry

REOPEN = Statement(lambda dialect: f"UPDATE deletion SET closed_at = NULL WHERE sid IN ({dialect.values(':sids')})")
STAGES = ("purged_at", "log_position", "waits_for")
"""The stages of an erasure, which begin anew: those that it reached in another database don't count here."""
BEGIN_STAGES = "UPDATE deletion SET {assignments} WHERE closed_at IS NULL"


class Replayed(NamedTuple):
    """The result of a replay: its number of entries, what was erased again, and what still has its bytes, if any."""

    entries: int
    erased_again: ErasedAgain
    waits_for: str | None


class _Table(NamedTuple):
    """Rows of a table, in the order of ``columns``."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class _Ledger(NamedTuple):
    """What is taken over: tables, and by the statement that writes them, decisions."""

    tables: list[_Table]
    decisions: dict[Statement, list[list[Any]]]
    accounts: set[str]


async def replay(archive: Archive, ledger: Database) -> Replayed:
    """Replays ``ledger`` in the archive: another archive, or a file that ``ledger`` printed as JSON or CSV.

    Raises RestoreRefused if it is neither, or of another account, and a StoreError if either can't be used.
    """
    found = await _read(ledger)
    ((owner,),) = await archive.fetch(OWNER)
    demand_owner(owner, found.accounts, ledger)
    async with archive.writer.transaction() as transaction:
        for table in found.tables:
            await _copy(transaction, table)
        for update, rows in found.decisions.items():
            await transaction.execute(update, {"rows": _json(rows)})
        erased = await _erase_again(transaction)
        await transaction.execute(NEW_EPOCH)  # The numbers of the restored state stand for other changes than before.
    return Replayed(len(found.tables[0].rows), erased, await clean_until_deadline(archive))


async def _read(ledger: Database) -> _Ledger:
    if isinstance(ledger, Path) and not is_database(ledger):
        entries = entries_of(ledger)
        rows = [(*msgspec.structs.astuple(entry), at_twilio_of(entry)) for entry in entries]
        deletions = _Table("deletion", (*LedgerEntry.__struct_fields__, "at_twilio"), rows)
        return _Ledger([deletions], {}, {entry.account_sid for entry in entries})
    async with read_archive(ledger) as source:
        tables = []
        for name in CARRIED:
            columns = await _columns(source, name)
            rows = list(await source.fetch(f"SELECT {', '.join(columns)} FROM {name}"))
            tables.append(_Table(name, columns, rows))
        decisions = {update: [list(row) for row in await source.fetch(select)] for update, select in DECISIONS.items()}
        accounts = {row[0] for sql in (ACCOUNTS, ACCOUNT) for row in await source.fetch(sql)}
    return _Ledger(tables, decisions, accounts)


async def _copy(transaction: Transaction, table: _Table) -> None:
    known = await _columns(transaction, table.name)
    columns = [name for name in table.columns if name in known]
    sql = copy_row(table.name, columns)
    for row in table.rows:
        await transaction.execute(sql, dict(zip(table.columns, row, strict=True)))


async def _erase_again(transaction: Transaction) -> ErasedAgain:
    bound = {"sids": _json([row[0] for row in await transaction.fetch(ERASED_SIDS)])}
    back = ErasedAgain(*[[row[0] for row in await transaction.fetch(sql, bound)] for sql in RESTORED_ROWS])
    for erase in (ERASE, ERASE_SESSION, participants.ERASE):
        await transaction.execute(erase, bound)
    await transaction.execute(REOPEN, {"sids": _json([sid for sids in back for sid in sids])})
    known = await _columns(transaction, "deletion")
    assignments = ", ".join(f"{name} = NULL" for name in STAGES if name in known)
    await transaction.execute(BEGIN_STAGES.format(assignments=assignments))
    return back


async def _columns(of: Readable | Transaction, table: str) -> list[str]:
    return [row[0] for row in await of.fetch(of.dialect.columns_of(table))]


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()
