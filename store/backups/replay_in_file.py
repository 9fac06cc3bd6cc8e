"""Copies decisions from the replaced archive to the restored one, above all the ledger, and replays the ledger.

A backup lacks everything that came after it. So all decisions are copied: deletions and their receipts, legal holds,
revoked keys, kept rows, the record of backups. Then the rows that were erased according to the ledger are erased again.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

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
)
from store.backups.printed_ledgers import at_twilio_of
from store.erasure import participants
from store.erasure.interactions import ERASE, ERASE_SESSION
from store.erasure.ledger import LedgerEntry
from store.sqlite.dialect import DIALECT
from store.twilio_mapping import now

DELETE_WITHDRAWN = """
DELETE FROM deletion WHERE erased_at IS NULL AND sid NOT IN (SELECT value FROM json_each(?))
""".strip()
DELETE_RELEASED = "DELETE FROM legal_hold WHERE sid NOT IN (SELECT value FROM json_each(?))"
NOTE_SOURCE = """
INSERT INTO backup (path, begun_at, finished_at, bytes)
SELECT :path, at, at, :bytes FROM (SELECT coalesce(max(begun_at), :now) AS at FROM backup)
WHERE NOT EXISTS (SELECT 1 FROM backup WHERE path = :path)
""".strip()


def note_source(target: sqlite3.Connection, backup: Path) -> None:
    """Records the backup that ``target`` was copied from, which may have been moved since it was made."""
    target.execute(NOTE_SOURCE, {"path": str(backup.absolute()), "bytes": backup.stat().st_size, "now": now()})


def take_over(target: sqlite3.Connection, source: sqlite3.Connection, is_newer: bool) -> None:
    """Copies the tables and decisions of ``source``; its rows replace those of ``target``.

    If ``source`` ``is_newer`` than the backup, requests and legal holds that it lacks were withdrawn.
    """
    for table in CARRIED:
        if columns := _columns_of_both(target, source, table):
            _copy_rows(target, table, columns, source.execute(f"SELECT {', '.join(columns)} FROM {table}"))
    if "kept_at" in _columns(source, "session"):
        for update, select in DECISIONS.items():
            target.execute(update.text(DIALECT), {"rows": msgspec.json.encode(list(source.execute(select))).decode()})
    if is_newer:
        for sql, table in ((DELETE_WITHDRAWN, "deletion"), (DELETE_RELEASED, "legal_hold")):
            if _columns_of_both(target, source, table):
                target.execute(sql, (_json(row[0] for row in source.execute(f"SELECT sid FROM {table}")),))


def take_over_entries(target: sqlite3.Connection, entries: Sequence[LedgerEntry]) -> None:
    """Copies the entries of a printed ledger."""
    known = _columns(target, "deletion")
    columns = [name for name in LedgerEntry.__struct_fields__ if name in known]
    rows = ((*(getattr(entry, name) for name in columns), at_twilio_of(entry)) for entry in entries)
    _copy_rows(target, "deletion", [*columns, "at_twilio"], rows)


def check_owner(target: sqlite3.Connection, accounts: set[str], ledger: Path) -> None:
    """Raises RestoreRefused if a ledger has entries of other accounts than the backup's."""
    ((owner,),) = target.execute(OWNER).fetchall()
    demand_owner(owner, accounts, ledger)


def accounts_of(source: sqlite3.Connection) -> set[str]:
    """The accounts that an archive is of; one of an older version doesn't name its own."""
    statements = (ACCOUNTS, *((ACCOUNT,) if "account_sid" in _columns(source, "archive") else ()))
    return {row[0] for sql in statements for row in source.execute(sql)}


def erase_again(target: sqlite3.Connection) -> ErasedAgain:
    """Erases the rows that were erased according to the ledger; returns those that were present."""
    bound = {"sids": _json(row[0] for row in target.execute(ERASED_SIDS))}
    back = ErasedAgain(*([row[0] for row in target.execute(sql.text(DIALECT), bound)] for sql in RESTORED_ROWS))
    for erase in (ERASE, ERASE_SESSION, participants.ERASE):
        target.execute(erase.text(DIALECT), bound)
    return back


def _copy_rows(target: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    target.executemany(copy_row(table, columns), [dict(zip(columns, row, strict=True)) for row in rows])


def _columns_of_both(target: sqlite3.Connection, source: sqlite3.Connection, table: str) -> list[str]:
    # An archive of an older version lacks tables and columns.
    return [name for name in _columns(source, table) if name in _columns(target, table)]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in connection.execute(DIALECT.columns_of(table))]


def _json(sids: Iterable[str]) -> str:
    return msgspec.json.encode(list(sids)).decode()
