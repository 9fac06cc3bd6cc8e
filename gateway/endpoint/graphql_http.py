"""GraphQL over HTTP at /graphql: POST with JSON, cacheable GET, and GraphiQL in a browser.

Implements the draft of 2026 (https://graphql.github.io/graphql-over-http/draft/): with ``application/json`` every
well-formed request gets status 200; with ``application/graphql-response+json`` the status says what happened.
"""

import time
from collections.abc import Callable

import msgspec
import orjson

from gateway import graphiql
from gateway.auth.authentication import Authenticator
from gateway.endpoint.admission import ExecutionSlots, InFlightLimit
from gateway.endpoint.caching import cache_headers, is_cacheable, is_current, tag_of
from gateway.endpoint.execution import CostMode, Request, Result, executed, planned
from gateway.endpoint.persisted import PersistedDocuments, Unavailable
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.requests import Sent, demand_json, parse_body, parse_url
from gateway.endpoint.statuses import GRAPHQL_RESPONSE, status_of, status_of_refusal
from gateway.http.callers import caller_of, scope_fingerprint
from gateway.http.compression import LARGE_BYTES, compressed
from gateway.http.exchange import COMMON_HEADERS, JSON, Exchange, Headers, HttpError, Wait, preferred
from gateway.http.operations import Operation
from gateway.http.origins import demand_intent, demand_preflight
from gateway.http.rate_limit import Rates
from gateway.settings.access import AccessSettings
from gateway.settings.server import Limits, ServeSettings
from resolvers.access import ANYBODY, Access
from resolvers.context import Context, SyncFailure, no_failure
from resolvers.upstream import Upstream
from store import list_lengths
from store.archive import Archive

MEDIA_TYPES = (GRAPHQL_RESPONSE, JSON)
IN_UTF_8 = {media_type: media_type + b"; charset=utf-8" for media_type in MEDIA_TYPES}
HTML = b"text/html"
MEASURED_EVERY = 60.0
METHODS = b"GET, HEAD, OPTIONS, POST"
COST_MODES = {mode.encode(): mode for mode in CostMode}


Answer = tuple[int, bytes, Headers]
"""A response: status, body, headers."""


class GraphQLOverHTTP:
    """The /graphql endpoint over one archive, and over Twilio if deletions are sent there too."""

    def __init__(
        self,
        archive: Archive,
        upstream: Upstream | None,
        authenticator: Authenticator,
        access: AccessSettings,
        limits: Limits,
        documents: PersistedDocuments,
        legacy_status: bool,
        settings: ServeSettings,
        sync_failure: Callable[[], SyncFailure | None] = no_failure,
    ) -> None:
        self._archive, self._upstream, self._authenticator = archive, upstream, authenticator
        self._limits, self._documents, self._legacy_status = limits, documents, legacy_status
        self._introspection, self._count_cap = access.shows_schema, settings.count_cap
        self._wants_keys, self._sync_failure = access.require_key, sync_failure
        self._get_media_types = (HTML, *MEDIA_TYPES) if access.shows_graphiql else MEDIA_TYPES
        self._plans = PlanCache() if settings.plans else None
        self._in_flight, self._slots = InFlightLimit(limits.max_concurrent), ExecutionSlots()
        self._rates = Rates(limits.rate)
        self._most_participants = 0

    async def measure_lists(self) -> float:
        """Measures the lists without pages, for the estimates of cost; returns the seconds to the next time."""
        self._most_participants = await list_lengths.most_participants(self._archive)
        return MEASURED_EVERY

    async def __call__(self, exchange: Exchange) -> None:
        """Responds to one request; raises HttpError if its method or Accept header is not supported."""
        method = exchange.method
        if method == "OPTIONS":
            await exchange.respond(204, None, b"", ((b"allow", METHODS), *COMMON_HEADERS))
            return
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError(405, f"Expected GET or POST, but got {method}.", ((b"allow", METHODS),))
        offered = MEDIA_TYPES if method == "POST" else self._get_media_types
        media_type = preferred(exchange.header(b"accept"), offered)
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
            status, body, headers = await self._answer(exchange, media_type, access)
        except HttpError as error:
            status = status_of_refusal(error, media_type, self._legacy_status)
            body, headers = error.body, (*COMMON_HEADERS, *error.headers)
        if len(body) >= LARGE_BYTES:
            body, encoding = await compressed(body, exchange.header(b"accept-encoding"))
            headers = (*headers, *encoding)
        headers += rate
        await exchange.respond(status, IN_UTF_8[media_type], body, headers)

    async def _answer(self, exchange: Exchange, media_type: bytes, access: Access) -> Answer:
        is_get = exchange.method != "POST"
        sent = self._read_get(exchange) if is_get else await self._read_post(exchange)
        try:
            text = self._documents.text_of(sent)
        except Unavailable as error:
            result = Result({"errors": [{"message": str(error), "extensions": {"code": error.code}}]}, True, "none")
            return status_of(result, media_type, self._legacy_status), orjson.dumps(result.response), COMMON_HEADERS
        headers: Headers = COMMON_HEADERS
        if is_get:
            mark = f"{self._archive.version.current()} {self._count_cap} {self._introspection}"
            tag = tag_of(exchange, text, scope_fingerprint(access.scopes), mark)
            headers = cache_headers(tag)
            if is_current(exchange, tag):
                return 304, b"", headers
        request = Request(text, sent.operation_name or None, sent.variables, is_get, _cost_mode(exchange))
        result = await self._run(request, access, exchange)
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

    def _read_get(self, exchange: Exchange) -> Sent:
        demand_preflight(exchange.headers)
        sent = parse_url(exchange)
        if self._wants_keys and sent.document_id is None:
            demand_intent(exchange.headers)
        return sent

    async def _read_post(self, exchange: Exchange) -> Sent:
        demand_json(exchange)
        return parse_body(await exchange.body(self._limits.max_body))

    async def _run(self, request: Request, access: Access, exchange: Exchange) -> Result:
        begun = time.perf_counter()
        context = Context(
            self._archive,
            self._upstream,
            access,
            self._introspection,
            self._count_cap,
            self._limits.max_page_size,
            self._sync_failure,
            self._most_participants,
        )
        caller = caller_of(exchange.scope, access).name
        self._in_flight.enter(caller)
        try:
            result = None
            if self._plans is not None:
                result = await planned(request, context, self._limits, self._plans, exchange.while_wanted)
            if result is None:
                result = await self._executed(request, context, exchange.while_wanted)
        finally:
            self._in_flight.leave(caller)
        exchange.operation = Operation(
            result.operation,
            result.operation_name,
            result.outcome,
            result.cost,
            time.perf_counter() - begun,
            result.statements,
            result.rows,
            result.is_planned,
        )
        return result

    async def _executed(self, request: Request, context: Context, wait: Wait) -> Result:
        async with self._slots.slot(wait) as slot:
            context.reader.while_searching = slot.released
            try:
                result = await executed(request, context, self._limits, wait)
                reader = context.reader
                return msgspec.structs.replace(result, statements=len(reader.statements), rows=reader.rows)
            finally:
                # The executor and the loaders form a reference cycle; this frees their rows without the collector.
                context.loaders.forget()


def _cost_mode(exchange: Exchange) -> CostMode:
    mode = exchange.headers.get(b"graphql-cost")
    return COST_MODES.get(mode.lower(), CostMode.NONE) if mode else CostMode.NONE
