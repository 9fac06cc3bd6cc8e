"""The GraphQL over HTTP draft of 2026 as a table: requests, and the status and headers of their responses.

https://graphql.github.io/graphql-over-http/draft/
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from bodies import put, service, session, sid
from gateway_under_test import origin_of, serving
from store.archive import open_archive
from store.engine.database import Database

RESPONSE, JSON, ANY = "application/graphql-response+json", "application/json", "*/*"
SENT = {"Content-Type": "application/json"}
QUERY = "{ services { totalCount } }"
DATA = {"data": {"services": {"totalCount": 1}}}
PARTIAL = '{ services { totalCount } node(id: "nonsense") { id } }'
MUTATION = 'mutation { deleteInteraction(input: {sid: "KI%s"}) { deletedInteractionId } }' % ("0" * 32)
COERCION = {"query": "query ($sid: ID!) { service(sid: $sid) { sid } }", "variables": {"sid": None}}
MOMENT = {"query": "query ($from: DateTime) { interactions(filter: { dateCreated: { from: $from } }) { totalCount } }"}
WRITTEN_MOMENT = "{ interactions(filter: { dateCreated: { from: 20260105 } }) { totalCount } }"
AMBIGUOUS = {"query": "query A { __typename } query B { __typename }"}

# What is posted, and its status under the draft's media type, under application/json, and with the older statuses.
POSTED: list[tuple[str, bytes, int, int, int]] = [
    ("a query", json.dumps({"query": QUERY}).encode(), 200, 200, 200),
    ("data and errors", json.dumps({"query": PARTIAL}).encode(), 294, 200, 200),
    ("an empty operation name", json.dumps({"query": QUERY, "operationName": ""}).encode(), 200, 200, 200),
    ("a byte order mark", b"\xef\xbb\xbf" + json.dumps({"query": QUERY}).encode(), 200, 200, 200),
    ("two byte order marks", b"\xef\xbb\xbf" * 2 + json.dumps({"query": QUERY}).encode(), 400, 400, 400),
    ("two operations and an empty name", json.dumps(AMBIGUOUS | {"operationName": ""}).encode(), 422, 200, 400),
    ("a fraction as an ID", json.dumps(COERCION | {"variables": {"sid": 1.0}}).encode(), 422, 200, 400),
    ("a number as a moment", json.dumps(MOMENT | {"variables": {"from": 20260105}}).encode(), 422, 200, 400),
    ("a number as a moment in the document", json.dumps({"query": WRITTEN_MOMENT}).encode(), 422, 200, 400),
    ("no JSON", b"NONSENSE", 400, 400, 400),
    ("half of a JSON", b'{"query":', 400, 400, 400),
    ("nothing", b"", 400, 400, 400),
    ("no object", b"[]", 422, 400, 400),
    ("a query that is no text", b'{"query": 7}', 422, 400, 400),
    ("variables that are no object", b'{"query": "{ __typename }", "variables": [7]}', 422, 400, 400),
    ("extensions that are no object", b'{"query": "{ __typename }", "extensions": "x"}', 422, 400, 400),
    ("an operation name that is no text", b'{"query": "{ __typename }", "operationName": 7}', 422, 400, 400),
    ("no query", b'{"qeury": "{ __typename }"}', 400, 400, 400),
    ("a document that does not parse", b'{"query": "{"}', 400, 200, 400),
    ("a document that does not validate", b'{"query": "{ nothing }"}', 422, 200, 400),
    ("two operations and no name", json.dumps(AMBIGUOUS).encode(), 422, 200, 400),
    ("a name that no operation has", json.dumps(AMBIGUOUS | {"operationName": "C"}).encode(), 422, 200, 400),
    ("variables that do not coerce", json.dumps(COERCION).encode(), 422, 200, 400),
]


@pytest.mark.parametrize(("about", "body", "draft", "older", "legacy"), POSTED, ids=[row[0] for row in POSTED])
async def test_a_post_is_answered_as_the_draft_says(
    client: aiohttp.ClientSession, database: Database, about: str, body: bytes, draft: int, older: int, legacy: int
) -> None:
    for accept, expected in ((RESPONSE, draft), (JSON, older)):
        async with client.post("/graphql", data=body, headers=SENT | {"Accept": accept}) as response:
            answer = await response.json()
            assert (response.status, response.headers["Content-Type"]) == (expected, f"{accept}; charset=utf-8")
            assert ("data" in answer) == (draft in (200, 294))
            assert ("errors" in answer) == (draft != 200)
    async with (
        serving(database, protocol={"legacy_status": True}) as older_server,
        older_server.post("/graphql", data=body, headers=SENT | {"Accept": RESPONSE}) as response,
    ):
        assert response.status == legacy


HEADERS: list[tuple[str, str, Mapping[str, str], int]] = [
    ("POST", "no content type", {"Content-Type": ""}, 415),
    ("POST", "another content type", {"Content-Type": "text/plain"}, 415),
    ("POST", "another encoding", {"Content-Type": "application/json; charset=utf-16"}, 415),
    ("POST", "a compressed body", SENT | {"Content-Encoding": "gzip"}, 415),
    ("POST", "an encoding of the same name", {"Content-Type": 'application/json;charset="UTF-8"'}, 200),
    ("POST", "an Accept that nothing fits", SENT | {"Accept": "text/csv"}, 406),
    ("POST", "a page for people", SENT | {"Accept": "text/html"}, 406),
    ("GET", "an Accept that nothing fits", {"Accept": "text/csv"}, 406),
    ("PUT", "another method", SENT, 405),
    ("PATCH", "another method", SENT, 405),
]


@pytest.mark.parametrize(("method", "about", "headers", "status"), HEADERS)
async def test_an_unacceptable_media_type_is_refused(
    client: aiohttp.ClientSession, method: str, about: str, headers: dict[str, str], status: int
) -> None:
    body = json.dumps({"query": QUERY}).encode()
    async with client.request(method, "/graphql", data=body, headers=headers) as response:
        assert response.status == status, about
        assert ("Allow" in response.headers) == (status == 405)
        assert ("errors" in await response.json()) == (status != 200)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (ANY, JSON),
        (f"{RESPONSE}, {JSON};q=0.9", RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON};q=0.9", JSON),
        (f"{RESPONSE};q=0, {JSON};q=0.1", JSON),
        (f"text/html;q=0.1, {JSON}", JSON),
        (f"{JSON};q=0, */*", RESPONSE),
        (f"{JSON};q=0, application/*", RESPONSE),
        (f"{RESPONSE};q=0.5, */*;q=0.8", JSON),
        (f"{RESPONSE};q=nan, */*", JSON),
    ],
)
async def test_the_accept_headers_weights_decide(client: aiohttp.ClientSession, accept: str, media_type: str) -> None:
    for request in (
        client.post("/graphql", json={"query": QUERY}, headers={"Accept": accept}),
        client.get("/graphql", params={"query": QUERY}, headers={"Accept": accept}),
    ):
        async with request as response:
            assert (response.status, response.content_type, await response.json()) == (200, media_type, DATA)


BY_SID = "query A { __typename } query B($sid: ID!) { service(sid: $sid) { uniqueName } }"
VARIABLES = json.dumps({"sid": sid("KS", 1)})
NAMED = {"data": {"service": {"uniqueName": "service-1"}}}
IN_URLS: list[tuple[str, dict[str, str], int, Any]] = [
    ("a query", {"query": QUERY}, 200, DATA),
    ("variables and a name", {"query": BY_SID, "variables": VARIABLES, "operationName": "B"}, 200, NAMED),
    ("empty parameters", {"query": QUERY, "variables": "", "operationName": "", "extensions": ""}, 200, DATA),
    ("the null of JSON", {"query": QUERY, "variables": "null"}, 200, DATA),
    ("a name that is null", {"query": "query null { services { totalCount } }", "operationName": "null"}, 200, DATA),
    ("other parameters", {"query": QUERY, "other": "1"}, 200, DATA),
    ("nothing", {}, 400, None),
    ("variables that are no JSON", {"query": QUERY, "variables": "{"}, 400, None),
    ("variables that are no object", {"query": QUERY, "variables": "[]"}, 422, None),
    ("a document that does not parse", {"query": "{"}, 400, None),
    ("a document that does not validate", {"query": "{ nothing }"}, 422, None),
    ("a URL that is too long", {"query": QUERY + " " * 20_000}, 414, None),
]


@pytest.mark.parametrize(("about", "parameters", "status", "answer"), IN_URLS, ids=[row[0] for row in IN_URLS])
async def test_a_get_is_answered_as_the_draft_says(
    client: aiohttp.ClientSession, about: str, parameters: dict[str, str], status: int, answer: Any
) -> None:
    address = f"/graphql?{urlencode(parameters)}"
    async with client.get(address, headers={"Accept": RESPONSE}) as response:
        found = await response.json()
        assert response.status == status
        assert found == answer or ("data" not in found and "errors" in found)
    async with client.head(address, headers={"Accept": RESPONSE}) as head:
        assert (head.status, await head.read()) == (status, b"")
        assert head.headers["Content-Length"] == response.headers["Content-Length"]


async def test_a_url_that_is_not_utf_8_is_refused(client: aiohttp.ClientSession) -> None:
    address = await origin_of(client)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /graphql?query=%ff HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_get_never_runs_a_mutation(client: aiohttp.ClientSession) -> None:
    for accept in (RESPONSE, JSON):
        async with client.get("/graphql", params={"query": MUTATION}, headers={"Accept": accept}) as response:
            answer = await response.json()
            assert (response.status, response.headers["Allow"], set(answer)) == (405, "POST", {"errors"})
            assert answer["errors"][0]["extensions"] == {"code": "METHOD_NOT_ALLOWED"}


async def test_options_lists_the_methods(client: aiohttp.ClientSession) -> None:
    async with client.options("/graphql") as response:
        assert (response.status, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_a_browser_still_gets_graphiql(client: aiohttp.ClientSession) -> None:
    headers = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for address in ("/graphql", f"/graphql?{urlencode({'query': QUERY})}"):
        async with client.get(address, headers=headers) as response:
            assert (response.status, response.content_type) == (200, "text/html")


SEVEN: list[bytes] = [
    b"null",
    b'"x"',
    b"7",
    b'{"query": "\xff\xfe"}',
    b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 30_000 + b"1" + b"}" * 30_001,
    b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
    b'{"query": "query A { __typename }", "operationName": "\\ud800"}',
    b'{"query": "{ services(first: ' + b"9" * 5_000 + b') { totalCount } }"}',
    b'{"query": "query ($n: Int) { services(first: $n) { totalCount } }", "variables": {"n": 1e400}}',
    b'{"query": "query ($n: Int) { services(first: $n) { totalCount } }", "variables": {"n": ' + b"9" * 400 + b"}}",
]


@pytest.mark.parametrize("body", SEVEN, ids=range(len(SEVEN)))
async def test_no_body_is_answered_with_a_5xx(client: aiohttp.ClientSession, body: bytes) -> None:
    for accept in (RESPONSE, JSON):
        async with client.post("/graphql", data=body, headers=SENT | {"Accept": accept}) as response:
            assert response.status < 500
            answer = await response.json()
            assert "INTERNAL_SERVER_ERROR" not in json.dumps(answer)
    async with client.post("/graphql", json={"query": QUERY}) as response:
        assert await response.json() == DATA


async def test_two_operations_without_a_name_run_neither(database: Database) -> None:
    """Plain Strawberry runs the first."""
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1))
        version = await archive.data_version()
    async with serving(database) as client:
        body = {"query": f"mutation A {MUTATION.removeprefix('mutation ')} query B {{ __typename }}"}
        async with client.post("/graphql", json=body) as response:
            (error,) = (await response.json())["errors"]
            assert error["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"
    async with open_archive(database) as archive:
        assert await archive.data_version() == version
