"""The sync's state: whose account the archive mirrors, what was read of it, and how each run went.

Checkpoints are written in the transaction of the rows that they speak for, so that a run that is killed
anywhere is gone on with by the next, with nothing lost or doubled.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from store.archive import Archive
from store.demo import demo_mark
from store.errors import DatabaseOccupied
from store.ledger import now
from store.sqlite.writer import Transaction

KNOWN_READ = "SELECT session_sid FROM session_read WHERE session_sid IN (SELECT value FROM json_each(?))"
KNOWN_DELETED = "SELECT sid FROM deletion WHERE sid IN (SELECT value FROM json_each(?))"
MARK_READ = """
INSERT INTO session_read SELECT value, :at FROM json_each(:sids) WHERE TRUE
ON CONFLICT (session_sid) DO UPDATE SET read_at = excluded.read_at
""".strip()
UNMARK_READ = "DELETE FROM session_read WHERE session_sid IN (SELECT value FROM json_each(:sids))"
MARK_SEEN = "INSERT INTO session_seen SELECT ?, value FROM json_each(?) WHERE TRUE ON CONFLICT DO NOTHING"
FORGET_SEEN = "DELETE FROM session_seen WHERE service_sid = ?"
UNSEEN = """
SELECT sid FROM session WHERE service_sid = :service AND archived_at IS NULL AND sid > :after
  AND NOT EXISTS (SELECT 1 FROM session_seen WHERE service_sid = :service AND session_sid = session.sid)
ORDER BY sid LIMIT 100
""".strip()
HELD_INTERACTIONS = "SELECT sid FROM interaction WHERE session_sid = ?"
STANDING_SESSIONS = "SELECT sid FROM session WHERE service_sid = ? AND archived_at IS NULL"
COUNT_INTERACTIONS = "SELECT count(*) FROM interaction"
LAST_SEEN = "SELECT read_at FROM session_read WHERE session_sid = ?"
HELD_SERVICES = "SELECT sid FROM service"
ARCHIVE_SESSION = "UPDATE session SET archived_at = ? WHERE sid = ? AND archived_at IS NULL"
PENDING_SERVICE = """
INSERT INTO service_sync (service_sid, sessions_pending) SELECT key, value FROM json_each(:pending) WHERE TRUE
ON CONFLICT (service_sid) DO UPDATE SET sessions_pending = excluded.sessions_pending
""".strip()
REMOVE_SERVICE = """
DELETE FROM service WHERE sid = :sid AND NOT EXISTS (SELECT 1 FROM session WHERE service_sid = :sid)
""".strip()
COMPLETE_SERVICE = """
INSERT INTO service_sync (service_sid, completed_at) VALUES (?, ?)
ON CONFLICT (service_sid) DO UPDATE SET completed_at = excluded.completed_at
""".strip()
START_RUN = """
INSERT INTO sync_run (number, mode, started_at, alive_at) SELECT coalesce(max(number), 0) + 1, ?, ?, ? FROM sync_run
""".strip()
LAST_RUN = "SELECT max(number) FROM sync_run"
LAST_COMPLETE = "SELECT max(finished_at) FROM sync_run WHERE outcome = 'complete'"
LAST_FULL = "SELECT max(finished_at) FROM sync_run WHERE mode = 'full' AND outcome = 'complete'"


class Progress(msgspec.Struct):
    """How far a run is, as in ``sync_run``: sessions that wait, what was read, rows by what became of them."""

    sessions_pending: int = 0
    services: int = 0
    sessions: int = 0
    interactions: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    archived: int = 0
    erased: int = 0
    requests: int = 0
    retries: int = 0


async def bind_account(archive: Archive, account_sid: str) -> None:
    """Makes the archive that of ``account_sid``; raises DatabaseOccupied where it is another's, or a demo."""
    if await demo_mark(archive) is not None:
        raise DatabaseOccupied(f"{archive.path} holds a demo; a real account is not mixed into it. Name another file.")
    ((owner,),) = await archive.fetch("SELECT account_sid FROM archive")
    if owner not in (None, account_sid):
        raise DatabaseOccupied(
            f"{archive.path} mirrors the account {owner}, but the credentials are those of {account_sid}. "
            "An archive belongs to one account: name another file, or give that account's credentials."
        )
    if owner is None:
        async with archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE archive SET account_sid = ?", (account_sid,))


