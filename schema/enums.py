"""GraphQL enums and their descriptions. Twilio's have its strings in capitals, and UNKNOWN for values it adds later."""

from enum import StrEnum
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLEnumType

from resolvers.arguments.orders import InteractionOrder, ParticipantOrder, SessionOrder
from resolvers.deletions import DeleteInteractionErrorCode, Erasure
from store.enums import (
    GeoMatchLevel,
    InteractionType,
    NumberSelectionBehavior,
    ResourceStatus,
    ResourceType,
    SessionMode,
    SessionStatus,
)
from store.erasure.ledger import AtTwilio
from store.queries.changes import ChangedType, ChangeKind

E = TypeVar("E", bound=StrEnum)


__all__ = [
    "AtTwilio",
    "ChangeKind",
    "ChangedType",
    "DeleteInteractionErrorCode",
    "Erasure",
    "GeoMatchLevel",
    "InteractionOrder",
    "InteractionType",
    "NumberSelectionBehavior",
    "ParticipantOrder",
    "ResourceStatus",
    "ResourceType",
    "SessionMode",
    "SessionOrder",
    "SessionStatus",
]


def _describe(enum: type[E], description: str, meanings: dict[E, str]) -> None:
    definition: Any = strawberry.enum(enum, description=description).__strawberry_definition__  # type: ignore[attr-defined]
    for value in definition.values:
        value.description = meanings[enum[value.name]]


def open_enum(enum: GraphQLEnumType) -> None:
    """Makes ``enum`` show values that it doesn't list as UNKNOWN; an ordinary enum would fail the field."""
    names = {value.value: name for name, value in enum.values.items()}

    def name_of(output_value: Any) -> str:
        name: str = names.get(output_value, "UNKNOWN")
        return name

    enum.coerce_output_value = name_of  # type: ignore[method-assign]


_describe(
    ChangeKind,
    "What happened to a row of the archive.",
    {
        ChangeKind.CREATED: "The row is new here.",
        ChangeKind.UPDATED: "At least one property of the row has another value.",
        ChangeKind.ARCHIVED: "Twilio's retention deleted the Session, and only this archive still has it.",
        ChangeKind.ERASED: "The row, or what named a person in it, is gone for good. Erase it in every copy too.",
    },
)

_describe(
    ChangedType,
    "Which of Twilio's resources the changed row is.",
    {
        ChangedType.SERVICE: "A Service, which holds Sessions; its SID begins with KS.",
        ChangedType.SESSION: "A Session of a Service; its SID begins with KC.",
        ChangedType.PARTICIPANT: "One side of a Session; its SID begins with KP.",
        ChangedType.INTERACTION: "A message or a call within a Session; its SID begins with KI.",
    },
)

_MESSAGE, _CALL = "For a message", "For a call"

_describe(
    InteractionType,
    "Whether an Interaction was a message or a call.",
    {
        InteractionType.MESSAGE: "A text message, relayed between two participants or sent to one.",
        InteractionType.VOICE: "A phone call from one participant to the other.",
        InteractionType.UNKNOWN: "Neither, or a type that Twilio added later.",
    },
)

_describe(
    ResourceStatus,
    "The status of the Message or Call behind a leg, as Twilio last reported it.",
    {
        ResourceStatus.ACCEPTED: f"{_MESSAGE}: Twilio accepted it and is choosing a sender.",
        ResourceStatus.ANSWERED: f"{_CALL}: somebody picked up.",
        ResourceStatus.BUSY: f"{_CALL}: the line was busy.",
        ResourceStatus.CANCELED: "Canceled before it was sent or connected.",
        ResourceStatus.COMPLETED: f"{_CALL}: it was answered and has ended.",
        ResourceStatus.DELETED: "The Message or Call was deleted at Twilio.",
        ResourceStatus.DELIVERED: f"{_MESSAGE}: the carrier confirmed that it arrived.",
        ResourceStatus.DELIVERY_UNKNOWN: f"{_MESSAGE}: it was sent, but the carrier never reported the outcome.",
        ResourceStatus.FAILED: "It could not be sent or connected.",
        ResourceStatus.IN_PROGRESS: f"{_CALL}: the participants are talking.",
        ResourceStatus.INITIATED: f"{_CALL}: Twilio is about to dial.",
        ResourceStatus.NO_ANSWER: f"{_CALL}: nobody picked up.",
        ResourceStatus.QUEUED: "Queued at Twilio, to be sent or dialled.",
        ResourceStatus.RECEIVED: f"{_MESSAGE}: it reached Twilio.",
        ResourceStatus.RECEIVING: f"{_MESSAGE}: it is on its way into Twilio.",
        ResourceStatus.RINGING: f"{_CALL}: the phone is ringing.",
        ResourceStatus.SCHEDULED: f"{_MESSAGE}: it will be sent at a set time.",
        ResourceStatus.SENDING: f"{_MESSAGE}: it is on its way out of Twilio.",
        ResourceStatus.SENT: f"{_MESSAGE}: the carrier accepted it.",
        ResourceStatus.UNDELIVERED: f"{_MESSAGE}: the carrier reported that it did not arrive.",
        ResourceStatus.UNKNOWN: "Twilio reported unknown, or a status that it added later.",
    },
)

_describe(
    ResourceType,
    "The type of the Twilio resource that carried a leg.",
    {
        ResourceType.MESSAGE: "A Message of Twilio's Messaging API; its SID begins with SM or MM.",
        ResourceType.CALL: "A Call of Twilio's Voice API; its SID begins with CA.",
        ResourceType.UNKNOWN: "Something else, such as a chat message of Flex.",
    },
)

