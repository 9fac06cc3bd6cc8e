"""How the fields of a Session that are more than a column are answered."""

from collections.abc import Awaitable

import strawberry

from resolvers.connections import connection_of
from resolvers.context import Info
from resolvers.nodes import find, find_under, known
from resolvers.sids import InteractionSid, ParticipantSid, SessionSid
from store import interactions as interaction_rows
from store import participants as participant_rows
from store import sessions as session_rows
from store.interactions import Interaction
from store.participants import Participant
from store.queries import Page
from store.services import Service
from store.sessions import Session

ALL_PARTICIPANTS = Page(participant_rows.OF_SESSION)

sessions = connection_of(session_rows.ALL)
interactions = connection_of(interaction_rows.OF_SESSION)


def session(info: Info, sid: SessionSid) -> Awaitable[Session | None]:
    """``Query.session``."""
    return find(info, Session, sid)


def service(parent: strawberry.Parent[Session], info: Info) -> Awaitable[Service | None]:
    """``Session.service``."""
    return known(info, Service, parent.service_sid)


def participants(parent: strawberry.Parent[Session], info: Info) -> Awaitable[list[Participant]]:
    """``Session.participants``."""
    return info.context.loaders.load(ALL_PARTICIPANTS, parent.sid)


def participant(parent: strawberry.Parent[Session], info: Info, sid: ParticipantSid) -> Awaitable[Participant | None]:
    """``Session.participant``."""
    return find_under(info, Participant, sid, parent)


def interaction(parent: strawberry.Parent[Session], info: Info, sid: InteractionSid) -> Awaitable[Interaction | None]:
    """``Session.interaction``."""
    return find_under(info, Interaction, sid, parent)
