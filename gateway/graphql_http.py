"""GraphQL over HTTP at /graphql: POST with JSON, GET for what can be cached, GraphiQL for people with a browser.

After the draft of 2026 (https://graphql.github.io/graphql-over-http/draft/): ``application/json`` answers 200
to whatever is a well-formed request, ``application/graphql-response+json`` tells by the status what happened.
"""

import time
from typing import Any, NamedTuple

import orjson

from gateway import graphiql
from gateway.access_log import Entry
from gateway.access_settings import AccessSettings
from gateway.authentication import Authenticator
from gateway.browsers import demand_preflight
from gateway.callers import caller_of
from gateway.compression import compressed
from gateway.etags import cache_headers, is_kept, is_known, tag_of
from gateway.execution import CostWish, Request, Result, executed, planned
from gateway.http import (
    COMMON_HEADERS,
    JSON,
    Headers,
    HttpError,
    Receive,
    Scope,
    Send,
    header,
    headers_of,
    preferred,
    respond,
)
from gateway.metrics import GRAPHQL_COST, PLAN_HITS, SQL_ROWS, SQL_STATEMENTS, durations, requests
from gateway.persisted import PersistedDocuments, Unavailable
from gateway.plans import Plans
from gateway.rates import Rates
from gateway.requests import in_url, posted
from gateway.settings import Limits, ServeSettings
from gateway.statuses import GRAPHQL_RESPONSE, status_of, status_of_refusal
from gateway.turns import Turns
from resolvers.access import Access
from resolvers.context import Context
from resolvers.upstream import Upstream
from store.archive import Archive

MEDIA_TYPES = (GRAPHQL_RESPONSE, JSON)
HTML = b"text/html"
METHODS = b"GET, HEAD, OPTIONS, POST"


class Answer(NamedTuple):
    """A response to be sent."""

    status: int
    body: bytes
    headers: Headers = COMMON_HEADERS


class GraphQLOverHTTP:
    """The endpoint over one archive, and over Twilio where deletions go there too."""

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
    ) -> None:
        self._archive, self._upstream, self._authenticator = archive, upstream, authenticator
        self._limits, self._documents, self._legacy_status = limits, documents, legacy_status
        self._introspection, self._count_cap = access.shows_schema, settings.count_cap
        self._in_url = (HTML, *MEDIA_TYPES) if access.shows_graphiql else MEDIA_TYPES
        self._plans = Plans() if settings.plans else None
        self._turns = Turns(limits.max_concurrent)
        self._rates = Rates(limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, entry: Entry) -> None:
        """Answers one request and notes in ``entry`` what came of it; raises HttpError where no media type fits."""
        method = scope["method"]
        if method == "OPTIONS":
            await respond(send, 204, None, b"", ((b"allow", METHODS), *COMMON_HEADERS))
            return
        if method not in ("GET", "HEAD", "POST"):
            raise HttpError(405, f"Expected GET or POST, but got {method}.", ((b"allow", METHODS),))
        offered = MEDIA_TYPES if method == "POST" else self._in_url
        media_type = preferred(header(scope, b"accept"), offered)
        if media_type is None:
            names = " or ".join(offer.decode() for offer in offered)
            raise HttpError(406, f"Expected an Accept header that allows {names}.")
        if media_type == HTML:
            await respond(send, 200, b"text/html; charset=utf-8", graphiql.PAGE, graphiql.HEADERS)
            return
        rate: Headers = ()
        try:
            access = entry.access = await self._authenticator.access(headers_of(scope))
            caller = caller_of(scope, access)
            rate = self._rates.count(caller)
            answer = await self._answer(scope, receive, media_type, access, caller.sees, entry)
        except HttpError as error:
            status = status_of_refusal(error, media_type, self._legacy_status)
            answer = Answer(status, error.body, (*COMMON_HEADERS, *error.headers))
        body, encoding = await compressed(scope, answer.body)
        headers = (*answer.headers, *rate, *encoding)
        await respond(send, answer.status, media_type + b"; charset=utf-8", body, headers)

    async def _answer(
        self, scope: Scope, receive: Receive, media_type: bytes, access: Access, visible: bytes, entry: Entry
    ) -> Answer:
        is_get = scope["method"] != "POST"
        if is_get:
            demand_preflight(scope)
        sent = in_url(scope) if is_get else await posted(scope, receive, self._limits.max_body)
        try:
            text = self._documents.text_of(sent)
        except Unavailable as error:
            result = Result({"errors": [{"message": str(error), "extensions": {"code": error.code}}]}, True, "none")
            return Answer(status_of(result, media_type, self._legacy_status), orjson.dumps(result.response))
        headers: Headers = COMMON_HEADERS
        if is_get:
            mark = f"{self._archive.version.mark()} {self._count_cap} {self._introspection}"
            tag = tag_of(scope, text, visible, mark)
            headers = cache_headers(tag)
            if is_known(scope, tag):
                return Answer(304, b"", headers)
        request = Request(text, sent.operation_name, sent.variables, is_get, _cost_wish(scope))
        result = await self._run(request, access, entry)
        if result.is_unsafe:
            headers = ((b"allow", b"POST"), *COMMON_HEADERS)
        elif not is_kept(result):
            headers = COMMON_HEADERS
        return Answer(status_of(result, media_type, self._legacy_status), result.encoded(), headers)

    async def _run(self, request: Request, access: Access, entry: Entry) -> Result:
        begun = time.perf_counter()
        context = Context(
            self._archive,
            self._upstream,
            access,
            self._introspection,
            count_cap=self._count_cap,
            max_page_size=self._limits.max_page_size,
        )
        with self._turns.place():
            result = await planned(request, context, self._limits, self._plans) if self._plans is not None else None
            if result is None:
                async with self._turns.turn() as turn:
                    context.reader.aside = turn.aside
                    try:
                        result = await executed(request, context, self._limits)
                    finally:
                        # The executor and its helpers refer to each other; what they hold should not wait for the
                        # collector.
                        context.loaders.forget()
        _measure(result, context, time.perf_counter() - begun, entry)
        return result


def _cost_wish(scope: Scope) -> CostWish:
    wish: Any = header(scope, b"graphql-cost").lower().decode("latin-1")
    return CostWish(wish) if wish in ("report", "validate") else CostWish.NOTHING


def _measure(result: Result, context: Context, seconds: float, entry: Entry) -> None:
    entry.operation, entry.operation_name, entry.cost = result.operation, result.operation_name, result.cost
    entry.outcome = "request_error" if result.request_error else "errors" if "errors" in result.response else "ok"
    requests(result.operation, entry.outcome).inc()
    durations(result.operation).observe(seconds)
    if result.cost is not None:
        GRAPHQL_COST.observe(result.cost)
    if result.is_planned:
        PLAN_HITS.inc()
    SQL_STATEMENTS.inc(context.reader.count)
    SQL_ROWS.inc(context.reader.rows)
