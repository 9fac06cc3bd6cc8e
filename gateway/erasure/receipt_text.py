"""Formats a receipt as text for people, without control characters, and as rows of a table."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from gateway.erasure.receipt import ERASED, KEPT, Receipt, ReceiptItem, ReceiptRecord
from store.backups.holders import Holder, Holds
from store.erasure.receipts import CaseRun
from store.erasure.twilio_records import GONE, RecordState, address_of, list_of

LABEL = 16
SECONDS = len("2026-11-28T09:00:00")
"""The length of a time without its milliseconds."""
OUTCOMES = {
    "ERASED": "erased",
    "HELD": "held",
    "REFUSED": "refused",
    "FAILED": "failed",
    "NOT_YET": "not yet",
    KEPT: "kept",
    RecordState.REQUESTED: "not yet deleted",
    RecordState.DELETED: "deleted",
    RecordState.ALREADY_GONE: "already gone",
    RecordState.INCOMPLETE: "not complete yet",
    RecordState.PENDING: "no answer yet",
}
"""The words for outcomes, in the order in which they are counted."""
TITLES = {
    "interactions": "Interactions",
    "participants": "Participants",
    "sessions": "Sessions",
    "records": "Messages, Calls",
}

HOLDS = {
    Holds.HOLDS: "has it; delete it, or make it again",
    Holds.UNREADABLE: "can't be read",
    Holds.GONE: "is no longer there; if it was moved, it may have it",
    Holds.UNFINISHED: "is an unfinished copy; `copy --discard` removes what it has",
    Holds.ELSEWHERE: "is another database, which isn't read for this",
}
T = TypeVar("T")
TITLES_OF_ROWS = (
    *("sid", "outcome", "reason", "erased_at", "at_twilio", "interaction_sid", "address"),
    *("purged_at", "closed_at"),
)


def as_text(receipt: Receipt, question: Mapping[str, Any] | None = None) -> str:
    """The receipt as a text.

    ``question`` is that of the run that just ended, in clear: it is shown instead of the masked one, but not stored.
    """
    return "\n".join(_printable(line) for line in _lines(receipt, question)) + "\n"


def rows(receipt: Receipt) -> Iterator[tuple[str | None, ...]]:
    """Each SID with its outcome, below ``TITLES_OF_ROWS``."""
    for item in (*receipt.interactions, *receipt.participants, *receipt.sessions):
        yield (
            *(item.sid, item.outcome, item.reason, item.erased_at, item.at_twilio, None, None),
            *(item.purged_at, item.closed_at),
        )
    for record in receipt.records:
        yield (
            *(record.sid, record.outcome, record.reason, None, None, record.interaction_sid, record.address),
            *(None, None),
        )


def _lines(receipt: Receipt, question: Mapping[str, Any] | None) -> Iterator[str]:
    yield f"Receipt of the erasure {receipt.reference}"
    yield ""
    yield _labelled("Account", receipt.account_sid or "not known")
    yield _labelled("Printed", receipt.printed_at)
    for run in receipt.runs:
        yield from _run(run, question if run is receipt.runs[-1] else None)
    yield ""
    yield _labelled("Complete", "yes" if receipt.complete else "no, see below")
    for kind, title in TITLES.items():
        if receipt.counts[kind] or kind != "sessions":
            yield _labelled(title, _counted(kind, receipt.counts[kind]))
    if stages := _stages(receipt):
        yield _labelled("Bytes here", stages)
    yield from _section("Not erased, and why:", receipt.not_erased, lambda left: (left.sid, left.reason))
    yield from _section(
        "Erased here, and still at Twilio:", receipt.still_at_twilio, lambda left: (left.sid, left.reason)
    )
    yield from _section("Backups that hold, or may hold, what was erased:", receipt.backups, _backup)
    yield from _section("Copies that hold, or may hold, what was erased:", receipt.copies, _backup)
    yield from _kept_records(receipt)
    for kind, items in (
        ("Interactions", receipt.interactions),
        ("Participants", receipt.participants),
        ("Sessions", receipt.sessions),
    ):
        yield from _section(f"{kind + ':':<36}  {'erased at':<{SECONDS + 1}}  at Twilio", items, _item)
    gone = [record for record in receipt.records if record.outcome in GONE]
    yield from _section("Messages and Calls that are gone at Twilio:", gone, _record)


def _stages(receipt: Receipt) -> str:
    """How far the removal of the bytes is, while it isn't complete."""
    erased = [item for item in (*receipt.interactions, *receipt.participants) if item.outcome == ERASED]
    purged, closed = sum(item.purged_at is not None for item in erased), sum(bool(item.closed_at) for item in erased)
    if closed == len(erased):
        return ""
    return f"{len(erased):,} erased, {purged:,} of them purged from the tables, {closed:,} out of the log too"


