"""The Participant: one side of a Session; the other side sees only its proxy number."""

from typing import ClassVar

from store.columns import Instant, MaybeInstant, Record, Sid, Text
from store.lists.filters import equal
from store.lists.relations import AccessPath, Indexes, IndexRange, Relation


class Participant(Record, frozen=True, array_like=True, gc=False):
    """A row of ``participant``: Twilio's properties; ``date_deleted`` is set if the Participant was removed."""

    table: ClassVar[str] = "participant"
    prefix: ClassVar[str] = "KP"
    noun: ClassVar[str] = "Participant"
    personal: ClassVar[tuple[str, ...]] = (
        *("friendly_name", "identifier", "proxy_identifier", "proxy_identifier_sid", "extra"),
    )

    session_sid: Sid
    service_sid: Sid
    account_sid: Sid
    friendly_name: Text
    identifier: Text
    proxy_identifier: Text
    proxy_identifier_sid: Text
    date_deleted: MaybeInstant
    date_updated: Instant
    url: Text
    extra: Text


INDEXES = Indexes(
    narrow=(AccessPath("session_sid", (IndexRange("participant_by_session", equal("session_sid")),)),),
    wide=(),
)
OF_SESSION = Relation("Session.participants", Participant, "session_sid", {}, INDEXES)
