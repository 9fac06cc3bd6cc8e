"""Which Sessions were listed and read, and when: evidence for the sync of what Twilio no longer has.

A mark is written in the same transaction as the rows that it refers to. So if a run is killed at any point, the next
run continues it, and nothing is lost or duplicated.
"""

import json
from collections.abc import Sequence

from store.engine.protocols import Archive, Transaction
from store.engine.sql import Statement
from store.sync.runs import latest_plausible

KNOWN_READ = Statement(
    lambda dialect: (
        f"SELECT session_sid FROM session_read WHERE NOT unconfirmed AND session_sid IN ({dialect.values(':sids')})"
    )
)
KNOWN_DELETED = Statement(lambda dialect: f"SELECT sid FROM deletion WHERE sid IN ({dialect.values(':sids')})")
MARK_READ = Statement(
    lambda dialect: f"""
INSERT INTO session_read (session_sid, read_at, unconfirmed)
SELECT value, :at, :unconfirmed FROM ({dialect.values(":sids")}) AS given WHERE TRUE
ON CONFLICT (session_sid) DO UPDATE SET read_at = excluded.read_at, unconfirmed = excluded.unconfirmed
""".strip()
)
UNMARK_READ = Statement(lambda dialect: f"DELETE FROM session_read WHERE session_sid IN ({dialect.values(':sids')})")
MARK_LISTED = Statement(
    lambda dialect: f"""
INSERT INTO session_listed (session_sid, run, listed_at)
SELECT value, :run, :at FROM ({dialect.values(":sids")}) AS given WHERE TRUE
ON CONFLICT (session_sid) DO UPDATE SET run = excluded.run, listed_at = excluded.listed_at
""".strip()
)
DELETE_UNSTORED = """
DELETE FROM session_listed WHERE run < :run AND NOT EXISTS (SELECT 1 FROM session WHERE session.sid = session_sid)
""".strip()
ONLY_BY_CALLBACK = "EXISTS (SELECT 1 FROM callback_row WHERE callback_row.sid = {table}.sid AND is_only)"
"""A row that no list and no fetch has shown, only a callback: that one lacks it doesn't say that it is gone."""
UNLISTED = f"""
SELECT sid FROM session WHERE service_sid = :service AND kept_at IS NULL AND sid > :after
  AND (archived_at IS NULL OR archived_at > :latest) AND NOT {ONLY_BY_CALLBACK.format(table="session")}
  AND NOT EXISTS (SELECT 1 FROM session_listed WHERE session_sid = session.sid AND run = :run)
ORDER BY sid LIMIT 100
""".strip()
UNDECIDED_SESSIONS = f"""
SELECT sid FROM session
WHERE service_sid = :service AND kept_at IS NULL AND (archived_at IS NULL OR archived_at > :latest)
  AND NOT {ONLY_BY_CALLBACK.format(table="session")}
""".strip()
STORED_INTERACTIONS = "SELECT sid FROM interaction WHERE session_sid = :sid AND kept_at IS NULL"
CONFIRMED_INTERACTIONS = f"{STORED_INTERACTIONS} AND NOT {ONLY_BY_CALLBACK.format(table='interaction')}"
SESSIONS_WITH_KEPT_INTERACTIONS = Statement(
    lambda dialect: f"""
SELECT DISTINCT session_sid FROM interaction
WHERE kept_at IS NOT NULL AND session_sid IN ({dialect.values(":sids")})
""".strip()
)
STORED_PARTICIPANTS = "SELECT sid FROM participant WHERE session_sid = :sid"
CONFIRMED_SERVICES = f"SELECT sid FROM service WHERE NOT {ONLY_BY_CALLBACK.format(table='service')}"
LAST_SEEN = """
SELECT max(moment) FROM (
  SELECT read_at AS moment FROM session_read WHERE session_sid = :sid
  UNION ALL SELECT listed_at FROM session_listed WHERE session_sid = :sid
) AS shown WHERE moment <= :latest
""".strip()
NEWEST_DATES = "SELECT (SELECT max(date_created) FROM session), (SELECT max(date_created) FROM interaction)"


async def among(archive: Archive, sql: Statement, sids: Sequence[str]) -> set[str]:
    """Those of ``sids`` that KNOWN_READ, KNOWN_DELETED or SESSIONS_WITH_KEPT_INTERACTIONS finds."""
    return {row[0] for row in await archive.fetch(sql, {"sids": json.dumps(list(sids))})}


async def sids(archive: Archive, sql: str, sid: str | None = None) -> list[str]:
    """The SIDs that a statement of this module finds, for the row with this ``sid``."""
    return [row[0] for row in await archive.fetch(sql, {"sid": sid} if sid else {})]


async def undecided_sessions(archive: Archive, service_sid: str) -> list[str]:
    """The Service's Sessions that are neither marked as archived nor kept."""
    bound = {"service": service_sid, "latest": latest_plausible()}
    return [row[0] for row in await archive.fetch(UNDECIDED_SESSIONS, bound)]


async def unlisted(archive: Archive, service_sid: str, run: int, after: str) -> list[str]:
    """Up to 100 Sessions after the SID ``after`` that the run's list of the Service lacked."""
    bound = {"service": service_sid, "run": run, "after": after, "latest": latest_plausible()}
    return [row[0] for row in await archive.fetch(UNLISTED, bound)]


async def last_seen(archive: Archive, session_sid: str) -> str | None:
    """When Twilio last showed the Session, in a list or by its contents."""
    bound = {"sid": session_sid, "latest": latest_plausible()}
    ((moment,),) = await archive.fetch(LAST_SEEN, bound)
    return moment if moment is None else str(moment)


async def newest_date(archive: Archive) -> str | None:
    """The newest date by Twilio's clock: the earlier of the newest Session's and the newest Interaction's.

    It takes two rows, so that one row with a wrong date proves nothing.
    """
    ((session, interaction),) = await archive.fetch(NEWEST_DATES)
    return min(str(session), str(interaction)) if session and interaction else None


async def mark_read(transaction: Transaction, session_sids: Sequence[str], at: str, unconfirmed: bool = False) -> None:
    """Marks these Sessions as read completely, at the time ``at`` of Twilio's clock.

    The next run reads ``unconfirmed`` ones again.
    """
    bound = {"sids": _distinct(session_sids), "at": at, "unconfirmed": unconfirmed}
    await transaction.execute(MARK_READ, bound)


async def unmark_read(transaction: Transaction, session_sids: Sequence[str]) -> None:
    """Marks these Sessions as not read completely."""
    await transaction.execute(UNMARK_READ, {"sids": json.dumps(list(session_sids))})


async def mark_listed(transaction: Transaction, run: int, session_sids: Sequence[str], at: str) -> None:
    """Marks these Sessions as listed by the run, at the time ``at`` of Twilio's clock."""
    await transaction.execute(MARK_LISTED, {"sids": _distinct(session_sids), "run": run, "at": at})


def _distinct(sids: Sequence[str]) -> str:
    """One statement can't write a row twice."""
    return json.dumps(list(dict.fromkeys(sids)))
