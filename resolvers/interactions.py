"""How the fields of an Interaction and of its legs that are more than a column are answered."""

from collections.abc import Awaitable

import strawberry

from resolvers.connections import connection_of
from resolvers.context import Info
from resolvers.nodes import find, known
from resolvers.sids import InteractionSid
from store import interactions as interaction_rows
from store.interactions import Interaction, Leg
from store.participants import Participant
from store.services import Service
from store.sessions import Session

interactions = connection_of(interaction_rows.ALL)


def interaction(info: Info, sid: InteractionSid) -> Awaitable[Interaction | None]:
    """``Query.interaction``."""
    return find(info, Interaction, sid)


def session(parent: strawberry.Parent[Interaction], info: Info) -> Awaitable[Session | None]:
    """``Interaction.session``."""
    return known(info, Session, parent.session_sid)


def service(parent: strawberry.Parent[Interaction], info: Info) -> Awaitable[Service | None]:
    """``Interaction.service``."""
    return known(info, Service, parent.service_sid)


def participant(parent: strawberry.Parent[Leg], info: Info) -> Awaitable[Participant | None] | None:
    """``Leg.participant``; None where the leg names none, or one that the archive doesn't hold."""
    return known(info, Participant, parent.participant_sid) if parent.participant_sid else None
