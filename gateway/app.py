"""The ASGI application: routes requests to GraphQL, the health probes, the metrics and GraphiQL's files."""

import asyncio
import logging
import math
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from gateway.auth.authentication import Authenticator, TokenVerifier
from gateway.background import Background
from gateway.endpoint.graphql_http import GraphQLOverHTTP
from gateway.endpoint.operations import Operations
from gateway.endpoint.persisted import PersistedDocuments, read_manifest
from gateway.endpoint.statuses import database_unavailable
from gateway.graphiql.built import Files
from gateway.http.exchange import ClientGone, Exchange, HttpError, Receive, Scope, Send
from gateway.http.handshake import Handshake
from gateway.http.origins import Browsers
from gateway.http.rate_limit import Rates
from gateway.observe import metrics
from gateway.observe.access_log import AccessLog
from gateway.observe.logs import LogSettings
from gateway.observe.request_log import RequestLog
from gateway.observe.tracing import Tracing, tracing_from_environment
from gateway.readiness import reason_not_ready
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.callbacks import CALLBACK_PATH, CallbackSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import Limits, Protocol, ServeSettings
from gateway.settings.subscriptions import SubscriptionSettings
from gateway.shutdown import DRAINING
from gateway.subscriptions.subscriptions import Subscriptions
from gateway.subscriptions.websockets import WebSockets
from gateway.upkeep import clean
from resolvers.context import SyncFailure
from resolvers.errors import masked
from resolvers.upstream import Upstream
from store.archive import open_archive
from store.demo import demo_mark
from store.engine.protocols import Archive
from store.erasure.interactions import recover
from store.errors import Unavailable
from store.live.updates import LiveUpdates
from store.sync import left_out
from store.sync.runs import last_complete
from store.sync.state import check_account

if TYPE_CHECKING:
    from gateway.callbacks.endpoint import CallbackEndpoint

PLAIN = b"text/plain; charset=utf-8"
CLIENT_GONE = 499
"""The status in logs and metrics of a request whose client disconnected before the response, as in nginx."""

log = logging.getLogger("proxygraph.gateway")


