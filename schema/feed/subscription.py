"""The root of subscriptions."""

import strawberry

from resolvers import sync_status
from schema.fields import subscribed
from schema.sync_status import SyncStatus


@strawberry.type(
    description="The root of all subscriptions, over graphql-sse (Accept: text/event-stream) and graphql-transport-ws."
)
class Subscription:
    """The root of subscriptions."""

    sync_status: SyncStatus = subscribed(
        sync_status.sync_statuses,
        "How up to date the archive is: at once, and then whenever it changes, at most once a second.",
    )
