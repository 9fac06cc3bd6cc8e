"""GraphQL over HTTP, by a real client against a real server on loopback."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bodies
from databases import change
from gateway.http.exchange import preferred
from gateway_under_test import serving
from store.archive import open_archive
from store.engine.database import Database

QUERY = {"query": "{ services { totalCount } }"}
DATA = {"data": {"services": {"totalCount": 1}}}
GRAPHQL = {"Accept": "application/graphql-response+json"}
NO_JSON = "Expected a body of JSON, but got something else: "
SHAPE = (
    "Expected a JSON object with query (a text) and perhaps variables (an object) and operationName (a text), "
    "but got something else: "
)


async def test_a_query_is_answered_as_json(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json=QUERY) as response:
        assert (response.status, response.content_type, await response.json()) == (200, "application/json", DATA)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_client_of_the_2026_draft_gets_its_media_type(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json=QUERY, headers=GRAPHQL) as response:
        assert (response.status, response.content_type) == (200, "application/graphql-response+json")
        assert await response.json() == DATA


async def test_variables_and_an_operation_name_are_used(client: aiohttp.ClientSession) -> None:
    document = "query A { __typename } query B($sid: ID!) { service(sid: $sid) { uniqueName } }"
    request = {"query": document, "operationName": "B", "variables": {"sid": bodies.sid("KS", 1)}, "other": 1}
    async with client.post("/graphql", json=request) as response:
        assert await response.json() == {"data": {"service": {"uniqueName": "service-1"}}}


REQUEST_ERRORS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"query": "{"}, 400, "GRAPHQL_PARSE_FAILED", "Syntax Error: Expected Name, found <EOF>."),
    ({"query": ""}, 400, "GRAPHQL_PARSE_FAILED", "Syntax Error: Unexpected <EOF>."),
    ({"query": "{ nothing }"}, 422, "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing' on type 'Query'."),
    (
        {"query": "query A { __typename } query B { __typename }"},
        422,
        "OPERATION_RESOLUTION_FAILURE",
        "Expected an operation to run, but got no operationName, which says the one to run. The document has 'A', 'B'.",
    ),
    (
        {"query": "query A { __typename }", "operationName": "C"},
        422,
        "OPERATION_RESOLUTION_FAILURE",
        "Expected an operation to run, but got no operation named 'C'. The document has 'A'.",
    ),
    (
        {"query": "query ($sid: ID!) { service(sid: $sid) { sid } }"},
        422,
        "BAD_USER_INPUT",
        "Variable '$sid' has invalid value: Expected a value of non-null type 'ID!' to be provided.",
    ),
]


@pytest.mark.parametrize(("request_", "status", "code", "message"), REQUEST_ERRORS)
async def test_a_request_error_has_no_data_and_says_what_is_wrong(
    client: aiohttp.ClientSession, request_: Mapping[str, Any], status: int, code: str, message: str
) -> None:
    for headers, expected in ((GRAPHQL, status), ({"Accept": "application/json"}, 200)):
        async with client.post("/graphql", json=request_, headers=headers) as response:
            answer = await response.json()
            assert (response.status, set(answer)) == (expected, {"errors"})
            assert (answer["errors"][0]["message"], answer["errors"][0]["extensions"]) == (message, {"code": code})


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, NO_JSON + "Input data was truncated."),
        (b"", 400, NO_JSON + "Input data was truncated."),
        (b"null", 422, SHAPE + "Expected `object`, got `null`."),
        (b'"x"', 422, SHAPE + "Expected `object`, got `str`."),
        (b"7", 422, SHAPE + "Expected `object`, got `int`."),
        (b"[]", 422, SHAPE + "Expected `object`, got `array`."),
        (b"{}", 400, "Expected a request with query (a document) or documentId, but got neither."),
        (b'{"query": 5}', 422, SHAPE + "Expected `str | null`, got `int` - at `$.query`."),
        (
            b'{"query": "{a}", "variables": []}',
            422,
            SHAPE + "Expected `object | null`, got `array` - at `$.variables`.",
        ),
        (b'{"query": "{a}", "operationName": "\\ud800"}', 400, None),
        (b'{"query": "\xff"}', 400, None),
        (b'{"query": "{a}", "variables": {"a": ' + b"[" * 100_000, 400, None),
        (b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5_000 + b"}}", None, None),
    ],
)
async def test_an_invalid_request_body_gets_a_sentence_and_never_a_5xx(
    client: aiohttp.ClientSession, body: bytes, status: int | None, message: str | None
) -> None:
    for accept, expected in ((GRAPHQL, status), ({}, status and 400)):
        headers = {"Content-Type": "application/json", **accept}
        async with client.post("/graphql", data=body, headers=headers) as response:
            answer = await response.json()
            assert response.status < 500
            assert expected in (None, response.status)
            assert message in (None, answer["errors"][0]["message"])


async def test_a_deeply_nested_document_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json={"query": "{a" * 400}) as response:
        (error,) = (await response.json())["errors"]
        assert error["extensions"] == {"code": "GRAPHQL_PARSE_FAILED"}


async def test_a_body_over_the_limit_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json={"query": "#" * 200_000}) as response:
        assert response.status == 413
        sentence = "Expected a body of up to 200,000 bytes, but this one has 200,013."
        assert (await response.json())["errors"][0]["message"] == sentence


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_request_that_a_form_of_another_site_can_send_is_refused(
    client: aiohttp.ClientSession, content_type: str
) -> None:
    async with client.post("/graphql", data=b"{}", headers={"Content-Type": content_type}) as response:
        assert response.status == 415


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/graphql", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/graphql", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/livez", "GET, HEAD"),
    ],
)
async def test_another_method_is_refused_with_the_allowed_ones(
    client: aiohttp.ClientSession, method: str, path: str, allow: str
) -> None:
    async with client.request(method, path) as response:
        assert (response.status, response.headers["Allow"]) == (405, allow)


async def test_an_accept_header_that_excludes_all_media_types_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json=QUERY, headers={"Accept": "text/csv"}) as response:
        assert response.status == 406


async def test_a_browser_gets_graphiql(client: aiohttp.ClientSession) -> None:
    async with client.get("/graphql", headers={"Accept": "text/html,*/*;q=0.8"}) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert 'id="graphiql"' in await response.text()


async def test_probes_and_metrics_answer(client: aiohttp.ClientSession) -> None:
    await client.post("/graphql", json=QUERY)
    for path, content in (
        ("/livez", "alive"),
        ("/readyz", "ready"),
        ("/metrics", 'proxygraph_graphql_requests_total{operation="query",outcome="ok"}'),
        ("/metrics", "proxygraph_sql_statements_total"),
    ):
        async with client.get(path) as response:
            assert response.status == 200
            assert content in await response.text()
    async with client.head("/livez") as response:
        assert (response.status, await response.text()) == (200, "")


async def test_the_root_redirects_to_graphql_and_other_paths_are_404(client: aiohttp.ClientSession) -> None:
    async with client.get("/", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (307, "/graphql")
    async with client.get("/nothing") as response:
        assert response.status == 404


async def test_an_unexpected_error_is_masked_and_logged_with_its_path(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A table that another program dropped under the server."""
    query = "{ services { nodes { sessions { nodes { sid participants { sid } } } } } }"
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1))
    async with serving(database) as client:
        change(database, "ALTER TABLE participant RENAME TO gone")
        async with client.post("/graphql", json={"query": query}, headers=GRAPHQL) as response:
            answer = await response.json()
            assert response.status == 294
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR"}
        assert "participant" not in error["message"]
        (logged,) = [record.getMessage() for record in caplog.records if record.name == "proxygraph.errors"]
        error_of_engine = "OperationalError" if isinstance(database, Path) else "ReadFailed"
        assert logged.startswith(f"{error_of_engine} at services.nodes.0.sessions.nodes.0.participants (")
        assert error["message"].split("under ")[1].rstrip(".") in logged
        async with client.post("/graphql", json=QUERY) as response:
            assert await response.json() == DATA


