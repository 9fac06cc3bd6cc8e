"""The Session: one conversation between two masked participants."""

from typing import ClassVar

from store.columns import (
    Instant,
    Integer,
    MaybeInstant,
    MaybeSessionMode,
    MaybeSessionStatus,
    OwnText,
    Record,
    Sid,
    Text,
)
from store.relations import Relation


class Session(Record, frozen=True, array_like=True, gc=False):
    """A row of ``session``: Twilio's properties, and when its retention was seen to have taken it."""

    table: ClassVar[str] = "session"
    prefix: ClassVar[str] = "KC"
    noun: ClassVar[str] = "Session"

    service_sid: Sid
    account_sid: Sid
    unique_name: Text
    status: MaybeSessionStatus
    closed_reason: Text
    mode: MaybeSessionMode
    ttl: Integer
    date_started: MaybeInstant
    date_ended: MaybeInstant
    date_last_interaction: MaybeInstant
    date_expiry: MaybeInstant
    date_updated: Instant
    url: Text
    archived_at: OwnText
    extra: Text


ALL = Relation("Query.sessions", Session, ("TRUE",))
OF_SERVICE = Relation("Service.sessions", Session, ("service_sid = parent.value",))
