"""What listings showed, and what was read: the evidence that the sync decides by.

Marks are written in the transaction of the rows that they speak for, so that a run that is killed anywhere is gone on
with by the next, with nothing lost or doubled.
"""

import json
from collections.abc import Sequence
from typing import Any

from store.archive import Archive
from store.sqlite.writer import Transaction
from store.sync.runs import latest_believed

KNOWN_READ = """
SELECT session_sid FROM session_read WHERE NOT unconfirmed AND session_sid IN (SELECT value FROM json_each(?))
""".strip()
KNOWN_DELETED = "SELECT sid FROM deletion WHERE sid IN (SELECT value FROM json_each(?))"
MARK_READ = """
INSERT INTO session_read SELECT value, :at, :unconfirmed FROM json_each(:sids) WHERE TRUE
ON CONFLICT (session_sid) DO UPDATE SET read_at = excluded.read_at, unconfirmed = excluded.unconfirmed
""".strip()
UNMARK_READ = "DELETE FROM session_read WHERE session_sid IN (SELECT value FROM json_each(:sids))"
MARK_LISTED = """
INSERT INTO session_listed SELECT value, :run, :at FROM json_each(:sids) WHERE TRUE
ON CONFLICT (session_sid) DO UPDATE SET run = excluded.run, listed_at = excluded.listed_at
""".strip()
FORGET_UNHELD = """
DELETE FROM session_listed WHERE run < ? AND NOT EXISTS (SELECT 1 FROM session WHERE session.sid = session_sid)
""".strip()
UNLISTED = """
SELECT sid FROM session WHERE service_sid = :service AND kept_at IS NULL AND sid > :after
  AND (archived_at IS NULL OR archived_at > :latest)
  AND NOT EXISTS (SELECT 1 FROM session_listed WHERE session_sid = session.sid AND run = :run)
ORDER BY sid LIMIT 100
""".strip()
STANDING_SESSIONS = """
SELECT sid FROM session
WHERE service_sid = :service AND kept_at IS NULL AND (archived_at IS NULL OR archived_at > :latest)
""".strip()
HELD_INTERACTIONS = "SELECT sid FROM interaction WHERE session_sid = ? AND kept_at IS NULL"
WITH_KEPT = """
SELECT DISTINCT session_sid FROM interaction
WHERE kept_at IS NOT NULL AND session_sid IN (SELECT value FROM json_each(?))
""".strip()
HELD_PARTICIPANTS = "SELECT sid FROM participant WHERE session_sid = ?"
HELD_SERVICES = "SELECT sid FROM service"
LAST_SHOWN = """
SELECT max(moment) FROM (
  SELECT read_at AS moment FROM session_read WHERE session_sid = :sid
  UNION ALL SELECT listed_at FROM session_listed WHERE session_sid = :sid
) AS shown WHERE moment <= :latest
""".strip()
NEWEST_DATES = "SELECT (SELECT max(date_created) FROM session), (SELECT max(date_created) FROM interaction)"


async def among(archive: Archive, sql: str, sids: Sequence[str]) -> set[str]:
    """Those of ``sids`` that KNOWN_READ, KNOWN_DELETED or WITH_KEPT finds."""
    return {row[0] for row in await archive.fetch(sql, (json.dumps(list(sids)),))}


async def sids(archive: Archive, sql: str, *parameters: Any) -> list[str]:
    """The SIDs that a statement of this module finds."""
    return [row[0] for row in await archive.fetch(sql, parameters)]


async def standing_sessions(archive: Archive, service_sid: str) -> list[str]:
    """The Service's sessions about which nothing was decided yet."""
    bound = {"service": service_sid, "latest": latest_believed()}
    return [row[0] for row in await archive.fetch(STANDING_SESSIONS, bound)]


async def unlisted(archive: Archive, service_sid: str, run: int, after: str) -> list[str]:
    """Up to 100 sessions, behind ``after``, that the run's listing of the Service did not show."""
    bound = {"service": service_sid, "run": run, "after": after, "latest": latest_believed()}
    return [row[0] for row in await archive.fetch(UNLISTED, bound)]


async def last_shown(archive: Archive, session_sid: str) -> str | None:
    """When Twilio last showed the session, in a listing or by its contents."""
    bound = {"sid": session_sid, "latest": latest_believed()}
    ((moment,),) = await archive.fetch(LAST_SHOWN, bound)
    return moment if moment is None else str(moment)


async def newest_date(archive: Archive) -> str | None:
    """The newest date that Twilio gave: of the newest session and the newest interaction, the earlier one.

    Both, so that one odd row is no evidence.
    """
    ((session, interaction),) = await archive.fetch(NEWEST_DATES)
    return min(str(session), str(interaction)) if session and interaction else None


async def mark_read(transaction: Transaction, session_sids: Sequence[str], at: str, unconfirmed: bool = False) -> None:
    """Notes that these sessions' contents were read whole, ``at`` that time of Twilio's clock.

    ``unconfirmed`` ones are to be read once more.
    """
    bound = {"sids": json.dumps(list(session_sids)), "at": at, "unconfirmed": int(unconfirmed)}
    await transaction.execute(MARK_READ, bound)


async def unmark_read(transaction: Transaction, session_sids: Sequence[str]) -> None:
    """Notes that these sessions' contents are not complete."""
    await transaction.execute(UNMARK_READ, {"sids": json.dumps(list(session_sids))})


async def mark_listed(transaction: Transaction, run: int, session_sids: Sequence[str], at: str) -> None:
    """Notes that the run's listing showed these sessions, ``at`` that time of Twilio's clock."""
    await transaction.execute(MARK_LISTED, {"sids": json.dumps(list(session_sids)), "run": run, "at": at})
