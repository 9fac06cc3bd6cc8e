"""The Interaction: one message or call, with a leg into Twilio and a leg out of it."""

import json
from typing import Any, ClassVar

import msgspec

from store.columns import (
    Instant,
    InteractionType,
    MaybeResourceStatus,
    MaybeResourceType,
    OwnInteger,
    OwnText,
    Record,
    Sid,
    Text,
)
from store.engine.sql import Sql
from store.lists.facets import FacetTable, lag_of
from store.lists.filters import PERSONS, Filter, Period, any_of, contains, either, equal, of_persons, within
from store.lists.orders import Order
from store.lists.relations import AccessPath, Indexes, IndexRange, Relation, ValueColumn, ValuePath


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One side of an Interaction: its Participant, and the Message or Call that carried it."""

    participant_sid: str | None
    resource_sid: str | None
    resource_status: str | None
    resource_type: str | None
    resource_url: str | None


LEG = Leg.__struct_fields__


class Interaction(Record, frozen=True, array_like=True, gc=False):
    """A row of ``interaction``: Twilio's 19 properties, the parts of ``data``, and ``kept_at``."""

    table: ClassVar[str] = "interaction"
    prefix: ClassVar[str] = "KI"
    noun: ClassVar[str] = "Interaction"
    embedded: ClassVar[dict[str, tuple[str, ...]]] = {"inbound": LEG, "outbound": LEG}
    plain: ClassVar[tuple[str, ...]] = (
        *("sid", "session_sid", "service_sid", "account_sid", "type"),
        *(f"{leg}_{name}" for leg in ("inbound", "outbound") for name in LEG),
        *("date_created", "date_updated"),
    )

    session_sid: Sid
    service_sid: Sid
    account_sid: Sid
    type: InteractionType
    data: Text
    body: OwnText
    duration_seconds: OwnInteger
    inbound_participant_sid: Text
    inbound_resource_sid: Text
    inbound_resource_status: MaybeResourceStatus
    inbound_resource_type: MaybeResourceType
    inbound_resource_url: Text
    outbound_participant_sid: Text
    outbound_resource_sid: Text
    outbound_resource_status: MaybeResourceStatus
    outbound_resource_type: MaybeResourceType
    outbound_resource_url: Text
    date_updated: Instant
    url: Text
    extra: Text
    kept_at: OwnText

    @property
    def inbound(self) -> Leg | None:
        """The leg into Twilio; None if Twilio gave none of its properties."""
        return _leg(
            self.inbound_participant_sid,
            self.inbound_resource_sid,
            self.inbound_resource_status,
            self.inbound_resource_type,
            self.inbound_resource_url,
        )

    @property
    def outbound(self) -> Leg | None:
        """The leg out of Twilio; None if Twilio gave none of its properties."""
        return _leg(
            self.outbound_participant_sid,
            self.outbound_resource_sid,
            self.outbound_resource_status,
            self.outbound_resource_type,
            self.outbound_resource_url,
        )


def _leg(*properties: str | None) -> Leg | None:
    return Leg(*properties) if any(properties) else None


class InteractionFilter(Filter, frozen=True, kw_only=True):
    """The conditions that an Interaction must meet; None doesn't filter.

    ``resource_sid``, ``participant_sid`` and ``identifier`` match on either leg.
    """

    conditions: ClassVar[dict[str, Sql]] = {
        "service_sid": equal("service_sid"),
        "session_sid": equal("session_sid"),
        "participant_sid": either("inbound_participant_sid", "outbound_participant_sid"),
        "identifier": of_persons("inbound_person", "outbound_person"),
        "resource_sid": either("inbound_resource_sid", "outbound_resource_sid"),
        "type": any_of("type"),
        "inbound_status": any_of("inbound_resource_status"),
        "outbound_status": any_of("outbound_resource_status"),
        "date_created": within("date_created"),
        "body_contains": contains("body"),
    }
    long: ClassVar[frozenset[str]] = frozenset({"body_contains"})

    service_sid: str | None = None
    session_sid: str | None = None
    participant_sid: str | None = None
    identifier: tuple[str, ...] | None = None
    resource_sid: str | None = None
    type: tuple[str, ...] | None = None
    inbound_status: tuple[str, ...] | None = None
    outbound_status: tuple[str, ...] | None = None
    date_created: Period | None = None
    body_contains: str | None = None


