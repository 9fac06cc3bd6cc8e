"""The resolvers of a Service, for all fields that are not columns."""

from collections.abc import Awaitable

import strawberry

import store.interactions
import store.participants
import store.services
import store.sessions
from resolvers.arguments.sids import ServiceSid, SessionSid
from resolvers.connections import connection_of
from resolvers.context import Info
from resolvers.interactions import interactions_of
from resolvers.nodes import find, find_under
from resolvers.participants import participants_of
from resolvers.resolver_specs import LookupSpec, resolver_spec
from resolvers.sessions import sessions_of
from store.services import Service
from store.sessions import Session

services = connection_of(store.services.ALL)
sessions = sessions_of(store.sessions.OF_SERVICE)
participants = participants_of(store.participants.OF_SERVICE)
interactions = interactions_of(store.interactions.OF_SERVICE)


@resolver_spec(LookupSpec(Service))
def service(info: Info, sid: ServiceSid) -> Awaitable[Service | None]:
    """``Query.service``."""
    return find(info, Service, sid)


@resolver_spec(LookupSpec(Session, under=True))
def session(parent: strawberry.Parent[Service], info: Info, sid: SessionSid) -> Awaitable[Session | None]:
    """``Service.session``."""
    return find_under(info, Session, sid, parent)
