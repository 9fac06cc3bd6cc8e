"""The Participant type."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from resolvers import participants
from schema.connections import Connection
from schema.fields import column, content, resolved
from schema.node import Node
from schema.scalars import DateTime
from store.columns import Record
from store.participants import Participant as ParticipantRecord

if TYPE_CHECKING:
    from schema.interactions import Interaction
    from schema.sessions import Session


@strawberry.type(
    description="A Twilio Proxy Participant: one side of a Session, whose own number the other side never sees."
)
class Participant(Node):
    """A view of store.participants.Participant."""

    of: ClassVar[type[Record]] = ParticipantRecord

    sid: strawberry.ID = column("The Participant's SID, KP and 32 hexadecimal digits; the same as id.")
    session_sid: strawberry.ID = column("The SID of the Session that it takes part in.")
    service_sid: strawberry.ID = column("The SID of the Session's Service.")
    account_sid: strawberry.ID = column("The SID of the Twilio account that owns it.")
    friendly_name: str | None = column(
        "The account's label for this participant, such as Driver. It should not be the person's name."
    )
    identifier: str | None = content(
        "The participant's own phone number in E.164, or channel address such as messenger:123. Personal data; null "
        "without read:content."
    )
    proxy_identifier: str | None = column("The proxy number that this participant calls and texts.")
    proxy_identifier_sid: strawberry.ID | None = column("The SID of that proxy number: PN and 32 hexadecimal digits.")
    date_deleted: DateTime | None = column("When the participant was removed from the Session; null if it wasn't.")
    date_created: DateTime = column("When the participant was added to the Session.")
    date_updated: DateTime = column("When the participant last changed at Twilio.")
    url: str | None = column("The Participant's address in Twilio's REST API.")

    session: Annotated["Session", strawberry.lazy("schema.sessions")] = resolved(
        participants.session, "The Session that it takes part in."
    )
    interactions: Connection[Annotated["Interaction", strawberry.lazy("schema.interactions")]] = resolved(
        participants.interactions, "The Interactions that have this participant on either leg."
    )
