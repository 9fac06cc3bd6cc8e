"""Twilio's Message and Call records behind erased Interactions: which must be deleted there, and with what outcome.

Twilio keeps these records when an Interaction is deleted. They are only deleted on request, and only if their
Interaction is erased here and gone at Twilio. The rows have SIDs, times and outcomes, but no content.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec

from store.engine.protocols import Readable, Transaction
from store.engine.sql import Statement
from store.twilio_mapping import now

LISTS = {"SM": "Messages", "MM": "Messages", "CA": "Calls"}
"""The 2010 API's list of a record, by the prefix of its SID. Proxy also names others, such as chat messages (IM…)."""
ADDRESS = "https://api.twilio.com/2010-04-01/Accounts/{account_sid}/{listed}/{sid}.json"

COLUMNS = "sid, interaction_sid, account_sid, state, reason, requested_by, requested_at, tried_at"
IN_THE_API = f"substr(sid, 1, 2) IN {tuple(LISTS)}"
REQUEST = Statement(
    lambda dialect: f"""
INSERT INTO twilio_record (sid, interaction_sid, account_sid, state, requested_by, requested_at)
SELECT sid, min(interaction_sid), min(account_sid), 'REQUESTED', :by, :at FROM (
  SELECT inbound_resource_sid AS sid, sid AS interaction_sid, account_sid FROM deletion
  WHERE sid IN ({dialect.values(":sids")}) AND erased_at IS NOT NULL AND twilio IN ('DELETED', 'ALREADY_GONE')
  UNION ALL
  SELECT outbound_resource_sid, sid, account_sid FROM deletion
  WHERE sid IN ({dialect.values(":sids")}) AND erased_at IS NOT NULL AND twilio IN ('DELETED', 'ALREADY_GONE')
) AS record WHERE {IN_THE_API} GROUP BY sid
ON CONFLICT (sid) DO UPDATE SET state = 'REQUESTED', reason = NULL, requested_at = excluded.requested_at,
  tried_at = NULL WHERE twilio_record.state IN ('REFUSED', 'HELD')
""".strip()
)
OPEN = "state IN ('REQUESTED', 'INCOMPLETE', 'PENDING')"
LIST_OPEN = f"""
SELECT sid FROM twilio_record
WHERE {OPEN} AND lower(account_sid) = lower(:account) AND coalesce(tried_at, requested_at) <= :before ORDER BY sid
""".strip()
COUNT_OPEN = f"SELECT count(*) FROM twilio_record WHERE {OPEN}"
LIST_OF = Statement(
    lambda dialect: f"SELECT {COLUMNS} FROM twilio_record WHERE interaction_sid IN ({dialect.values(':sids')})"
)
NOTE = f"""
UPDATE twilio_record SET state = :state, reason = :reason, tried_at = :at WHERE sid = :sid AND {OPEN}
""".strip()


class RecordState(StrEnum):
    """The outcome of the deletion of a record."""

    REQUESTED = "REQUESTED"
    """Twilio has not been asked yet."""
    DELETED = "DELETED"
    ALREADY_GONE = "ALREADY_GONE"
    INCOMPLETE = "INCOMPLETE"
    """Twilio can't delete it yet, since it is not complete: a call in progress, for instance. It is tried again."""
    PENDING = "PENDING"
    """Twilio gave no usable answer. It is tried again."""
    REFUSED = "REFUSED"
    HELD = "HELD"
    """A legal hold at Twilio keeps it."""


GONE = (RecordState.DELETED, RecordState.ALREADY_GONE)
"""The states of records that Twilio no longer has."""


class TwilioRecord(msgspec.Struct, frozen=True):
    """A record whose deletion was requested."""

    sid: str
    interaction_sid: str
    account_sid: str
    state: RecordState
    reason: str | None
    """Why it still exists: a sentence without content."""
    requested_by: str
    requested_at: str
    tried_at: str | None


def list_of(sid: str) -> str | None:
    """The list of the 2010 API that has the record ``sid``; None if that API has no such records."""
    return LISTS.get(sid[:2])


def address_of(account_sid: str, sid: str) -> str | None:
    """The address at which Twilio deletes the record ``sid``; None if the 2010 API has no such records."""
    listed = list_of(sid)
    return ADDRESS.format(account_sid=account_sid, listed=listed, sid=sid) if listed else None


async def request(transaction: Transaction, interaction_sids: Sequence[str], requested_by: str) -> None:
    """Stores that the records of these Interactions must be deleted at Twilio.

    Ignores Interactions that aren't erased here and gone at Twilio. Records that Twilio refused are tried again.
    """
    await transaction.execute(REQUEST, {"sids": json.dumps(interaction_sids), "by": requested_by, "at": now()})


async def to_delete(archive: Readable, account_sid: str, before: str) -> list[str]:
    """The account's records that must still be deleted, except those requested or tried after ``before``."""
    return [row[0] for row in await archive.fetch(LIST_OPEN, {"account": account_sid, "before": before})]


async def open_count(archive: Readable) -> int:
    """How many records must still be deleted at Twilio."""
    ((number,),) = await archive.fetch(COUNT_OPEN)
    return int(number)


async def note(transaction: Transaction, outcomes: Iterable[tuple[str, RecordState, str | None]]) -> None:
    """Stores the outcomes of records: SID, state and reason. A record that is known to be gone stays gone."""
    at = now()
    for sid, state, reason in outcomes:
        await transaction.execute(NOTE, {"sid": sid, "state": state, "reason": reason, "at": at})


async def of_interactions(archive: Readable, interaction_sids: Sequence[str]) -> Mapping[str, TwilioRecord]:
    """The records of these Interactions whose deletion was requested, by SID."""
    names = TwilioRecord.__struct_fields__
    rows = await archive.fetch(LIST_OF, {"sids": json.dumps(interaction_sids)})
    return {row[0]: msgspec.convert(dict(zip(names, row, strict=True)), TwilioRecord) for row in rows}