class Gateway:
    """Opens the archive at startup, finishes deletions that a crash interrupted, and responds to requests."""

    def __init__(
        self,
        settings: ServeSettings,
        twilio: TwilioSettings | None = None,
        check_for_damage: bool = True,
        limits: Limits | None = None,
        protocol: Protocol | None = None,
        access: AccessSettings | None = None,
        jwt: JwtSettings | None = None,
        logs: LogSettings | None = None,
        subscriptions: SubscriptionSettings | None = None,
        callbacks: CallbackSettings | None = None,
    ) -> None:
        self._settings = settings
        self._limits, self._protocol = limits or Limits.of({}), protocol or Protocol.of({})
        self._access = access or AccessSettings.of({})
        self._subscriptions = subscriptions or SubscriptionSettings.of({})
        self._jwt = jwt
        self._browsers = Browsers(self._access)
        self._authenticator: Authenticator | None = None
        self._tracing = Tracing()
        self._request_log = RequestLog(AccessLog(logs or LogSettings.of({})))
        self._twilio = twilio
        self._check_for_damage = check_for_damage
        self._graphql: GraphQLOverHTTP | None = None
        self._websockets: WebSockets | None = None
        self._archive: Archive | None = None
        self._stack = AsyncExitStack()
        self._background = Background()
        self._graphiql_files = Files()
        self._callback_settings = callbacks or CallbackSettings.of({})
        self._callbacks: CallbackEndpoint | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI 3 interface (https://asgi.readthedocs.io/en/latest/specs/main.html)."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        await self._respond(Exchange(scope, receive, send, self._browsers.headers, DRAINING.begun))

    async def _respond(self, exchange: Exchange) -> None:
        is_graphql = exchange.path == "/graphql"
        span = self._tracing.begin(exchange) if is_graphql else None
        try:
            await self._answer(exchange)
        except HttpError as error:
            await exchange.refuse(error)
        except ClientGone:
            exchange.status = CLIENT_GONE
        except asyncio.CancelledError:
            if not exchange.connection.is_cancelled:
                raise
            exchange.status = CLIENT_GONE
        except Unavailable:
            await exchange.refuse(database_unavailable())
        except Exception as error:
            if exchange.status:
                raise
            await exchange.refuse(HttpError(500, masked(error, "the request"), code="INTERNAL_SERVER_ERROR"))
        finally:
            self._request_log.add(exchange)
            if span and (exchange.operation or exchange.status >= 400):
                self._tracing.end(span, exchange)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accepts a WebSocket of GraphQL's; ignores another request to upgrade, as HTTP/1.1 allows (RFC 9110 §7.8)."""
        await receive()
        exchange = Handshake(scope, receive, send, self._browsers.headers)
        offered = scope.get("subprotocols") or ()
        if exchange.path != "/graphql" or not self._websockets or not offered:
            await self._respond(exchange)
            return
        try:
            self._browsers.check(exchange)
            self._browsers.check_websocket(exchange.headers)
            await self._websockets(exchange, receive, send)
        except HttpError as error:
            await exchange.refuse(error)
        finally:
            self._request_log.add(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        if exchange.path == CALLBACK_PATH and self._callbacks:  # Its signature counts, whatever its Host is.
            await self._callbacks(exchange)
            return
        self._browsers.check(exchange)
        if exchange.method == "OPTIONS" and (preflight := self._browsers.preflight(exchange.headers)):
            await exchange.respond(204, None, b"", preflight)
        elif exchange.path == "/graphql" and self._graphql:
            await self._graphql(exchange)
        else:
            await self._route(exchange)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            settings = self._settings
            opened = open_archive(
                settings.database, self._check_for_damage, settings.search_seconds, replicas=settings.replicas
            )
            archive = await self._stack.enter_async_context(opened)
            if note := await archive.caution():
                log.warning(note)
            for note in await archive.hindrances():
                log.info(note)
            if finished := await recover(archive):
                log.info("Finished %d deletions that a crash had interrupted.", finished)
            upstream = None
            if self._twilio and await demo_mark(archive) is None:
                upstream = await self._connect(archive, self._twilio)
            self._stack.push_async_callback(self._background.stop)
            self._tracing = tracing_from_environment()
            self._stack.push_async_callback(asyncio.to_thread, self._tracing.close)
            self._background.start("loop", metrics.watch_loop)
            self._background.start("cleaning", partial(clean, archive))
            tokens = await self._token_verifier(self._jwt) if self._jwt else None
            self._authenticator = Authenticator(archive, self._access.require_key, tokens, rate=self._limits.rate)
            self._stack.push_async_callback(self._authenticator.wait_for_notes)
            await self._serve_graphql(archive, upstream, self._authenticator)
            self._archive = archive
        except Exception as error:
            await self._stack.aclose()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._archive = self._graphql = self._websockets = self._callbacks = None
        await self._stack.aclose()
        self._request_log.flush()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_graphql(self, archive: Archive, upstream: Upstream | None, authenticator: Authenticator) -> None:
        live = LiveUpdates(archive)
        self._stack.push_async_callback(live.close)
        operations = Operations(archive, upstream, self._access, self._limits, self._settings, live, self._sync_failure)
        protocol, rates = self._protocol, Rates(self._limits.rate)
        listed = read_manifest(protocol.documents) if protocol.documents else {}
        documents = PersistedDocuments(listed, protocol.documents_mode)
        subscriptions = Subscriptions(
            operations, authenticator, documents, rates, self._subscriptions, self._request_log.add_operation
        )
        self._stack.push_async_callback(subscriptions.close)
        DRAINING.when_begun(subscriptions.drain)
        self._stack.callback(DRAINING.forget, subscriptions.drain)
        self._websockets = subscriptions.websockets
        self._graphql = GraphQLOverHTTP(
            operations, authenticator, self._access, documents, rates, protocol.legacy_status, subscriptions.events
        )
        with suppress(Exception):  # The background task tries again, and logs it.
            await operations.measure_lists()
        self._background.start("lists", operations.measure_lists)
        self._background.start("subscriptions", subscriptions.check)

    async def _token_verifier(self, settings: JwtSettings) -> TokenVerifier:
        # Imported only here for the same reason as in _connect.
        import aiohttp

        from gateway.auth.jwts import JwtVerifier

        return JwtVerifier(settings, await self._stack.enter_async_context(aiohttp.ClientSession()))

    async def _connect(self, archive: Archive, settings: TwilioSettings) -> Upstream:
        # Imported only here: a server without a Twilio account saves the memory of these modules.
        from gateway.callbacks.completion import Completion
        from gateway.callbacks.endpoint import endpoint_of
        from gateway.sync.schedule import ScheduledSync
        from gateway.twilio.client import connected
        from gateway.twilio.pending_deletions import PendingDeletions
        from gateway.twilio.upstream import TwilioUpstream

        await check_account(archive, settings.account_sid)
        twilio = await self._stack.enter_async_context(connected(settings))
        upstream = TwilioUpstream(twilio)
        self._background.start("twilio", PendingDeletions(archive, twilio))
        self._callbacks = endpoint_of(archive, self._callback_settings, settings, self._limits.max_body)
        if self._callbacks:
            self._background.start("callbacks", Completion(archive, twilio))
            self._stack.push_async_callback(self._callbacks.finish)
        if self._settings.sync_every:
            scheduled = ScheduledSync(
                archive,
                twilio,
                SyncSettings.of({"database": self._settings.database}),
                timedelta(seconds=self._settings.sync_every),
                timedelta(hours=self._settings.sync_full_every),
            )
            self._background.start("sync", scheduled)
        return upstream

    def _sync_failure(self) -> SyncFailure | None:
        failure = self._background.failures.get("sync")
        return SyncFailure(failure.at, failure.sentence) if failure else None

    async def _route(self, exchange: Exchange) -> None:
        path = exchange.path
        if path == "/graphql":
            raise HttpError(503, "The archive is not open yet, or not any more. Try again.")
        if path not in ("/", "/livez", "/readyz", "/metrics") and not path.startswith("/graphiql/"):
            raise HttpError(404, "There is nothing here. GraphQL is at /graphql.")
        if exchange.method not in ("GET", "HEAD"):
            raise HttpError(405, f"Expected GET, but got {exchange.method}.", ((b"allow", b"GET, HEAD"),))
        if path == "/":
            await exchange.respond(307, PLAIN, b"GraphQL is at /graphql.\n", ((b"location", b"/graphql"),))
        elif path == "/livez":
            await exchange.respond(200, PLAIN, b"alive\n")
        elif path == "/metrics":
            await exchange.respond(200, metrics.MEDIA_TYPE, await self._metrics(exchange))
        elif path == "/readyz":
            reason = await reason_not_ready(self._archive)
            text = b"not ready: %s\n" % reason if reason else b"ready\n"
            if exchange.scope["query_string"].split(b"=")[0] == b"verbose":
                text = self._background.report() + text
            await exchange.respond(503 if reason else 200, PLAIN, text)
        else:
            await self._graphiql_files(exchange)

    async def _metrics(self, exchange: Exchange) -> bytes:
        if self._authenticator is None or self._archive is None:
            raise HttpError(503, "The archive is not open yet, or not any more. Try again.")
        exchange.access = await self._authenticator.access(exchange.scope, exchange.headers)
        metrics.note_engine(self._archive.figures())
        completed = await last_complete(self._archive)
        metrics.SYNC_LAG.set(_seconds_since(completed) if completed else math.nan)
        metrics.SYNC_LEFT_OUT.set(await left_out.count(self._archive))
        self._request_log.flush()
        return metrics.exposition()


def _seconds_since(moment: str) -> float:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())
