"""The resolvers of a Session, for all fields that are not columns."""

from collections.abc import Awaitable, Callable

import strawberry
from strawberry import UNSET

import store.interactions
import store.participants
import store.sessions
from resolvers.arguments.filters import SessionFilterArgument, demand_content, session_filter
from resolvers.arguments.orders import SessionOrderBy, order_of
from resolvers.arguments.paging import After, Before, First, Last, PageArguments
from resolvers.arguments.sids import InteractionSid, ParticipantSid, SessionSid
from resolvers.connections import Connection
from resolvers.context import Info
from resolvers.interactions import interactions_of
from resolvers.nodes import find, find_under, load_record
from resolvers.participants import participants_of
from resolvers.resolver_specs import ConnectionSpec, ListSpec, LookupSpec, ReferenceSpec, resolver_spec
from store.columns import Record
from store.interactions import Interaction
from store.lists.relations import Relation
from store.participants import Participant
from store.queries.pages import Page
from store.services import Service
from store.sessions import Session

ALL_PARTICIPANTS = Page(store.participants.OF_SESSION)

interactions = interactions_of(store.interactions.OF_SESSION)
participants_connection = participants_of(store.participants.CONNECTED_OF_SESSION)


def sessions_of(relation: Relation[Session]) -> Callable[..., Connection[Session]]:
    """The resolver of a field that lists the Sessions of its parent, or at the root all Sessions."""

    def resolve(
        root: Record | None,
        info: Info,
        filter: SessionFilterArgument = UNSET,
        order_by: SessionOrderBy = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Connection[Session]:
        page = PageArguments(first, after, last, before)
        wanted = session_filter(filter)
        demand_content(wanted, info.context.access)
        return Connection(info.context, relation, root, page, order_of(order_by), wanted)

    return resolver_spec(ConnectionSpec(relation, order_of, session_filter))(resolve)


sessions = sessions_of(store.sessions.ALL)


@resolver_spec(LookupSpec(Session))
def session(info: Info, sid: SessionSid) -> Awaitable[Session | None]:
    """``Query.session``."""
    return find(info, Session, sid)


@resolver_spec(ReferenceSpec(Service, "service_sid"))
def service(parent: strawberry.Parent[Session], info: Info) -> Awaitable[Service | None]:
    """``Session.service``."""
    return load_record(info, Service, parent.service_sid)


@resolver_spec(ListSpec(store.participants.OF_SESSION))
def participants(parent: strawberry.Parent[Session], info: Info) -> Awaitable[list[Participant]]:
    """``Session.participants``."""
    return info.context.loaders.load(ALL_PARTICIPANTS, parent.sid)


@resolver_spec(LookupSpec(Participant, under=True))
def participant(parent: strawberry.Parent[Session], info: Info, sid: ParticipantSid) -> Awaitable[Participant | None]:
    """``Session.participant``."""
    return find_under(info, Participant, sid, parent)


@resolver_spec(LookupSpec(Interaction, under=True))
def interaction(parent: strawberry.Parent[Session], info: Info, sid: InteractionSid) -> Awaitable[Interaction | None]:
    """``Session.interaction``."""
    return find_under(info, Interaction, sid, parent)
