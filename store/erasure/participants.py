"""Erases what names a person in a Participant. Its row and SID stay, since other people's conversations refer to it.

The row's ``identifier``, ``friendly_name``, proxy number and unknown properties become null. The ledger has an entry
for the Participant, so no write brings them back: store/sqlite/writer.py writes such rows without these columns.
"""

import json
from collections.abc import Sequence

from store.engine.protocols import Archive
from store.engine.sql import Statement
from store.participants import Participant
from store.twilio_mapping import now

ADD = Statement(
    lambda dialect: f"""
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at)
SELECT sid, session_sid, service_sid, account_sid, :by, :at FROM participant
WHERE sid IN ({dialect.values(":sids")})
  AND NOT EXISTS (SELECT 1 FROM interaction WHERE inbound_participant_sid = participant.sid)
  AND NOT EXISTS (SELECT 1 FROM interaction WHERE outbound_participant_sid = participant.sid)
ON CONFLICT (sid) DO NOTHING
""".strip()
)
REQUESTED = Statement(lambda dialect: f"SELECT sid FROM deletion WHERE sid IN ({dialect.values(':sids')})")
ERASE = Statement(
    lambda dialect: f"""
UPDATE participant SET {", ".join(f"{column} = NULL" for column in Participant.personal)}
WHERE sid IN ({dialect.values(":sids")})
""".strip()
)


async def request(archive: Archive, sids: Sequence[str], requested_by: str) -> set[str]:
    """Adds ledger entries for those of these Participants that have no Interactions left; returns which they are.

    ``store.erasure.interactions.erase`` then erases them.
    """
    async with archive.writer.transaction() as transaction:
        await transaction.execute(ADD, {"sids": json.dumps(sids), "by": requested_by, "at": now()})
    return {row[0] for row in await archive.fetch(REQUESTED, {"sids": json.dumps(sids)})}
