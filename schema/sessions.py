"""The Session type."""

from typing import TYPE_CHECKING, Annotated, ClassVar

import strawberry

from resolvers import sessions
from schema.connections import Connection
from schema.enums import SessionMode, SessionStatus
from schema.fields import column, resolved
from schema.node import Node
from schema.scalars import DateTime
from store.columns import Record
from store.sessions import Session as SessionRecord

if TYPE_CHECKING:
    from schema.interactions import Interaction
    from schema.participants import Participant
    from schema.services import Service


@strawberry.type(
    description="A Twilio Proxy Session: one conversation between two participants who know only each "
    "other's proxy number."
)
class Session(Node):
    """A view of store.sessions.Session."""

    of: ClassVar[type[Record]] = SessionRecord

    sid: strawberry.ID = column("The Session's SID, KC and 32 hexadecimal digits; the same as id.")
    service_sid: strawberry.ID = column("The SID of the Session's Service: KS and 32 hexadecimal digits.")
    account_sid: strawberry.ID = column("The SID of the Twilio account that owns it.")
    unique_name: str | None = column("The account's name for the Session, unique in its Service.")
    status: SessionStatus | None = column(
        "The Session's status: whether its participants can talk, have begun to, or no longer can."
    )
    closed_reason: str | None = column(
        "Why the Session ended, in Twilio's words, such as api. Twilio publishes no list of these words."
    )
    mode: SessionMode | None = column("What the Session relays: messages, calls or both.")
    ttl: int | None = column(
        "How many seconds the Session lives after its last interaction, or after it was created; 0 means for ever."
    )
    date_started: DateTime | None = column("When the Session started, according to Twilio; null if it hasn't.")
    date_ended: DateTime | None = column("When the Session expired or was closed; null if it hasn't ended.")
    date_last_interaction: DateTime | None = column("When its participants last talked; null if they never did.")
    date_expiry: DateTime | None = column("When the Session expires; this overrides ttl.")
    date_created: DateTime = column(
        "When the Session was created at Twilio, which may be long before it was copied here."
    )
    date_updated: DateTime = column("When the Session last changed at Twilio.")
    url: str | None = column("The Session's address in Twilio's REST API.")
    archived_at: DateTime | None = column(
        "When a sync found that Twilio's retention had deleted the Session, 90 days or more after it was closed; null "
        "while Twilio has it. Now only this archive has it."
    )
    kept_at: DateTime | None = column(
        "When somebody chose, by sync --keep, to keep the Session although it was deleted at Twilio; null otherwise."
    )

    service: Annotated["Service", strawberry.lazy("schema.services")] = resolved(
        sessions.service, "The Session's Service, whose proxy numbers it uses."
    )
    participants: list[Annotated["Participant", strawberry.lazy("schema.participants")]] = resolved(
        sessions.participants, "The Session's two participants, and those who were removed (dateDeleted is set)."
    )
    participants_connection: Connection[Annotated["Participant", strawberry.lazy("schema.participants")]] = resolved(
        sessions.participants_connection,
        "The Session's participants page by page, with a filter and an order; for Sessions with very many.",
    )
    participant: Annotated["Participant", strawberry.lazy("schema.participants")] | None = resolved(
        sessions.participant, "The Participant with this SID, if it is one of this Session."
    )
    interaction: Annotated["Interaction", strawberry.lazy("schema.interactions")] | None = resolved(
        sessions.interaction, "The Interaction with this SID, if it is one of this Session."
    )
    interactions: Connection[Annotated["Interaction", strawberry.lazy("schema.interactions")]] = resolved(
        sessions.interactions, "The Interactions of this Session: its messages and calls."
    )