def _section(title: str, found: Sequence[T], columns: Callable[[T], Sequence[str]]) -> Iterator[str]:
    if found:
        yield from ("", title)
        yield from (f"  {'  '.join(columns(each))}".rstrip() for each in found)


def _run(run: CaseRun, question: Mapping[str, Any] | None) -> Iterator[str]:
    yield _labelled("Asked by", f"{run.requested_by}, {run.begun_at} to {run.ended_at or '(not ended)'}")
    for name, value in _pairs(run.question if question is None else question):
        yield _labelled("For", f"{name} {value}")
    if options := [name.replace("_", " ") for name, on in run.options.items() if on]:
        yield _labelled("With", ", ".join(options))


def _kept_records(receipt: Receipt) -> Iterator[str]:
    kept = [record for record in receipt.records if record.outcome not in GONE]
    for listed in ("Messages", "Calls", None):
        found = [record for record in kept if list_of(record.sid) == listed]
        if not found:
            continue
        yield from ("", f"{listed or 'Other records'} that Twilio keeps: {len(found):,}")
        if receipt.account_sid and listed:
            address = str(address_of(receipt.account_sid, found[0].sid)).replace(found[0].sid, "SID")
            yield f"To delete one there: DELETE {address}"
        yield from (f"  {'  '.join(_record(record))}" for record in found)


def _record(record: ReceiptRecord) -> Sequence[str]:
    return (record.sid,) if record.outcome == KEPT else (record.sid, _label_of(record.outcome))


def _backup(holder: Holder) -> Sequence[str]:
    return holder.path, f"{holder.begun_at[:SECONDS]}Z", HOLDS[holder.state]


def _item(item: ReceiptItem) -> Sequence[str]:
    erased = f"{item.erased_at[:SECONDS]}Z" if item.outcome == ERASED and item.erased_at else _label_of(item.outcome)
    return item.sid, f"{erased:<{SECONDS + 1}}", _label_of(item.at_twilio or "")


def _labelled(label: str, value: str) -> str:
    return f"{label:<{LABEL}}{value}"


def _counted(kind: str, counts: Mapping[str, int]) -> str:
    parts = [f"{counts[outcome]:,} {_label_of(outcome)}" for outcome in OUTCOMES if counts.get(outcome)]
    parts += [f"{number:,} {_label_of(outcome)}" for outcome, number in counts.items() if outcome not in OUTCOMES]
    of = " (at Twilio)" if kind == "records" and parts else ""
    return (", ".join(parts) or "none") + of


def _label_of(outcome: str) -> str:
    return OUTCOMES.get(outcome, outcome.lower().replace("_", " "))


def _pairs(question: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in question.items():
        for each in value if isinstance(value, list) else [value]:
            if each not in (None, ""):
                yield name.replace("_", " "), each if isinstance(each, str) else json.dumps(each)


def _printable(line: str) -> str:
    # A name may contain anything, even line breaks and control sequences of terminals.
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in line)
