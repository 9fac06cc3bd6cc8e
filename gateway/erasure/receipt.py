"""The receipt of an erasure case: who requested what, each SID with its outcome, and what still exists and why.

It is made from the ledger and the recorded backups, so it can be made again at any time. It has no content: only SIDs,
times, the names of those who requested it, and the question with masked numbers and names.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from store.backups.holders import Holder, copies_holding, holding
from store.engine.protocols import Readable
from store.erasure import receipts
from store.erasure.ledger import AtTwilio
from store.erasure.receipts import Case, CaseItem, CaseRun
from store.erasure.twilio_records import GONE, address_of, list_of
from store.twilio_mapping import now

ERASED, NOT_YET = "ERASED", "NOT_YET"
KEPT = "KEPT"
"""For a record: nobody requested its deletion."""
KINDS = {"interactions": "KI", "participants": "KP", "sessions": "KC"}
"""The SID prefixes of a case's items. It only has Sessions that were requested but don't exist."""
NOT_IN_API = "Twilio's 2010 API has no such records. Delete it where it was made."
IN_THE_FILES = "It is erased, but the files still have bytes of it."
IN_THE_LOG = "It is erased and purged from the tables, but the database's log still has bytes of it."
INTERRUPTED = "The run ended before it. Run the same command again."
STILL_AT_TWILIO = {
    AtTwilio.NOT_CONNECTED: "It is erased here, but no Twilio account was connected, so Twilio still has it. "
    "A server or a sync with the account deletes it there.",
    AtTwilio.PENDING: "It is erased here, but Twilio's answer got lost. A server or a sync with the account asks "
    "again.",
    AtTwilio.REFUSED: "It is erased here, but Twilio refuses to delete it. The next server or sync with the account "
    "asks again.",
}


class ReceiptRecord(msgspec.Struct, frozen=True):
    """A Message or Call record of Twilio's. A DELETE of ``address`` deletes it."""

    sid: str
    interaction_sid: str
    outcome: str
    reason: str | None
    address: str | None


class ReceiptItem(msgspec.Struct, frozen=True):
    """A selected row and its outcome. ``at_twilio`` is the outcome at Twilio, if it is known."""

    sid: str
    session_sid: str | None
    service_sid: str | None
    outcome: str
    reason: str | None
    requested_by: str | None
    requested_at: str | None
    erased_at: str | None
    purged_at: str | None
    """When no file of a table or an index had a byte of it any more."""
    closed_at: str | None
    """When the database's log had none either."""
    at_twilio: str | None


class Left(msgspec.Struct, frozen=True):
    """Something that still exists, and why."""

    sid: str
    reason: str


class Receipt(msgspec.Struct, frozen=True):
    """What ``erase`` did for one reference, in all its runs."""

    reference: str
    account_sid: str | None
    printed_at: str
    begun_at: str
    complete: bool
    """Whether everything selected is gone: every byte of it here, and at Twilio as far as requested."""
    runs: list[CaseRun]
    counts: dict[str, dict[str, int]]
    """The number of items of each type, and of records, by outcome."""
    not_erased: list[Left]
    """What could not be erased."""
    still_at_twilio: list[Left]
    """What is erased here as requested, but of which Twilio keeps something."""
    backups: list[Holder]
    """The recorded backups that hold, or may hold, erased rows."""
    copies: list[Holder]
    """The same of copies, other databases that the archive was copied into or from."""
    interactions: list[ReceiptItem]
    participants: list[ReceiptItem]
    sessions: list[ReceiptItem]
    records: list[ReceiptRecord]


async def receipt_of(archive: Readable, reference: str) -> Receipt | None:
    """The receipt of the case with this reference; None if there is none."""
    case = await receipts.case(archive, reference)
    if case is None:
        return None
    erased = [item.sid for item in case.items if item.outcome == ERASED]
    return _receipt(case, await holding(archive, erased), await copies_holding(archive, erased))


def as_json(receipt: Receipt) -> str:
    """The receipt as JSON."""
    return msgspec.json.format(msgspec.json.encode(receipt), indent=2).decode()


def _receipt(case: Case, backups: list[Holder], copies: list[Holder]) -> Receipt:
    items = [_item(each) for each in case.items]
    records = {each.sid: list(_records(case, each)) for each in case.items}
    all_records = [record for of_item in records.values() for record in of_item]
    not_erased = [*_left(case)]
    if any(run.options.get("delete_resources") for run in case.runs):
        not_erased += [
            left for each in case.items if each.outcome == ERASED for left in _left_records(records[each.sid])
        ]
    by_kind = {kind: [each for each in items if each.sid.startswith(prefix)] for kind, prefix in KINDS.items()}
    counted: dict[str, Sequence[ReceiptItem | ReceiptRecord]] = {**by_kind, "records": all_records}
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
        copies=copies,
        **by_kind,
        records=all_records,
    )


def _item(item: CaseItem) -> ReceiptItem:
    return ReceiptItem(
        item.sid,
        item.session_sid,
        item.service_sid,
        item.outcome or NOT_YET,
        item.reason,
        item.requested_by,
        item.requested_at,
        item.erased_at,
        item.purged_at,
        item.closed_at,
        item.twilio,
    )


def _records(case: Case, item: CaseItem) -> Iterator[ReceiptRecord]:
    for sid in (item.inbound_resource_sid, item.outbound_resource_sid):
        if sid is None:
            continue
        address = address_of(case.account_sid, sid) if case.account_sid else None
        state, reason = case.records.get(sid, (None, None if list_of(sid) else NOT_IN_API))
        yield ReceiptRecord(sid, item.sid, state or KEPT, reason, None if state in GONE else address)


def _left(case: Case) -> Iterator[Left]:
    for item in case.items:
        if item.outcome != ERASED:
            yield Left(item.sid, item.reason or INTERRUPTED)
        elif item.closed_at is None:
            still = IN_THE_LOG if item.purged_at else IN_THE_FILES
            yield Left(item.sid, f"{still} {item.waits_for or ''}".rstrip())
        elif item.twilio in STILL_AT_TWILIO and case.account_sid:  # Without an account there is nothing at Twilio.
            yield Left(item.sid, STILL_AT_TWILIO[AtTwilio(item.twilio)])


def _left_records(records: list[ReceiptRecord]) -> Iterator[Left]:
    for record in records:
        if record.outcome not in GONE:
            yield Left(record.sid, record.reason or INTERRUPTED)