async def test_null_for_a_non_null_variable_is_the_clients_error(client: aiohttp.ClientSession) -> None:
    request = {"query": 'query ($sid: ID = "x") { service(sid: $sid) { sid } }', "variables": {"sid": None}}
    async with client.post("/graphql", json=request) as response:
        (error,) = (await response.json())["errors"]
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}


JSON, RESPONSE = b"application/json", b"application/graphql-response+json"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (b"", JSON),
        (b"*/*", JSON),
        (b"application/*", JSON),
        (b"application/json, application/graphql-response+json", RESPONSE),
        (b"application/graphql-response+json;q=0.2, application/*;q=0.1", RESPONSE),
        (b"application/json", JSON),
        (b"application/graphql-response+json, application/json;q=0.9", RESPONSE),
        (b"application/graphql-response+json;q=0.5, application/json;q=0.9", JSON),
        (b"*/*;q=0.1, application/json", JSON),
        (b"application/graphql-response+json;q=0, */*", JSON),
        (b"application/json;q=nonsense", None),
        (b"text/html", None),
        (b"APPLICATION/JSON; charset=utf-8", JSON),
    ],
)
def test_the_accept_headers_weights_decide(accept: bytes, chosen: bytes | None) -> None:
    assert preferred(accept, (RESPONSE, JSON)) == chosen
