"""Twilio's enumerations, from its OpenAPI document. Each has ``unknown`` for values that Twilio may add later."""

from enum import StrEnum


class InteractionType(StrEnum):
    """Whether an Interaction is a message or a call."""

    MESSAGE = "message"
    VOICE = "voice"
    UNKNOWN = "unknown"


class ResourceStatus(StrEnum):
    """The status of the Message or Call behind a leg."""

    ACCEPTED = "accepted"
    ANSWERED = "answered"
    BUSY = "busy"
    CANCELED = "canceled"
    COMPLETED = "completed"
    DELETED = "deleted"
    DELIVERED = "delivered"
    DELIVERY_UNKNOWN = "delivery-unknown"
    FAILED = "failed"
    IN_PROGRESS = "in-progress"
    INITIATED = "initiated"
    NO_ANSWER = "no-answer"
    QUEUED = "queued"
    RECEIVED = "received"
    RECEIVING = "receiving"
    RINGING = "ringing"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    UNDELIVERED = "undelivered"
    UNKNOWN = "unknown"


class ResourceType(StrEnum):
    """The type of the resource behind a leg. Twilio has plain strings: ``Message`` and ``Call`` in its examples."""

    MESSAGE = "message"
    CALL = "call"
    UNKNOWN = "unknown"


class SessionStatus(StrEnum):
    """The status of a Session."""

    OPEN = "open"
    IN_PROGRESS = "in-progress"
    CLOSED = "closed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class SessionMode(StrEnum):
    """What a Session relays."""

    MESSAGE_ONLY = "message-only"
    VOICE_ONLY = "voice-only"
    VOICE_AND_MESSAGE = "voice-and-message"
    UNKNOWN = "unknown"


class GeoMatchLevel(StrEnum):
    """How close a proxy number must be to its participant's number."""

    AREA_CODE = "area-code"
    OVERLAY = "overlay"
    RADIUS = "radius"
    COUNTRY = "country"
    UNKNOWN = "unknown"


class NumberSelectionBehavior(StrEnum):
    """Whether a participant gets the proxy number of earlier Sessions again."""

    AVOID_STICKY = "avoid-sticky"
    PREFER_STICKY = "prefer-sticky"
    UNKNOWN = "unknown"


FREQUENT_STATUSES = {ResourceStatus.RECEIVED, ResourceStatus.DELIVERED, ResourceStatus.COMPLETED, ResourceStatus.SENT}
"""The statuses of nearly all finished messages and calls."""


def usual_first(shown: dict[str, str]) -> dict[str, str]:
    """``shown`` with the most frequent statuses first, because SQLite compares a column with each in turn."""
    return dict(sorted(shown.items(), key=lambda pair: pair[0] not in FREQUENT_STATUSES))