async def start_run(archive: Archive, mode: str) -> int:
    """Notes a new run, ``incremental`` or ``full``; returns its number."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(START_RUN, (mode, now(), now()))
    ((number,),) = await archive.fetch(LAST_RUN)
    return int(number)


async def note_progress(transaction: Transaction, run: int, progress: Progress) -> None:
    """Notes how far the run is, and that it is alive."""
    columns = msgspec.structs.asdict(progress)
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    await transaction.execute(
        f"UPDATE sync_run SET alive_at = :alive_at, {assignments} WHERE number = :run",
        columns | {"alive_at": now(), "run": run},
    )


async def note_pending(transaction: Transaction, pending: Mapping[str, int]) -> None:
    """Notes how many sessions of each Service wait to be read."""
    await transaction.execute(PENDING_SERVICE, {"pending": json.dumps(dict(pending))})


async def finish_run(
    archive: Archive, run: int, progress: Progress, pending: Mapping[str, int], outcome: str, error: str | None
) -> None:
    """Notes how the run ended: ``complete``, ``stopped``, ``failed`` or ``refused``, and the sentence why."""
    async with archive.writer.transaction() as transaction:
        await note_progress(transaction, run, progress)
        await note_pending(transaction, pending)
        await transaction.execute(
            "UPDATE sync_run SET finished_at = ?, outcome = ?, error = ? WHERE number = ?", (now(), outcome, error, run)
        )


async def last_full(archive: Archive) -> str | None:
    """When the last full run was completed."""
    ((moment,),) = await archive.fetch(LAST_FULL)
    return moment if moment is None else str(moment)


async def last_complete(archive: Archive) -> str | None:
    """When a run of either mode was last completed."""
    ((moment,),) = await archive.fetch(LAST_COMPLETE)
    return moment if moment is None else str(moment)


async def among(archive: Archive, sql: str, sids: Sequence[str]) -> set[str]:
    """Those of ``sids`` that KNOWN_READ or KNOWN_DELETED finds."""
    return {row[0] for row in await archive.fetch(sql, (json.dumps(list(sids)),))}


async def sids(archive: Archive, sql: str, *parameters: Any) -> list[str]:
    """The SIDs that a statement of this module finds."""
    return [row[0] for row in await archive.fetch(sql, parameters)]


async def unseen(archive: Archive, service_sid: str, after: str) -> list[str]:
    """Up to 100 sessions, behind ``after``, that the sweep of the service did not meet."""
    return [row[0] for row in await archive.fetch(UNSEEN, {"service": service_sid, "after": after})]


async def mark_read(transaction: Transaction, session_sids: Sequence[str], complete: bool) -> None:
    """Notes that these sessions' contents are complete, or are not."""
    bound = {"sids": json.dumps(list(session_sids))}
    await transaction.execute(*((MARK_READ, bound | {"at": now()}) if complete else (UNMARK_READ, bound)))


async def mark_seen(transaction: Transaction, service_sid: str, session_sids: Sequence[str]) -> None:
    """Notes that the sweep of the service met these sessions."""
    await transaction.execute(MARK_SEEN, (service_sid, json.dumps(list(session_sids))))


async def complete_services(transaction: Transaction, service_sids: Iterable[str]) -> None:
    """Notes that these services were swept whole."""
    for sid in service_sids:
        await transaction.execute(COMPLETE_SERVICE, (sid, now()))


async def archive_session(transaction: Transaction, sid: str) -> int:
    """Marks a session as one that only this archive has; returns 1, or 0 where it was marked before."""
    return await transaction.execute(ARCHIVE_SESSION, (now(), sid))


async def last_seen(archive: Archive, session_sid: str) -> str | None:
    """When the session's contents were last read from Twilio."""
    rows = [row[0] for row in await archive.fetch(LAST_SEEN, (session_sid,))]
    return str(rows[0]) if rows else None
