"""Twilio's closed lists of words, as its OpenAPI document gives them, each with ``unknown`` as the fallback."""

from enum import StrEnum


class InteractionType(StrEnum):
    """What an Interaction was."""

    MESSAGE = "message"
    VOICE = "voice"
    UNKNOWN = "unknown"


class ResourceStatus(StrEnum):
    """How far the Message or Call behind a leg got."""

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
    """What stands behind a leg; plain strings at Twilio, ``Message`` and ``Call`` in its examples."""

    MESSAGE = "message"
    CALL = "call"
    UNKNOWN = "unknown"


class SessionStatus(StrEnum):
    """Where a Session is in its life."""

    OPEN = "open"
    IN_PROGRESS = "in-progress"
    CLOSED = "closed"
    FAILED = "failed"
    UNKNOWN = "unknown"


class SessionMode(StrEnum):
    """What a Session lets through."""

    MESSAGE_ONLY = "message-only"
    VOICE_ONLY = "voice-only"
    VOICE_AND_MESSAGE = "voice-and-message"
    UNKNOWN = "unknown"


class GeoMatchLevel(StrEnum):
    """How near a proxy number has to be to its participant's."""

    AREA_CODE = "area-code"
    OVERLAY = "overlay"
    RADIUS = "radius"
    COUNTRY = "country"
    UNKNOWN = "unknown"


class NumberSelectionBehavior(StrEnum):
    """Whether a participant keeps the proxy number of earlier Sessions."""

    AVOID_STICKY = "avoid-sticky"
    PREFER_STICKY = "prefer-sticky"
    UNKNOWN = "unknown"


USUAL = {ResourceStatus.RECEIVED, ResourceStatus.DELIVERED, ResourceStatus.COMPLETED, ResourceStatus.SENT}
"""What nearly all that is over has come to, and most of what an archive holds is."""


def usual_first(shown: dict[str, str]) -> dict[str, str]:
    """How words are shown, in the order that SQLite had best compare a column with them."""
    return dict(sorted(shown.items(), key=lambda pair: pair[0] not in USUAL))