_describe(
    SessionStatus,
    "The status of a Session: open, in use, or ended.",
    {
        SessionStatus.OPEN: "Created; its participants can be added and can talk.",
        SessionStatus.IN_PROGRESS: "Its participants have begun to talk.",
        SessionStatus.CLOSED: "Ended; Twilio relays nothing more, and deletes the Session 90 days later.",
        SessionStatus.FAILED: "Twilio could not set it up.",
        SessionStatus.UNKNOWN: "Twilio reported unknown, or a status that it added later.",
    },
)

_describe(
    SessionMode,
    "What a Session relays.",
    {
        SessionMode.MESSAGE_ONLY: "Messages, but no calls.",
        SessionMode.VOICE_ONLY: "Calls, but no messages.",
        SessionMode.VOICE_AND_MESSAGE: "Both calls and messages.",
        SessionMode.UNKNOWN: "A mode that Twilio added later.",
    },
)

_describe(
    GeoMatchLevel,
    "How close a proxy number must be to the number of its participant.",
    {
        GeoMatchLevel.AREA_CODE: "Both numbers are in the same area code.",
        GeoMatchLevel.OVERLAY: "Their area codes overlay the same region.",
        GeoMatchLevel.RADIUS: "They are within the same radius.",
        GeoMatchLevel.COUNTRY: "Both numbers are in the same country.",
        GeoMatchLevel.UNKNOWN: "A level that Twilio added later.",
    },
)

_describe(
    NumberSelectionBehavior,
    "Whether a participant gets the proxy number of an earlier Session again.",
    {
        NumberSelectionBehavior.AVOID_STICKY: "A different number if there is one.",
        NumberSelectionBehavior.PREFER_STICKY: "The same number if it is free.",
        NumberSelectionBehavior.UNKNOWN: "A behaviour that Twilio added later.",
    },
)

_describe(
    DeleteInteractionErrorCode,
    "Why an Interaction was not deleted.",
    {
        DeleteInteractionErrorCode.NOT_FOUND: "No Interaction has this SID, or it is of another Service or Session.",
        DeleteInteractionErrorCode.LEGAL_HOLD: "Twilio keeps it because of a legal hold; it stays here too.",
        DeleteInteractionErrorCode.UPSTREAM_REFUSED: "Twilio refused to delete it; it stays here too.",
        DeleteInteractionErrorCode.UPSTREAM_UNAVAILABLE: "Twilio can't be reached or did not answer; try again.",
    },
)

_FIRST = {"ASC": "the oldest first", "DESC": "the newest first"}

_describe(
    InteractionOrder,
    "The sort key and direction of a list of Interactions.",
    {
        InteractionOrder.DATE_CREATED_ASC: f"When they began, {_FIRST['ASC']}: new ones come at the end.",
        InteractionOrder.DATE_CREATED_DESC: f"When they began, {_FIRST['DESC']}.",
        InteractionOrder.DATE_UPDATED_ASC: f"When they last changed, {_FIRST['ASC']}.",
        InteractionOrder.DATE_UPDATED_DESC: f"When they last changed, {_FIRST['DESC']}.",
    },
)

_describe(
    ParticipantOrder,
    "The sort key and direction of a list of Participants.",
    {
        ParticipantOrder.DATE_CREATED_ASC: f"When they were added, {_FIRST['ASC']}: new ones come at the end.",
        ParticipantOrder.DATE_CREATED_DESC: f"When they were added, {_FIRST['DESC']}.",
        ParticipantOrder.DATE_UPDATED_ASC: f"When they last changed, {_FIRST['ASC']}.",
        ParticipantOrder.DATE_UPDATED_DESC: f"When they last changed, {_FIRST['DESC']}.",
    },
)

_describe(
    SessionOrder,
    "The sort key and direction of a list of Sessions.",
    {
        SessionOrder.DATE_CREATED_ASC: f"When they were created, {_FIRST['ASC']}: new ones come at the end.",
        SessionOrder.DATE_CREATED_DESC: f"When they were created, {_FIRST['DESC']}.",
        SessionOrder.DATE_UPDATED_ASC: f"When they last changed, {_FIRST['ASC']}.",
        SessionOrder.DATE_UPDATED_DESC: f"When they last changed, {_FIRST['DESC']}.",
        SessionOrder.DATE_LAST_INTERACTION_ASC: "When their participants last talked, the longest ago first; those "
        "whose participants never talked come before all others.",
        SessionOrder.DATE_LAST_INTERACTION_DESC: "When their participants last talked, the latest first; those whose "
        "participants never talked come last.",
    },
)

_describe(
    Erasure,
    "Whether a deleted Interaction is completely erased from the archive's files.",
    {
        Erasure.COMPLETE: "No byte of it is left in the files.",
        Erasure.PENDING: "No query finds it, but the files still hold bytes of it. On SQLite, another program reads an "
        "earlier state of the database, or the disk failed; the server retries by itself. On PostgreSQL, every "
        "deletion is pending at first: the bytes stay until the server has rewritten the table, on the standbys too "
        "(purged), and until PostgreSQL's log is past it (closed). The deletion ledger has the time of each stage, and "
        "the reason if one is late.",
    },
)

_describe(
    AtTwilio,
    "The outcome of a deletion at Twilio.",
    {
        AtTwilio.DELETED: "Twilio was asked to delete it, and confirmed that it did.",
        AtTwilio.ALREADY_GONE: "Twilio no longer had it.",
        AtTwilio.NOT_CONNECTED: "The server has no credentials for Twilio, so it is deleted only here, and Twilio "
        "still has it. The next server or sync with the account's credentials deletes it there.",
        AtTwilio.PENDING: "Twilio was asked to delete it, but its answer got lost. Nothing is deleted here until the "
        "outcome is known; the server asks again by itself.",
        AtTwilio.REFUSED: "Twilio refused to delete it; see userErrors.",
    },
)
