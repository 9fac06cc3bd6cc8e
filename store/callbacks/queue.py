"""The queue of Sessions that callbacks reported on, to be read from the API soon after.

A Session is in it once, however many callbacks came. Workers lease Sessions, so that each is read by one of them, and
one whose worker was killed is read by another.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from store.engine.protocols import Archive, Transaction
from store.engine.sql import Statement
from store.twilio_mapping import instant, now

GATHER = timedelta(seconds=1)
"""How long after its first callback a Session is read, so that those that follow are gathered."""
LEASE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
MOST_FAILURES = 16
"""After this many failures in a row, about half a day, a Session waits for its next callback, or for a sync."""

ADD = Statement(
    lambda dialect: f"""
INSERT INTO callback_session (session_sid, service_sid, due_at)
SELECT key, value, :due FROM ({dialect.pairs(":sessions")}) AS given WHERE TRUE
ON CONFLICT (session_sid) DO UPDATE SET reports = callback_session.reports + 1, failures = 0,
  due_at = {dialect.least("callback_session.due_at", "excluded.due_at")}
""".strip()
)
DUE = """
SELECT session_sid, service_sid, reports, failures FROM callback_session
WHERE due_at <= :now AND leased_until <= :now ORDER BY due_at LIMIT :most
""".strip()
LEASE_THEM = Statement(
    lambda dialect: (
        f"UPDATE callback_session SET leased_until = :until WHERE session_sid IN ({dialect.values(':sids')})"
    )
)
FINISH = "DELETE FROM callback_session WHERE session_sid = :sid AND reports = :reports"
READ_AGAIN = "UPDATE callback_session SET leased_until = '', due_at = :due WHERE session_sid = :sid"
FAIL = """
UPDATE callback_session SET leased_until = '', due_at = :due, failures = failures + 1 WHERE session_sid = :sid
""".strip()
GIVE_UP = "DELETE FROM callback_session WHERE session_sid = :sid AND failures >= :most"
NEXT_DUE = Statement(lambda dialect: f"SELECT min({dialect.greatest('due_at', 'leased_until')}) FROM callback_session")
COUNT_INTERACTIONS = "SELECT count(*) FROM interaction WHERE session_sid = :sid"
LACKS_PARTICIPANTS = """
SELECT EXISTS (SELECT 1 FROM callback_row WHERE sid = :sid AND is_only) OR EXISTS (
  SELECT 1 FROM callback_row JOIN interaction ON interaction.sid = callback_row.sid
  WHERE callback_row.session_sid = :sid AND (
    (inbound_participant_sid IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM participant WHERE participant.sid = inbound_participant_sid))
    OR (outbound_participant_sid IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM participant WHERE participant.sid = outbound_participant_sid))
  )
)
""".strip()
IS_UNCONFIRMED = "SELECT 1 FROM callback_row WHERE sid = :sid AND is_only"
UNCONFIRMED = "SELECT sid FROM callback_row WHERE session_sid = :sid ORDER BY sid"


class Reported(NamedTuple):
    """A Session in the queue: its SIDs, how many callbacks came, and how many reads failed in a row."""

    session_sid: str
    service_sid: str
    reports: int
    failures: int


async def add(transaction: Transaction, sessions: Mapping[str, str], due: str) -> None:
    """Adds Sessions, each with the SID of its Service, to be read at ``due``."""
    await transaction.execute(ADD, {"sessions": json.dumps(dict(sessions)), "due": due})


async def lease(archive: Archive, most: int) -> list[Reported]:
    """Up to ``most`` Sessions that are due, the earliest first; no other worker gets them until their lease ends."""
    if not list(await archive.fetch(DUE, {"now": now(), "most": 1})):
        return []
    async with archive.writer.transaction(is_mirrored=True) as transaction:
        found = [Reported(*row) for row in await transaction.fetch(DUE, {"now": now(), "most": most})]
        sids = json.dumps([one.session_sid for one in found])
        await transaction.execute(LEASE_THEM, {"sids": sids, "until": _in(LEASE)})
    return found


async def finish(transaction: Transaction, one: Reported) -> None:
    """Takes a Session that was read off the queue; if a callback came during the read, it is read again."""
    if not await transaction.execute(FINISH, {"sid": one.session_sid, "reports": one.reports}):
        await transaction.execute(READ_AGAIN, {"sid": one.session_sid, "due": _in(GATHER)})


async def fail(archive: Archive, failed: Sequence[Reported]) -> None:
    """Puts off Sessions that couldn't be read, each time twice as long."""
    async with archive.writer.transaction(is_mirrored=True) as transaction:
        for one in failed:
            pause = min(GATHER * 2 ** min(one.failures + 1, 20), LONGEST_PAUSE)
            await transaction.execute(FAIL, {"sid": one.session_sid, "due": _in(pause)})
            await transaction.execute(GIVE_UP, {"sid": one.session_sid, "most": MOST_FAILURES})


async def next_due(archive: Archive) -> str | None:
    """When the next Session is due; None if the queue is empty."""
    ((moment,),) = await archive.fetch(NEXT_DUE)
    return moment if moment is None else str(moment)


async def is_unconfirmed(archive: Archive, sid: str) -> bool:
    """Whether only a callback has shown the row ``sid``."""
    return bool(list(await archive.fetch(IS_UNCONFIRMED, {"sid": sid})))


async def unconfirmed(archive: Archive, session_sid: str) -> list[str]:
    """The SIDs of the Session's rows that a callback wrote and the API hasn't confirmed since."""
    return [row[0] for row in await archive.fetch(UNCONFIRMED, {"sid": session_sid})]


async def count_interactions(archive: Archive, session_sid: str) -> int:
    """How many Interactions of the Session are stored."""
    ((number,),) = await archive.fetch(COUNT_INTERACTIONS, {"sid": session_sid})
    return int(number)


async def lacks_participants(archive: Archive, session_sid: str) -> bool:
    """Whether a Participant isn't stored that an Interaction from a callback names, or the Session is new."""
    ((lacking,),) = await archive.fetch(LACKS_PARTICIPANTS, {"sid": session_sid})
    return bool(lacking)


def _in(period: timedelta) -> str:
    return instant((datetime.now(UTC) + period).isoformat())
