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
from store.relations import Relation


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One side of an Interaction: who, and which Message or Call carried it."""

    participant_sid: str | None
    resource_sid: str | None
    resource_status: str | None
    resource_type: str | None
    resource_url: str | None


class Interaction(Record, frozen=True, array_like=True, gc=False):
    """A row of ``interaction``: Twilio's 19 properties, and what its ``data`` says in two columns more."""

    table: ClassVar[str] = "interaction"
    prefix: ClassVar[str] = "KI"
    noun: ClassVar[str] = "Interaction"

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

    @property
    def inbound(self) -> Leg | None:
        """The leg into Twilio; None where Twilio gave none of its properties."""
        return _leg(
            self.inbound_participant_sid,
            self.inbound_resource_sid,
            self.inbound_resource_status,
            self.inbound_resource_type,
            self.inbound_resource_url,
        )

    @property
    def outbound(self) -> Leg | None:
        """The leg out of Twilio; None where Twilio gave none of its properties."""
        return _leg(
            self.outbound_participant_sid,
            self.outbound_resource_sid,
            self.outbound_resource_status,
            self.outbound_resource_type,
            self.outbound_resource_url,
        )


def _leg(*properties: str | None) -> Leg | None:
    return Leg(*properties) if any(properties) else None


ALL = Relation("Query.interactions", Interaction, ("TRUE",))
OF_SERVICE = Relation("Service.interactions", Interaction, ("service_sid = parent.value",))
OF_SESSION = Relation("Session.interactions", Interaction, ("session_sid = parent.value",))
OF_PARTICIPANT = Relation(
    "Participant.interactions",
    Interaction,
    (
        "inbound_participant_sid = parent.value",
        "outbound_participant_sid = parent.value AND inbound_participant_sid IS NOT parent.value",
    ),
)


def contents(data: str | None) -> tuple[str | None, int | None]:
    """A message's text and a call's length in seconds, as Twilio's ``data`` gives them.

    ``data`` is a JSON text such as ``{"body": "…"}`` or ``{"duration": "5"}`` (Twilio's Interaction page);
    what isn't JSON, or holds neither, gives ``(None, None)``.
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
