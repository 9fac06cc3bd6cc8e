"""The receipt of an erasure case: who asked for what, each SID with its outcome, and what is still there and why.

It is made of the ledger and a look into the noted backups, so it can be made again at any time. It has no content:
SIDs, times, the names of those who asked, and the question with numbers and names masked.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from store.archive import Readable
from store.backups.holders import Holder, holding
from store.erasure import receipts
from store.erasure.ledger import AtTwilio
from store.erasure.receipts import Case, CaseItem, CaseRun
from store.erasure.twilio_records import GONE, address_of, list_of
from store.twilio_mapping import now

ERASED, NOT_YET = "ERASED", "NOT_YET"
KEPT = "KEPT"
"""Of a record: nobody asked Twilio to delete it."""
KINDS = {"interactions": "KI", "participants": "KP", "sessions": "KC"}
"""The prefixes of what a case selects. Of Sessions it has only those that were asked for and are not there."""
NOT_IN_API = "Twilio's 2010 API has no such records. Delete it where it was made."
INTERRUPTED = "The run ended before it. Run the same command again."
STILL_AT_TWILIO = {
    AtTwilio.NOT_CONNECTED: "It is erased here, but no Twilio account was connected, so Twilio still has it. "
    "A server or a sync with the account deletes it there.",
    AtTwilio.PENDING: "It is erased here, but Twilio's answer got lost. A server or a sync with the account asks "
    "again.",
    AtTwilio.REFUSED: "It is erased here, but Twilio refuses to delete it. The next server or sync with the account "
    "asks again.",
}


class Record(msgspec.Struct, frozen=True):
    """A Message or Call record of Twilio's. ``address`` is what a DELETE deletes."""

    sid: str
    interaction_sid: str
    outcome: str
    reason: str | None
    address: str | None


class Item(msgspec.Struct, frozen=True):
    """Something that was selected, and what became of it. ``at_twilio`` is its outcome there, if it is known."""

    sid: str
    session_sid: str | None
    service_sid: str | None
    outcome: str
    reason: str | None
    requested_by: str | None
    requested_at: str | None
    erased_at: str | None
    closed_at: str | None
    at_twilio: str | None


class Left(msgspec.Struct, frozen=True):
    """Something that is still there, and why."""

    sid: str
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """What ``erase`` did for one reference, in all its runs."""

    reference: str
    account_sid: str | None
    printed_at: str
    begun_at: str
    complete: bool
    """Whether everything that was selected is gone: here to the last byte, and at Twilio as far as that was asked."""
    runs: list[CaseRun]
    counts: dict[str, dict[str, int]]
    """Of each kind and of records: how many had which outcome."""
    not_erased: list[Left]
    """What could not be erased."""
    still_at_twilio: list[Left]
    """What is erased here, as was asked, while Twilio keeps something of it."""
    backups: list[Holder]
    """The noted backups that hold, or may hold, what was erased."""
    interactions: list[Item]
    participants: list[Item]
    sessions: list[Item]
    records: list[Record]


async def receipt_of(archive: Readable, reference: str) -> Receipt | None:
    """The receipt of the case with this reference; None if there is none."""
    case = await receipts.case(archive, reference)
    if case is None:
        return None
    return _receipt(case, await holding(archive, [item.sid for item in case.items if item.outcome == ERASED]))


def as_json(receipt: Receipt) -> str:
    """The receipt as JSON."""
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2).decode()


def _receipt(case: Case, backups: list[Holder]) -> Receipt:
    items = [_item(each) for each in case.items]
    records = {each.sid: list(_records(case, each)) for each in case.items}
    all_records = [record for of_item in records.values() for record in of_item]
    not_erased = [*_left(case)]
    if any(run.options.get("delete_resources") for run in case.runs):
        not_erased += [
            left for each in case.items if each.outcome == ERASED for left in _left_records(records[each.sid])
        ]
    by_kind = {kind: [each for each in items if each.sid.startswith(prefix)] for kind, prefix in KINDS.items()}
    counted: dict[str, Sequence[Item | Record]] = {**by_kind, "records": all_records}
    return Receipt(
        reference=case.reference,
        account_sid=case.account_sid,
        printed_at=now(),
        begun_at=case.begun_at,
        complete=not not_erased and case.runs[-1].ended_at is not None,
        runs=case.runs,
        counts={kind: dict(Counter(each.outcome for each in found)) for kind, found in counted.items()},
        not_erased=not_erased,
        still_at_twilio=[Left(each.sid, each.reason) for each in items if each.outcome == ERASED and each.reason],
        backups=backups,
        **by_kind,
        records=all_records,
    )


def _item(item: CaseItem) -> Item:
    return Item(
        item.sid,
        item.session_sid,
        item.service_sid,
        item.outcome or NOT_YET,
        item.reason,
        item.requested_by,
        item.requested_at,
        item.erased_at,
        item.closed_at,
        item.twilio,
    )


def _records(case: Case, item: CaseItem) -> Iterator[Record]:
    for sid in (item.inbound_resource_sid, item.outbound_resource_sid):
        if sid is None:
            continue
        address = address_of(case.account_sid, sid) if case.account_sid else None
        state, reason = case.records.get(sid, (None, None if list_of(sid) else NOT_IN_API))
        yield Record(sid, item.sid, state or KEPT, reason, None if state in GONE else address)


def _left(case: Case) -> Iterator[Left]:
    for item in case.items:
        if item.outcome != ERASED:
            yield Left(item.sid, item.reason or INTERRUPTED)
        elif item.closed_at is None:
            yield Left(item.sid, f"It is erased, but not yet to the last byte. {item.waits_for or ''}".rstrip())
        elif item.twilio in STILL_AT_TWILIO and case.account_sid:  # Without an account there is nothing at Twilio.
            yield Left(item.sid, STILL_AT_TWILIO[AtTwilio(item.twilio)])


def _left_records(records: list[Record]) -> Iterator[Left]:
    for record in records:
        if record.outcome not in GONE:
            yield Left(record.sid, record.reason or INTERRUPTED)