FACETS = FacetTable(
    "interaction_kind",
    {
        "service_sid": "service_sid",
        "type": "type",
        "inbound_resource_status": "coalesce(inbound_resource_status, '')",
        "outbound_resource_status": "coalesce(outbound_resource_status, '')",
        "lag": lag_of("date_created", "date_updated"),
    },
    frozenset({"service_sid", "type", "inbound_status", "outbound_status"}),
    {"date_created": "interaction_by_kind", "date_updated": "interaction_by_kind_updated"},
    lag="date_updated",
)


def _on_either_leg(attribute: str, noun: str, is_sorted: bool = True) -> AccessPath:
    inbound, outbound = f"inbound_{attribute}", f"outbound_{attribute}"
    return AccessPath(
        attribute,
        (
            IndexRange(f"interaction_by_inbound_{noun}", equal(inbound)),
            IndexRange(
                f"interaction_by_outbound_{noun}", f"{equal(outbound)} AND {inbound} IS DISTINCT FROM {{value}}"
            ),
        ),
        is_sorted,
    )


def _by_person(leg: str, counted: str = "") -> ValueColumn:
    index = f"interaction_by_{leg}_person"
    by_kind = {"date_created": index, "date_updated": f"{index}_updated"}
    by_date = {"date_created": f"{index}_any", "date_updated": f"{index}_any_updated"}
    return ValueColumn(f"{leg}_person", by_kind, by_date, counted)


BY_PERSON = ValuePath(
    "identifier",
    PERSONS,
    "interaction",
    (
        _by_person("inbound"),
        _by_person("outbound", "(inbound_person IS NULL OR inbound_person NOT IN ({values}))"),
    ),
    repeats="2",
)
INDEXES = Indexes(
    narrow=(
        _on_either_leg("resource_sid", "resource", is_sorted=False),
        AccessPath("session_sid", (IndexRange("interaction_by_session", equal("session_sid")),)),
        _on_either_leg("participant_sid", "participant"),
    ),
    wide=(
        AccessPath("service_sid", (IndexRange("interaction_by_service", equal("service_sid")),)),
        AccessPath(None, (IndexRange("interaction_by_date", "TRUE"),)),
    ),
    facets=FACETS,
    by_values=(BY_PERSON,),
)


def _relation(name: str, parent: str | None) -> Relation[Interaction]:
    return Relation(f"{name}.interactions", Interaction, parent, InteractionFilter.conditions, INDEXES)


ALL = _relation("Query", None)
OF_SERVICE = _relation("Service", "service_sid")
OF_SESSION = _relation("Session", "session_sid")
OF_PARTICIPANT = _relation("Participant", "participant_sid")

BY_DATE_UPDATED = Order("date_updated")


def contents(data: str | None) -> tuple[str | None, int | None]:
    """Parses Twilio's ``data``; returns a message's text and a call's duration in seconds.

    ``data`` is a JSON text such as ``{"body": "…"}`` or ``{"duration": "5"}`` (Twilio's Interaction page);
    the result is ``(None, None)`` for anything else.
    """
    if not data:
        return None, None
    try:
        given: Any = json.loads(data)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(given, dict):
        return None, None
    body, duration = given.get("body"), given.get("duration")
    return body if isinstance(body, str) else None, _seconds(duration)


def _seconds(duration: Any) -> int | None:
    text = str(duration) if isinstance(duration, (str, int)) and not isinstance(duration, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
