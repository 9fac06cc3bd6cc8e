"""Decides what a restored archive takes over from a later ledger; has the statements for both engines."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from store.engine.database import Database
from store.engine.sql import Statement
from store.errors import RestoreRefused
from store.participants import Participant

SQLITE_HEADER = b"SQLite format 3\0"
"""The first bytes of a database (https://www.sqlite.org/fileformat.html#the_database_header)."""

CARRIED = {
    "deletion": "sid",
    "erasure_case": "reference",
    "erasure_run": "id",
    "erasure_case_item": "reference, sid",
    "twilio_record": "sid",
    "legal_hold": "sid",
    "access_key": "name",
    "backup": "number",
    "archive_copy": "target",
}
"""The tables whose rows are copied, with their keys; those that others refer to come first."""

COPY_ROW = (
    "INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {assignments}{condition}"
)
KEEPS_FINISHED = {
    "deletion": " WHERE excluded.erased_at IS NOT NULL OR deletion.erased_at IS NULL",
    "backup": " WHERE excluded.finished_at IS NOT NULL OR backup.finished_at IS NULL",
}
"""An erased entry or a complete backup isn't replaced by an unfinished one."""
KEEPS_VALUE = {"revoked_at": "coalesce(excluded.revoked_at, access_key.revoked_at)"}

DECISIONS = {
    Statement(
        lambda dialect: f"""
UPDATE session SET kept_at = coalesce(session.kept_at, given.kept_at),
  archived_at = coalesce(session.archived_at, given.archived_at)
FROM ({dialect.rows(":rows", "sid", "kept_at", "archived_at")}) AS given
WHERE session.sid = given.sid AND ((session.kept_at IS NULL AND given.kept_at IS NOT NULL)
  OR (session.archived_at IS NULL AND given.archived_at IS NOT NULL))
""".strip()
    ): "SELECT sid, kept_at, archived_at FROM session WHERE kept_at IS NOT NULL OR archived_at IS NOT NULL",
    Statement(
        lambda dialect: f"""
UPDATE interaction SET kept_at = given.kept_at FROM ({dialect.rows(":rows", "sid", "kept_at")}) AS given
WHERE interaction.sid = given.sid AND interaction.kept_at IS NULL
""".strip()
    ): "SELECT sid, kept_at FROM interaction WHERE kept_at IS NOT NULL",
}
"""Decisions about Sessions and Interactions: the statements that copy them, and the SELECTs of the rows."""

OWNER = "SELECT coalesce(account_sid, (SELECT account_sid FROM service LIMIT 1)) FROM archive"
ACCOUNTS = "SELECT account_sid FROM deletion UNION SELECT account_sid FROM service"
ACCOUNT = "SELECT account_sid FROM archive WHERE account_sid IS NOT NULL"
"""The account of a ledger's archive: known even if nothing was deleted there, since its keys are taken over."""
ERASED_SIDS = "SELECT sid FROM deletion WHERE erased_at IS NOT NULL"
RESTORED_ROWS = (
    Statement(lambda dialect: f"SELECT sid FROM interaction WHERE sid IN ({dialect.values(':sids')}) ORDER BY sid"),
    Statement(lambda dialect: f"SELECT sid FROM session WHERE sid IN ({dialect.values(':sids')}) ORDER BY sid"),
    Statement(
        lambda dialect: f"""
SELECT sid FROM participant WHERE sid IN ({dialect.values(":sids")})
  AND coalesce({", ".join(Participant.personal)}) IS NOT NULL ORDER BY sid
""".strip()
    ),
)
"""The erased Interactions, Sessions and Participants that are there again."""


class ErasedAgain(NamedTuple):
    """The SIDs of rows that the restored state had brought back and that were erased again."""

    interactions: list[str]
    sessions: list[str]
    participants: list[str]


def copy_row(table: str, columns: Sequence[str]) -> str:
    """The statement that copies one row of a table, with these columns as parameters."""
    return COPY_ROW.format(
        table=table,
        columns=", ".join(columns),
        places=", ".join(f":{name}" for name in columns),
        key=CARRIED[table],
        assignments=", ".join(f"{name} = {KEEPS_VALUE.get(name, f'excluded.{name}')}" for name in columns),
        condition=KEEPS_FINISHED.get(table, ""),
    )


def is_database(file: Path) -> bool:
    """Whether the file is one of SQLite. Raises RestoreRefused if it can't be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(len(SQLITE_HEADER)) == SQLITE_HEADER
    except OSError as error:
        raise RestoreRefused(f"The ledger {file} can't be read ({error.strerror}). Name another file.") from error


def demand_owner(owner: str | None, accounts: set[str], ledger: Database) -> None:
    """Raises RestoreRefused if a ledger is of other accounts than the ``owner`` of the restored archive."""
    if owner and (others := accounts - {owner}):
        raise RestoreRefused(
            f"Expected a ledger of the account {owner}, but got {ledger}, which is of {min(others)}. Name another file."
        )
