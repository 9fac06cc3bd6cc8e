"""GraphQL over HTTP at /graphql: POST with JSON for programs, GET for people with a browser.

After the draft of 2026 (https://graphql.github.io/graphql-over-http/draft/): ``application/json`` answers 200
to whatever is a well-formed request, ``application/graphql-response+json`` tells by the status what happened.
"""

import asyncio
import time

import msgspec
import orjson

from gateway import graphiql
from gateway.access_log import Entry
from gateway.access_settings import AccessSettings
from gateway.authentication import Authenticator
from gateway.execution import Request, Result, execute
from gateway.http import JSON, HttpError, Receive, Scope, Send, body_of, header, preferred, respond
from gateway.metrics import GRAPHQL_COST, GRAPHQL_REQUESTS, GRAPHQL_SECONDS, SQL_ROWS, SQL_STATEMENTS
from resolvers.access import Access
from resolvers.context import Context
from resolvers.upstream import Upstream
from store.archive import Archive

GRAPHQL_RESPONSE = b"application/graphql-response+json"
MEDIA_TYPES = (GRAPHQL_RESPONSE, JSON)
HTML = b"text/html"
BODY_LIMIT = 1_000_000
OPERATIONS_AT_ONCE = 3
"""How many operations run at a time; more would only take turns on the one core, and memory. The rest wait."""

DECODER = msgspec.json.Decoder(Request)


class GraphQLOverHTTP:
    """The endpoint over one archive, and over Twilio where deletions go there too."""

    def __init__(
        self,
        archive: Archive,
        upstream: Upstream | None,
        authenticator: Authenticator,
        settings: AccessSettings,
        count_cap: int,
    ) -> None:
        self._archive, self._upstream, self._count_cap = archive, upstream, count_cap
        self._authenticator, self._settings = authenticator, settings
        self._turns = asyncio.Semaphore(OPERATIONS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send, entry: Entry) -> None:
        """Answers one request; raises HttpError for what is no GraphQL request."""
        accept = header(scope, b"accept")
        if scope["method"] in ("GET", "HEAD"):
            if not self._settings.shows_graphiql:
                raise HttpError(406, "GraphiQL is off here (PROXYGRAPH_GRAPHIQL). Send queries by POST, as JSON.")
            if preferred(accept, (HTML,)) is None:
                raise HttpError(406, "Expected a browser, for GET shows GraphiQL here. Send queries by POST, as JSON.")
            await respond(send, 200, b"text/html; charset=utf-8", graphiql.PAGE, graphiql.HEADERS)
            return
        if scope["method"] != "POST":
            raise HttpError(405, f"Expected POST, but got {scope['method']}.", ((b"allow", b"GET, HEAD, POST"),))
        media_type = preferred(accept, MEDIA_TYPES)
        if media_type is None:
            offered = " or ".join(offer.decode() for offer in MEDIA_TYPES)
            raise HttpError(406, f"Expected an Accept header that allows {offered}.")
        access = entry.access = await self._authenticator.access(dict(scope["headers"]))
        status, body = await self._answer(await _request(scope, receive), media_type, access, entry)
        await respond(send, status, media_type + b"; charset=utf-8", body)

    async def _answer(self, request: Request, media_type: bytes, access: Access, entry: Entry) -> tuple[int, bytes]:
        begun = time.perf_counter()
        async with self._turns:
            context = Context(
                self._archive, self._upstream, access, self._settings.shows_schema, count_cap=self._count_cap
            )
            try:
                result = await execute(request, context)
            finally:
                # The executor and its helpers refer to each other; what they hold should not wait for the collector.
                context.loaders.forget()
            _measure(result, context, time.perf_counter() - begun, entry)
            return _status(result, media_type), orjson.dumps(result.response)


async def _request(scope: Scope, receive: Receive) -> Request:
    content_type = header(scope, b"content-type").split(b";")[0].strip().lower()
    if content_type != JSON:
        raise HttpError(
            415, f"Expected a body of application/json, but got {content_type.decode('latin-1') or 'none'}."
        )
    body = await body_of(receive, BODY_LIMIT)
    try:
        return DECODER.decode(body)
    except msgspec.ValidationError as error:
        status, finding = 422, str(error)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        status, finding = 400, "JSON that nests too deeply" if isinstance(error, RecursionError) else str(error)
    raise HttpError(
        status,
        "Expected a JSON object with query (a text) and perhaps variables (an object) and operationName (a text), "
        f"but got something else: {finding.rstrip('.')}.",
    )


def _status(result: Result, media_type: bytes) -> int:
    if media_type != GRAPHQL_RESPONSE or "errors" not in result.response:
        return 200
    if not result.request_error:
        return 294
    code = result.response["errors"][0]["extensions"]["code"]
    return 400 if code == "GRAPHQL_PARSE_FAILED" else 422


def _measure(result: Result, context: Context, seconds: float, entry: Entry) -> None:
    entry.operation, entry.operation_name = result.operation, result.operation_name
    entry.outcome = "request_error" if result.request_error else "errors" if "errors" in result.response else "ok"
    GRAPHQL_REQUESTS.labels(result.operation, entry.outcome).inc()
    GRAPHQL_SECONDS.labels(result.operation).observe(seconds)
    if entry.cost is not None:
        GRAPHQL_COST.observe(entry.cost)
    SQL_STATEMENTS.inc(len(context.reader.statements))
    SQL_ROWS.inc(context.reader.rows)
