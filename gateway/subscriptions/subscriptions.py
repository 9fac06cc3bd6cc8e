"""The subscriptions of one server: both transports over the same operations, limits and open connections."""

from gateway.auth.authentication import Authenticator
from gateway.endpoint.operations import Operations
from gateway.endpoint.persisted import PersistedDocuments
from gateway.http.rate_limit import Rates
from gateway.settings.subscriptions import SubscriptionSettings
from gateway.subscriptions.event_streams import EventStreams
from gateway.subscriptions.limit import SubscriptionLimit
from gateway.subscriptions.open_streams import OpenStreams
from gateway.subscriptions.responses import Responses
from gateway.subscriptions.websockets import LogOperation, WebSockets


class Subscriptions:
    """``events`` answers requests by streams of events, ``websockets`` serves WebSockets."""

    def __init__(
        self,
        operations: Operations,
        authenticator: Authenticator,
        documents: PersistedDocuments,
        rates: Rates,
        settings: SubscriptionSettings,
        log: LogOperation,
    ) -> None:
        self._streams = OpenStreams(authenticator, settings.max_subscriptions)
        self._responses = Responses(operations, SubscriptionLimit(settings))
        self.events = EventStreams(self._responses, authenticator, self._streams)
        self.websockets = WebSockets(
            self._responses, authenticator, self._streams, documents, rates, operations.limits.max_body, log
        )
        self.check, self.drain = self._streams.check, self._streams.drain

    async def close(self) -> None:
        """Ends all subscriptions, and waits for the mutations whose clients have gone."""
        self.drain()
        await self._responses.close()
