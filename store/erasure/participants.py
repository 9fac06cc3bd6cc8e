"""Erases what names a person in a Participant; the SID stays, so that the conversations of others keep their shape.

The row's ``identifier``, ``friendly_name``, the pairing with a proxy number and properties that Proxygraph doesn't
know become null. The ledger has an entry for it, so that no write brings them back: store/sqlite/writer.py writes the
rows of such Participants without them.
"""

import json
from collections.abc import Sequence

from store.participants import Participant
from store.sqlite.writer import Transaction
from store.twilio_mapping import now

ADD = """
INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at)
SELECT sid, session_sid, service_sid, account_sid, :by, :at FROM participant
WHERE sid IN (SELECT value FROM json_each(:sids))
ON CONFLICT (sid) DO NOTHING
""".strip()
ERASE = f"""
UPDATE participant SET {", ".join(f"{column} = NULL" for column in Participant.personal)}
WHERE sid IN (SELECT value FROM json_each(?))
""".strip()


async def request(transaction: Transaction, sids: Sequence[str], requested_by: str) -> None:
    """Adds ledger entries for those Participants; ``store.erasure.interactions.erase`` erases them."""
    await transaction.execute(ADD, {"sids": json.dumps(sids), "by": requested_by, "at": now()})
