"""GraphQL over HTTP at /graphql: POST with JSON, cacheable GET, and GraphiQL in a browser.

Implements the draft of 2026 (https://graphql.github.io/graphql-over-http/draft/): with ``application/json`` every
well-formed request gets status 200; with ``application/graphql-response+json`` the status says what happened.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import orjson

from gateway import graphiql
from gateway.auth.authentication import Authenticator
from gateway.endpoint.caching import cache_headers, is_cacheable, is_current, tag_of
from gateway.endpoint.execution import SUBSCRIPTION
from gateway.endpoint.operations import Operations
from gateway.endpoint.persisted import DocumentRefused, PersistedDocuments
from gateway.endpoint.requests import RequestParameters, demand_json, parse_body, parse_url
from gateway.endpoint.results import CostMode, Request, Result
from gateway.endpoint.statuses import GRAPHQL_RESPONSE, database_unavailable, status_of, status_of_refusal
from gateway.http.callers import caller_of, scope_fingerprint
from gateway.http.compression import LARGE_BYTES, compressed
from gateway.http.exchange import COMMON_HEADERS, EVENT_STREAM, JSON, Exchange, Headers, HttpError, preferred
from gateway.http.origins import demand_intent, demand_preflight
from gateway.http.rate_limit import Rates
from gateway.settings.access import AccessSettings
from resolvers.access import ANYBODY, Access
from store import errors

MEDIA_TYPES = (GRAPHQL_RESPONSE, JSON)
IN_UTF_8 = {media_type: media_type + b"; charset=utf-8" for media_type in MEDIA_TYPES}
HTML = b"text/html"
METHODS = b"GET, HEAD, OPTIONS, POST"
COST_MODES = {mode.encode(): mode for mode in CostMode}


Answer = tuple[int, bytes, Headers]
"""A response: status, body, headers."""


Stream: TypeAlias = Callable[[Exchange, Request | DocumentRefused, Access, Headers], Awaitable[None]]
"""Responds to a request with a stream of events, with these headers; a DocumentRefused says why it has no document."""


class GraphQLOverHTTP:
    """The /graphql endpoint: ``operations`` runs the requests, and ``stream`` those whose client asks for events."""

    def __init__(
        self,
        operations: Operations,
        authenticator: Authenticator,
        access: AccessSettings,
        documents: PersistedDocuments,
        rates: Rates,
        legacy_status: bool,
        stream: Stream,
    ) -> None:
        self._operations, self._authenticator, self._stream = operations, authenticator, stream
        self._documents, self._rates, self._legacy_status = documents, rates, legacy_status
        self._wants_keys = access.require_key
        self._get_media_types = (HTML, *MEDIA_TYPES) if access.shows_graphiql else MEDIA_TYPES

    async def __call__(self, exchange: Exchange) -> None:
        """Responds to one request; raises HttpError if its method or Accept header is not supported."""
        method = exchange.method
        if method == "OPTIONS":
            await exchange.respond(204, None, b"", ((b"allow", METHODS), *COMMON_HEADERS))
            return
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError(405, f"Expected GET or POST, but got {method}.", ((b"allow", METHODS),))
        offered = MEDIA_TYPES if method == "POST" else self._get_media_types
        accept = exchange.header(b"accept")
        media_type = preferred(accept, offered)
        if media_type is None and method != "HEAD":
            media_type = preferred(accept, (EVENT_STREAM,))
        if media_type is None:
            names = " or ".join(offer.decode() for offer in offered)
            raise HttpError(406, f"Expected an Accept header that allows {names}.")
        if media_type == HTML:
            await exchange.respond(200, b"text/html; charset=utf-8", graphiql.PAGE, graphiql.HEADERS)
            return
        rate: Headers = ()
        try:
            access = exchange.access = await self._authenticator.access(exchange.scope, exchange.headers)
            if access is not ANYBODY or self._rates.counts_anybody:
                rate = self._rates.count(caller_of(exchange.scope, access))
            answer = await self._answer(exchange, media_type, access, rate)
            if answer is None:
                return
            status, body, headers = answer
        except (HttpError, errors.Unavailable) as caught:
            error = caught if isinstance(caught, HttpError) else database_unavailable()
            media_type = JSON if media_type == EVENT_STREAM else media_type
            status = status_of_refusal(error, media_type, self._legacy_status)
            body, headers = error.body, (*COMMON_HEADERS, *error.headers)
        if len(body) >= LARGE_BYTES:
            body, encoding = await compressed(body, exchange.header(b"accept-encoding"))
            headers = (*headers, *encoding)
        headers += rate
        await exchange.respond(status, IN_UTF_8[media_type], body, headers)

    async def _answer(self, exchange: Exchange, media_type: bytes, access: Access, rate: Headers) -> Answer | None:
        """The response; None if it was a stream of events."""
        is_get = exchange.method != "POST"
        sent = self._read_get(exchange) if is_get else await self._read_post(exchange)
        try:
            text = self._documents.text_of(sent)
        except DocumentRefused as error:
            if media_type == EVENT_STREAM:
                await self._stream(exchange, error, access, rate)
                return None
            result = Result({"errors": [{"message": str(error), "extensions": {"code": error.code}}]}, True, "none")
            return status_of(result, media_type, self._legacy_status), orjson.dumps(result.response), COMMON_HEADERS
        request = Request(text, sent.operation_name or None, sent.variables, is_get, _cost_mode(exchange))
        if media_type == EVENT_STREAM or self._is_subscription(exchange, request):
            if self._operations.kind_of(request):
                self._documents.keep(sent, text)
            await self._stream(exchange, request, access, rate)
            return None
        return await self._response(exchange, media_type, access, sent, request)

    async def _response(
        self, exchange: Exchange, media_type: bytes, access: Access, sent: RequestParameters, request: Request
    ) -> Answer:
        is_get, text = request.read_only, request.query
        headers: Headers = COMMON_HEADERS
        if is_get:
            mark = await self._operations.version_mark()
            tag = tag_of(exchange, text, scope_fingerprint(access.scopes), mark)
            headers = cache_headers(tag)
            if is_current(exchange, tag):
                return 304, b"", headers
        caller = caller_of(exchange.scope, access).name
        result, exchange.operation = await self._operations.run(request, access, caller, exchange.unless_disconnected)
        if not result.request_error:
            self._documents.keep(sent, text)
        if result.body is not None and not is_get:
            return 200, result.body, COMMON_HEADERS
        if result.is_unsafe:
            headers = ((b"allow", b"POST"), *COMMON_HEADERS)
        elif not is_cacheable(result):
            headers = COMMON_HEADERS
        elif is_get and exchange.header(b"if-none-match") == b"*":  # It matches any tag (RFC 9110 §13.1.2).
            return 304, b"", headers
        return status_of(result, media_type, self._legacy_status), result.encoded(), headers

    def _is_subscription(self, exchange: Exchange, request: Request) -> bool:
        """Whether it is a subscription of a client that accepts JSON and events, as urql does."""
        if "subscription" not in request.query or EVENT_STREAM not in exchange.header(b"accept").lower():
            return False
        return self._operations.kind_of(request) == SUBSCRIPTION

    def _read_get(self, exchange: Exchange) -> RequestParameters:
        demand_preflight(exchange.headers)
        sent = parse_url(exchange)
        if self._wants_keys and sent.document_id is None:
            demand_intent(exchange.headers)
        return sent

    async def _read_post(self, exchange: Exchange) -> RequestParameters:
        demand_json(exchange)
        return parse_body(await exchange.body(self._operations.limits.max_body))


def _cost_mode(exchange: Exchange) -> CostMode:
    mode = exchange.headers.get(b"graphql-cost")
    return COST_MODES.get(mode.lower(), CostMode.NONE) if mode else CostMode.NONE
