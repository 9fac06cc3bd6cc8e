"""The Interaction type and its legs."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from resolvers import interactions
from schema.enums import InteractionType, ResourceStatus, ResourceType
from schema.fields import column, content, resolved
from schema.node import Node
from schema.scalars import DateTime
from store.columns import Record
from store.interactions import Interaction as InteractionRecord

if TYPE_CHECKING:
    from schema.participants import Participant
    from schema.services import Service
    from schema.sessions import Session


@strawberry.type(
    description="One side of an Interaction, into Twilio or out of it: its participant, and the Message "
    "or Call that carried it."
)
class Leg:
    """A view of store.interactions.Leg."""

    participant_sid: strawberry.ID | None = column(
        "The SID of the participant on this side: KP and 32 hexadecimal digits."
    )
    participant: Annotated["Participant", strawberry.lazy("schema.participants")] | None = resolved(
        interactions.participant, "The participant on this side; null if Twilio names none or the archive lacks it."
    )
    resource_sid: strawberry.ID | None = column("The SID of the Message (SM, MM) or Call (CA) behind this leg.")
    resource_status: ResourceStatus | None = column("The status of this Message or Call.")
    resource_type: ResourceType | None = column("Whether the resource is a Message or a Call.")
    resource_url: str | None = column("The resource's address in Twilio's REST API.")


@strawberry.type(
    description="A Twilio Proxy Interaction: one message or call, with a leg into Twilio and a leg out of it."
)
class Interaction(Node):
    """A view of store.interactions.Interaction."""

    of: ClassVar[type[Record]] = InteractionRecord

    sid: strawberry.ID = column("The Interaction's SID, KI and 32 hexadecimal digits; the same as id.")
    session_sid: strawberry.ID = column("The SID of the Interaction's Session: KC and 32 hexadecimal digits.")
    service_sid: strawberry.ID = column("The SID of the Session's Service.")
    account_sid: strawberry.ID = column("The SID of the Twilio account that owns it.")
    type: InteractionType = column("Whether it is a message or a call.")
    data: str | None = content(
        "Twilio's data about the Interaction, as JSON text. Personal data; null without read:content."
    )
    body: str | None = content(
        "The text of a message, from data; null for a call. Personal data; null without read:content."
    )
    duration_seconds: int | None = column(
        "The duration of a call in seconds, from data; null if Twilio doesn't know it."
    )
    inbound: Leg | None = column("The leg into Twilio; null if there is none, as for a message that the API sent.")
    outbound: Leg | None = column("The leg out of Twilio; null if there is none, as for a message that wasn't relayed.")
    date_created: DateTime = column("When the Interaction began, by Twilio's clock; not when it was copied here.")
    date_updated: DateTime = column("When the Interaction last changed, for example the status of a leg.")
    url: str | None = column("The Interaction's address in Twilio's REST API.")
    kept_at: DateTime | None = column(
        "When somebody chose, by sync --keep, to keep the Interaction although it was deleted at Twilio; else null."
    )

    session: Annotated["Session", strawberry.lazy("schema.sessions")] = resolved(
        interactions.session, "The Session in which the participants talked."
    )
    service: Annotated["Service", strawberry.lazy("schema.services")] = resolved(
        interactions.service, "The Service that its Session belongs to."
    )
