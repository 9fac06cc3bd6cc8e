"""A traceparent is forwarded to Twilio, spans go to a collector if one is configured; neither is personal."""

import base64
from collections import defaultdict
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import bodies
from collector import PARENT, TRACE, TRACEPARENT, Collector
from fake_twilio import FakeTwilio
from gateway.settings.mirror import TwilioSettings
from gateway_under_test import serving
from mirror import account, mirroring, settings_for
from store.engine.database import Database

KI = bodies.sid("KI", 1000)
DELETE = {
    "query": f'mutation Erase {{ deleteInteraction(input: {{sid: "{KI}"}}) {{ deletedInteractionId }} }}',
    "operationName": "Erase",
}


class Recording(FakeTwilio):
    """The stand-in for Twilio, recording the headers of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: defaultdict[str, list[dict[str, str]]] = defaultdict(list)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.headers[request.method].append({name.lower(): value for name, value in request.headers.items()})
        return await super()._handle(request)


@pytest.fixture
async def fake(database: Database) -> Any:
    fake = Recording()
    account(fake, services=1, sessions=1)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        yield fake


def twilio(fake: FakeTwilio) -> TwilioSettings:
    return settings_for(fake)


async def post(client: aiohttp.ClientSession, request: dict[str, Any], **headers: str) -> int:
    async with client.post("/graphql", json=request, headers=headers) as response:
        return response.status


async def test_only_the_traceparent_is_forwarded_to_twilio(database: Database, fake: Recording) -> None:
    async with serving(database, twilio=twilio(fake)) as client:
        await post(client, DELETE, traceparent=TRACEPARENT, tracestate="vendor=anything", baggage="who=me")
    (headers,) = fake.headers["DELETE"]
    assert headers["traceparent"] == TRACEPARENT
    assert not {"tracestate", "baggage"} & set(headers)


@pytest.mark.parametrize(
    "given", ["", "00-0-0-01", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01", "what I wrote"]
)
async def test_an_invalid_traceparent_is_not_forwarded(database: Database, fake: Recording, given: str) -> None:
    async with serving(database, twilio=twilio(fake)) as client:
        await post(client, DELETE, traceparent=given)
        (headers,) = fake.headers["DELETE"]
        assert "traceparent" not in headers


async def test_a_request_is_a_span_in_the_clients_trace_as_the_conventions_say(
    database: Database, fake: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    async with collector.serving():
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        async with serving(database, twilio=twilio(fake)) as client:
            await post(client, DELETE, traceparent=TRACEPARENT)
            await post(client, {"query": "{ services { totalCount } }"})
            await post(client, {"query": "{ nothing }"}, Accept="application/graphql-response+json")
    mutation, query, refused = collector.spans
    assert mutation["name"] == "mutation"
    assert (hexadecimal(mutation["traceId"]), hexadecimal(mutation["parentSpanId"])) == (TRACE, PARENT)
    assert mutation["kind"] == "SPAN_KIND_SERVER"
    assert mutation["attributes"] == {
        "graphql.operation.name": "Erase",
        "graphql.operation.type": "mutation",
        "http.response.status_code": "200",
    }
    assert mutation["resource"]["service.name"] == "proxygraph"
    (headers,) = fake.headers["DELETE"]
    assert headers["traceparent"] == f"00-{TRACE}-{hexadecimal(mutation['spanId'])}-01"
    assert (query["name"], query.get("parentSpanId")) == ("query", None)
    assert refused["status"] == {"code": "STATUS_CODE_ERROR"}
    assert refused["attributes"]["error.type"] == "request_error"


async def test_a_span_has_a_long_name_shortened(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of spans is bounded by their number, so each must be small."""
    collector = Collector()
    async with collector.serving():
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        async with serving(database) as client:
            await post(client, {"query": f"query {'Long' * 20_000} {{ services {{ totalCount }} }}"})
    (span,) = collector.spans
    assert span["attributes"]["graphql.operation.name"] == "Long" * 16


async def test_no_span_is_sent_where_opentelemetry_is_off(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector()
    async with collector.serving():
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        async with serving(database) as client:
            await post(client, {"query": "{ __typename }"})
    assert collector.bodies == []


def hexadecimal(encoded: str) -> str:
    return base64.b64decode(encoded).hex()
