"""Merges two states of one Interaction, of which either may be the older: callbacks come in any order.

The later ``date_updated`` wins, but a status never goes back, and a property that the later state lacks keeps its
value. Callbacks have fractions of seconds where the API may have none, so two times are compared to the second where
one of them has no fraction.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from store.columns import Record
from store.enums import ResourceStatus
from store.interactions import Interaction
from store.sessions import Session
from store.twilio_mapping import EPOCH, UNKNOWN, extra_text

PROGRESS: Mapping[str, int] = {
    **dict.fromkeys((ResourceStatus.ACCEPTED, ResourceStatus.SCHEDULED), 0),
    ResourceStatus.QUEUED: 1,
    **dict.fromkeys((ResourceStatus.INITIATED, ResourceStatus.SENDING, ResourceStatus.RECEIVING), 2),
    **dict.fromkeys((ResourceStatus.RINGING, ResourceStatus.SENT), 3),
    **dict.fromkeys((ResourceStatus.ANSWERED, ResourceStatus.IN_PROGRESS, ResourceStatus.DELIVERY_UNKNOWN), 4),
    **dict.fromkeys((ResourceStatus.RECEIVED, ResourceStatus.DELIVERED, ResourceStatus.UNDELIVERED), 5),
    **dict.fromkeys((ResourceStatus.COMPLETED, ResourceStatus.BUSY, ResourceStatus.NO_ANSWER), 5),
    **dict.fromkeys((ResourceStatus.FAILED, ResourceStatus.CANCELED), 5),
    ResourceStatus.DELETED: 6,
}
"""How far a Message or Call with this status is (https://www.twilio.com/docs/messaging/api/message-resource and
/docs/voice/api/call-resource, of which each status leads only to a later one)."""

STATUSES = ("inbound_resource_status", "outbound_resource_status")
OF_DATA = ("data", "body", "duration_seconds")
"""The columns that come from ``data``, so they come from one state together."""
FIXED = ("sid", "session_sid", "service_sid", "account_sid", "kept_at", "date_updated", "extra", *STATUSES, *OF_DATA)
"""The columns that have a rule of their own."""
MERGED = tuple(name for name in Interaction.__struct_fields__ if name not in FIXED)
NO_FRACTION, TO_THE_SECOND = ".000Z", len("2026-01-01T00:00:00")


def merged(stored: Interaction, given: Interaction) -> Interaction:
    """``stored`` after a callback with the state ``given``; the same object if that says nothing new."""
    order = order_of(given.date_updated, stored.date_updated)
    if order < 0:
        return stored
    first, second = (given, stored) if order else (stored, given)
    values: dict[str, Any] = {name: _said(getattr(first, name), getattr(second, name)) for name in MERGED}
    of_data = second if first.data is None else first
    values |= {name: getattr(of_data, name) for name in OF_DATA}
    values |= {name: _later_status(getattr(stored, name), getattr(given, name), order) for name in STATUSES}
    values["date_created"] = _said(stored.date_created, given.date_created)
    values["extra"] = _extra(first, second)
    found: Interaction = msgspec.structs.replace(stored, **values)
    if order == 0 and found == stored:
        return stored
    return msgspec.structs.replace(found, date_updated=max(stored.date_updated, given.date_updated))


def is_outdated(given: Record, stored: Record) -> bool:
    """Whether the API's state ``given`` is older than ``stored``: dated earlier, or with a status that goes back."""
    if isinstance(given, Session) and isinstance(stored, Session):
        return _session_age(given) < _session_age(stored)
    if not isinstance(given, Interaction) or not isinstance(stored, Interaction):
        return False
    first, second = given.date_updated[:TO_THE_SECOND], stored.date_updated[:TO_THE_SECOND]
    return first < second or (
        first == second and any(_goes_back(getattr(stored, at), getattr(given, at)) for at in STATUSES)
    )


def completed(stored: Interaction, outdated: Interaction) -> Interaction:
    """``stored`` with the properties that it lacks and an older state has, such as its ``url``."""
    values = {name: _said(getattr(stored, name), getattr(outdated, name)) for name in MERGED}
    if stored.data is None:
        values |= {name: getattr(outdated, name) for name in OF_DATA}
    found: Interaction = msgspec.structs.replace(stored, **values)
    return found


def order_of(one: str, other: str) -> int:
    """-1, 0 or 1 as the time ``one`` is earlier than, the same as or later than ``other``."""
    if one.endswith(NO_FRACTION) or other.endswith(NO_FRACTION):
        one, other = one.partition(".")[0], other.partition(".")[0]
    return (one > other) - (one < other)


def _said(first: Any, second: Any) -> Any:
    return second if first in (None, UNKNOWN, EPOCH) and second is not None else first


def _later_status(stored: str | None, given: str | None, order: int) -> str | None:
    if given is None or _goes_back(stored, given):
        return stored
    if stored is None or order or stored == UNKNOWN or _goes_back(given, stored):
        return given
    return stored


def _goes_back(before: str | None, after: str | None) -> bool:
    return PROGRESS.get(after or "", math.inf) < PROGRESS.get(before or "", -math.inf)


def _extra(first: Interaction, second: Interaction) -> str | None:
    if first.extra is None and second.extra is None:
        return None
    known = {} if second.extra is None else msgspec.json.decode(second.extra, type=dict[str, Any])
    others = {name: value for name, value in known.items() if name not in Interaction.__struct_fields__}
    return extra_text(others | ({} if first.extra is None else msgspec.json.decode(first.extra, type=dict[str, Any])))


def _session_age(session: Session) -> tuple[str, str]:
    return session.date_updated, session.date_last_interaction or ""
