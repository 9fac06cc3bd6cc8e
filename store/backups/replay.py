"""Copies decisions from the replaced archive to the restored one, above all the ledger, and replays the ledger.

A backup lacks everything that came after it. So all decisions are copied: deletions and their receipts, legal holds,
revoked keys, kept rows, the record of backups. Then the rows that were erased according to the ledger are erased again.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from store.erasure import participants
from store.erasure.interactions import ERASE, ERASE_SESSION
from store.erasure.ledger import ANSWER_LOST, AtTwilio, LedgerEntry
from store.errors import RestoreRefused
from store.participants import Participant
from store.sqlite.dialect import DIALECT
from store.twilio_mapping import now

CARRIED = (
    "deletion",
    "erasure_case",
    "erasure_run",
    "erasure_case_item",
    "twilio_record",
    "legal_hold",
    "access_key",
    "backup",
)
"""The tables whose rows are copied; those that others refer to come first."""

COLUMNS_OF = "SELECT name FROM pragma_table_info(?)"
COPY_ROWS = "INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT DO UPDATE SET {assignments}{condition}"
KEEPS_FINISHED = {
    "deletion": " WHERE excluded.erased_at IS NOT NULL OR deletion.erased_at IS NULL",
    "backup": " WHERE excluded.finished_at IS NOT NULL OR backup.finished_at IS NULL",
}
"""An erased entry or a complete backup isn't replaced by an unfinished one."""
KEEPS_VALUE = {"revoked_at": "coalesce(excluded.revoked_at, access_key.revoked_at)"}

DELETE_WITHDRAWN = """
DELETE FROM deletion WHERE erased_at IS NULL AND sid NOT IN (SELECT value FROM json_each(?))
""".strip()
DELETE_RELEASED = "DELETE FROM legal_hold WHERE sid NOT IN (SELECT value FROM json_each(?))"
DECISIONS = {
    "UPDATE session SET kept_at = coalesce(kept_at, ?), archived_at = coalesce(archived_at, ?) WHERE sid = ?": (
        "SELECT kept_at, archived_at, sid FROM session WHERE kept_at IS NOT NULL OR archived_at IS NOT NULL"
    ),
    "UPDATE interaction SET kept_at = coalesce(kept_at, ?) WHERE sid = ?": (
        "SELECT kept_at, sid FROM interaction WHERE kept_at IS NOT NULL"
    ),
}
"""Decisions about Sessions and Interactions: the statements that copy them, and the SELECTs of the rows."""

NOTE_SOURCE = """
INSERT INTO backup (path, begun_at, finished_at, bytes)
SELECT :path, at, at, :bytes FROM (SELECT coalesce(max(begun_at), :now) AS at FROM backup)
WHERE NOT EXISTS (SELECT 1 FROM backup WHERE path = :path)
""".strip()

OWNER = "SELECT coalesce(account_sid, (SELECT account_sid FROM service LIMIT 1)) FROM archive"

ERASED_SIDS = "SELECT sid FROM deletion WHERE erased_at IS NOT NULL"
RESTORED_ROWS = {
    "interactions": "SELECT sid FROM interaction WHERE sid IN (SELECT value FROM json_each(:sids)) ORDER BY sid",
    "sessions": "SELECT sid FROM session WHERE sid IN (SELECT value FROM json_each(:sids)) ORDER BY sid",
    "participants": f"""
SELECT sid FROM participant WHERE sid IN (SELECT value FROM json_each(:sids))
  AND coalesce({", ".join(Participant.personal)}) IS NOT NULL ORDER BY sid
""".strip(),
}
"""The erased rows that the backup has brought back."""


class ErasedAgain(NamedTuple):
    """The SIDs of rows that the backup had brought back and that were erased again."""

    interactions: list[str]
    sessions: list[str]
    participants: list[str]


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
            target.executemany(update, source.execute(select))
    if is_newer:
        for sql, table in ((DELETE_WITHDRAWN, "deletion"), (DELETE_RELEASED, "legal_hold")):
            if _columns_of_both(target, source, table):
                target.execute(sql, (_json(row[0] for row in source.execute(f"SELECT sid FROM {table}")),))


def take_over_entries(target: sqlite3.Connection, entries: Sequence[LedgerEntry]) -> None:
    """Copies the entries of a printed ledger."""
    known = _columns(target, "deletion")
    columns = [name for name in LedgerEntry.__struct_fields__ if name in known]
    rows = (
        # A request with an unknown outcome at Twilio is repeated there before the row is erased.
        (*(getattr(entry, name) for name in columns), ANSWER_LOST if _is_pending(entry) else 0)
        for entry in entries
    )
    _copy_rows(target, "deletion", [*columns, "at_twilio"], rows)


def check_owner(target: sqlite3.Connection, accounts: set[str], ledger: Path) -> None:
    """Raises RestoreRefused if a ledger has entries of other accounts than the backup's."""
    ((owner,),) = target.execute(OWNER).fetchall()
    if owner and (others := accounts - {owner}):
        raise RestoreRefused(
            f"Expected a ledger of the account {owner}, but got {ledger}, which has entries of {min(others)}. "
            "Name another file."
        )


def entries_of(file: Path) -> list[LedgerEntry]:
    """The entries of a ledger that ``ledger --json`` has printed to ``file``. Raises RestoreRefused if it is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[LedgerEntry])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RestoreRefused(
            f"Expected an archive or what `ledger --json` prints, but got {file}, which is neither. Name another file."
        ) from error


def erase_again(target: sqlite3.Connection) -> ErasedAgain:
    """Erases the rows that were erased according to the ledger; returns those that were present."""
    bound = {"sids": _json(row[0] for row in target.execute(ERASED_SIDS))}
    back = ErasedAgain(*([row[0] for row in target.execute(sql, bound)] for sql in RESTORED_ROWS.values()))
    for erase in (ERASE, ERASE_SESSION, participants.ERASE):
        target.execute(erase.text(DIALECT), bound)
    return back


def _is_pending(entry: LedgerEntry) -> bool:
    return entry.erased_at is None and entry.twilio is AtTwilio.PENDING


def _copy_rows(target: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    sql = COPY_ROWS.format(
        table=table,
        columns=", ".join(columns),
        places=", ".join("?" for _ in columns),
        assignments=", ".join(f"{name} = {KEEPS_VALUE.get(name, f'excluded.{name}')}" for name in columns),
        condition=KEEPS_FINISHED.get(table, ""),
    )
    target.executemany(sql, rows)


def _columns_of_both(target: sqlite3.Connection, source: sqlite3.Connection, table: str) -> list[str]:
    # An archive of an older version lacks tables and columns.
    return [name for name in _columns(source, table) if name in _columns(target, table)]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in connection.execute(COLUMNS_OF, (table,))]


def _json(sids: Iterable[str]) -> str:
    return msgspec.json.encode(list(sids)).decode()
