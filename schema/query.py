"""The root of queries."""

import strawberry

from resolvers import interactions, nodes, services, sessions, sync_status
from schema.connections import Connection
from schema.fields import resolved
from schema.interactions import Interaction
from schema.node import Node
from schema.services import Service
from schema.sessions import Session
from schema.sync_status import SyncStatus


@strawberry.type(description="Where every query starts. A path of Service, Session and Interaction is Twilio's own.")
class Query:
    """The root of queries."""

    node: Node | None = resolved(nodes.node, "Anything with this id; null where there is nothing.")
    nodes: list[Node | None] = resolved(
        nodes.nodes, "One for each of the ids, in their order; null where there is nothing."
    )
    service: Service | None = resolved(services.service, "The Service with this SID; null where there is none.")
    services: Connection[Service] = resolved(
        services.services, "All Services of the account, each with its Sessions and their Interactions."
    )
    session: Session | None = resolved(sessions.session, "The Session with this SID; null where there is none.")
    sessions: Connection[Session] = resolved(
        sessions.sessions, "The Sessions of all Services in one list; Twilio's own API has no such list."
    )
    interaction: Interaction | None = resolved(
        interactions.interaction, "The Interaction with this SID, wherever it is; null where there is none."
    )
    interactions: Connection[Interaction] = resolved(
        interactions.interactions,
        "The Interactions of all Sessions of all Services in one list; Twilio's own API has no such list.",
    )
    sync_status: SyncStatus = resolved(
        sync_status.sync_status, "How fresh the archive is, so that a reader can tell what may be missing."
    )
