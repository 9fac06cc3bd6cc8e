"""The Service type."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from resolvers import services
from schema.connections import Connection
from schema.enums import GeoMatchLevel, NumberSelectionBehavior
from schema.fields import column, resolved
from schema.node import Node
from schema.scalars import DateTime
from store.columns import Record
from store.services import Service as ServiceRecord

if TYPE_CHECKING:
    from schema.interactions import Interaction
    from schema.participants import Participant
    from schema.sessions import Session


@strawberry.type(
    description="A Twilio Proxy Service: a pool of proxy numbers, the rules for picking them, and the "
    "Sessions that use them."
)
class Service(Node):
    """A view of store.services.Service."""

    of: ClassVar[type[Record]] = ServiceRecord

    sid: strawberry.ID = column("The Service's SID, KS and 32 hexadecimal digits; the same as id.")
    account_sid: strawberry.ID = column("The SID of the Twilio account that owns it.")
    unique_name: str | None = column("The account's name for the Service, unique in the account.")
    chat_instance_sid: strawberry.ID | None = column(
        "The SID of the Service's Chat instance: IS and 32 hexadecimal digits."
    )
    callback_url: str | None = column("The address that Twilio calls for each interaction.")
    intercept_callback_url: str | None = column(
        "The address that Twilio asks before it relays an interaction; an answer of 403 blocks it."
    )
    out_of_session_callback_url: str | None = column(
        "The address that Twilio asks when somebody calls or texts a proxy number outside of any open Session."
    )
    default_ttl: int | None = column(
        "How many seconds a new Session lives after its last interaction, unless it has its own ttl; 0 means for ever."
    )
    geo_match_level: GeoMatchLevel | None = column("How close a proxy number must be to the number of its participant.")
    number_selection_behavior: NumberSelectionBehavior | None = column(
        "Whether a participant gets the proxy number of earlier Sessions again."
    )
    date_created: DateTime = column(
        "When the Service was created at Twilio, which may be long before it was copied here."
    )
    date_updated: DateTime = column("When the Service last changed at Twilio.")
    url: str | None = column("The Service's address in Twilio's REST API.")

    session: Annotated["Session", strawberry.lazy("schema.sessions")] | None = resolved(
        services.session, "The Session with this SID, if it is one of this Service."
    )
    sessions: Connection[Annotated["Session", strawberry.lazy("schema.sessions")]] = resolved(
        services.sessions, "The Sessions of this Service, each a conversation between two people."
    )
    participants: Connection[Annotated["Participant", strawberry.lazy("schema.participants")]] = resolved(
        services.participants, "The Participants of all Sessions of this Service, in one list."
    )
    interactions: Connection[Annotated["Interaction", strawberry.lazy("schema.interactions")]] = resolved(
        services.interactions, "The Interactions of all Sessions of this Service, in one list."
    )
