"""Twilio's values with their names in GraphQL, for the Python peers."""

from enum import Enum


class InteractionType(Enum):
    """The type of an interaction."""

    MESSAGE = "message"
    VOICE = "voice"
    UNKNOWN = "unknown"


class ResourceType(Enum):
    """The type of a leg's resource."""

    MESSAGE = "message"
    CALL = "call"
    UNKNOWN = "unknown"


class ResourceStatus(Enum):
    """The status of a leg's resource."""

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
