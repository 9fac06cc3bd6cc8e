"""The resolvers of a Participant, for all fields that are not columns."""

from collections.abc import Awaitable

import strawberry

import store.interactions
from resolvers.context import Info
from resolvers.interactions import interactions_of
from resolvers.nodes import load_record
from resolvers.resolver_specs import ReferenceSpec, resolver_spec
from store.participants import Participant
from store.sessions import Session

interactions = interactions_of(store.interactions.OF_PARTICIPANT)


@resolver_spec(ReferenceSpec(Session, "session_sid"))
def session(parent: strawberry.Parent[Participant], info: Info) -> Awaitable[Session | None]:
    """``Participant.session``."""
    return load_record(info, Session, parent.session_sid)
