"""Reads an erasure case: its runs, each selected SID with its ledger entry, and Twilio's records behind them.

It has no content: the numbers and names of the question are masked in the archive.
"""

import json
from typing import Any

import msgspec

from store.engine.protocols import Readable
from store.erasure.twilio_records import IN_THE_API, RecordState

CASE = "SELECT account_sid, begun_at FROM erasure_case WHERE reference = :reference"
REFERENCES = "SELECT reference FROM erasure_case ORDER BY begun_at DESC, reference LIMIT 20"
RUNS = """
SELECT requested_by, begun_at, ended_at, question, options FROM erasure_run WHERE reference = :reference ORDER BY id
""".strip()
ITEMS = """
SELECT item.sid, item.outcome, item.reason, item.at,
  coalesce(deletion.session_sid, interaction.session_sid, participant.session_sid),
  coalesce(deletion.service_sid, interaction.service_sid, participant.service_sid),
  deletion.requested_by, deletion.intended_at, deletion.erased_at, deletion.closed_at, deletion.waits_for,
  deletion.twilio,
  coalesce(deletion.inbound_resource_sid, interaction.inbound_resource_sid),
  coalesce(deletion.outbound_resource_sid, interaction.outbound_resource_sid), deletion.purged_at
FROM erasure_case_item AS item LEFT JOIN deletion ON deletion.sid = item.sid
LEFT JOIN interaction ON interaction.sid = item.sid LEFT JOIN participant ON participant.sid = item.sid
WHERE item.reference = :reference ORDER BY item.sid
""".strip()
RECORDS = """
SELECT twilio_record.sid, twilio_record.state, twilio_record.reason FROM erasure_case_item AS item
JOIN twilio_record ON twilio_record.interaction_sid = item.sid WHERE item.reference = :reference
""".strip()

ERASED_INTERACTIONS = """
SELECT sid FROM erasure_case_item WHERE reference = :reference AND outcome = 'ERASED' AND sid >= 'KI' AND sid < 'KJ'
ORDER BY sid
""".strip()
RECORDS_LEFT = f"""
SELECT count(*) FROM (
  SELECT inbound_resource_sid AS sid FROM erasure_case_item JOIN deletion USING (sid) WHERE reference = :reference
  UNION SELECT outbound_resource_sid FROM erasure_case_item JOIN deletion USING (sid) WHERE reference = :reference
) AS record WHERE ({IN_THE_API}) AND NOT EXISTS (
  SELECT 1 FROM twilio_record WHERE twilio_record.sid = record.sid AND state IN ('DELETED', 'ALREADY_GONE')
)
""".strip()


class CaseRun(msgspec.Struct, frozen=True):
    """One run of the command for a case. ``question`` and ``options`` are by the names of the command's options."""

    requested_by: str
    begun_at: str
    ended_at: str | None
    question: dict[str, Any]
    options: dict[str, Any]


class CaseItem(msgspec.Struct, frozen=True):
    """An Interaction or Participant that was selected, with what the ledger has of its deletion."""

    sid: str
    outcome: str | None
    reason: str | None
    at: str | None
    session_sid: str | None
    service_sid: str | None
    requested_by: str | None
    requested_at: str | None
    erased_at: str | None
    closed_at: str | None
    waits_for: str | None
    twilio: str | None
    inbound_resource_sid: str | None
    outbound_resource_sid: str | None
    purged_at: str | None


class Case(msgspec.Struct, frozen=True):
    """A whole case. ``records`` has the state, and the reason, of Twilio's records whose deletion was requested."""

    reference: str
    account_sid: str | None
    begun_at: str
    runs: list[CaseRun]
    items: list[CaseItem]
    records: dict[str, tuple[RecordState, str | None]]


async def case(archive: Readable, reference: str) -> Case | None:
    """The case with this reference; None if there is none."""
    bound = {"reference": reference}
    found = list(await archive.fetch(CASE, bound))
    if not found:
        return None
    account_sid, begun_at = found[0]
    runs = [
        CaseRun(by, begun, ended, json.loads(question), json.loads(options))
        for by, begun, ended, question, options in await archive.fetch(RUNS, bound)
    ]
    items = [CaseItem(*row) for row in await archive.fetch(ITEMS, bound)]
    found = list(await archive.fetch(RECORDS, bound))
    records = {sid: (RecordState(state), reason) for sid, state, reason in found}
    return Case(reference, account_sid, begun_at, runs, items, records)


async def references(archive: Readable) -> list[str]:
    """The references of the last twenty cases, the newest first."""
    return [row[0] for row in await archive.fetch(REFERENCES)]


async def erased_interactions(archive: Readable, reference: str) -> list[str]:
    """The SIDs of the Interactions that the case has erased."""
    return [row[0] for row in await archive.fetch(ERASED_INTERACTIONS, {"reference": reference})]


async def records_left(archive: Readable, reference: str) -> int:
    """How many Message and Call records behind the case's erased Interactions may still exist at Twilio."""
    ((number,),) = await archive.fetch(RECORDS_LEFT, {"reference": reference})
    return int(number)
