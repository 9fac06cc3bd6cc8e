"""Host, Origin and CORS checks: foreign pages can't reach the server through a browser, and configured origins can."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from gateway.http.origins import SECURITY_HEADERS, browser_could_send
from gateway_under_test import origin_of, serving
from store import keys
from store.archive import open_archive
from store.engine.database import Database

QUERY = {"query": "{ services { totalCount } }"}
CONSOLE = "https://console.example.com"
PREFLIGHT = {
    "Origin": CONSOLE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


async def code(client: aiohttp.ClientSession, headers: Mapping[str, str], path: str = "/graphql") -> tuple[int, str]:
    async with client.post(path, json=QUERY, headers=headers) as response:
        answer = await response.json()
        return response.status, answer["errors"][0]["extensions"]["code"] if "errors" in answer else ""


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]:8000", "::1]", "localhost."])
async def test_loopback_names_are_accepted(client: aiohttp.ClientSession, host: str) -> None:
    expected = (400, "BAD_REQUEST") if host == "::1]" else (200, "")
    assert await code(client, {"Host": host}) == expected


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:8000", "127.0.0.1.evil.example.com"])
async def test_a_name_rebound_to_the_loopback_is_refused(client: aiohttp.ClientSession, host: str) -> None:
    assert await code(client, {"Host": host}) == (421, "MISDIRECTED_REQUEST")
    async with client.get("/metrics", headers={"Host": host}) as response:
        assert response.status == 421


async def test_the_setting_adds_names(database: Database) -> None:
    async with serving(database, allowed_hosts="proxygraph.test, other.test") as client:
        assert (await code(client, {"Host": "proxygraph.test:8000"}))[0] == 200
        assert (await code(client, {"Host": "localhost"}))[0] == 200
        assert (await code(client, {"Host": "evil.test"}))[0] == 421


async def test_with_keys_any_host_is_accepted_unless_the_setting_lists_some(database: Database) -> None:
    async with serving(database, require_key=True) as client:
        assert (await code(client, {"Host": "api.example.com"})) == (401, "UNAUTHENTICATED")
    async with serving(database, require_key=True, allowed_hosts="api.example.com") as client:
        assert (await code(client, {"Host": "api.example.com"})) == (401, "UNAUTHENTICATED")
        assert (await code(client, {"Host": "evil.example.com"})) == (421, "MISDIRECTED_REQUEST")


async def test_a_page_of_another_origin_is_refused_and_the_servers_own_is_accepted(
    client: aiohttp.ClientSession,
) -> None:
    own = str(await origin_of(client))
    assert await code(client, {"Origin": own}) == (200, "")
    for origin in ("https://evil.example.com", "null", f"{own}.evil.example.com", "http://localhost:1"):
        assert await code(client, {"Origin": origin}) == (403, "FORBIDDEN")


async def test_a_configured_origin_passes_its_preflight_and_may_read_the_response(database: Database) -> None:
    async with open_archive(database) as archive:
        key = await keys.create(archive, "console", ("read",), None)
    async with serving(database, require_key=True, cors_origins=CONSOLE) as client:
        async with client.options("/graphql", headers=PREFLIGHT) as response:
            assert response.status == 204
            assert response.headers["Access-Control-Allow-Origin"] == CONSOLE
            assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
            allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
            assert {"authorization", "content-type", "graphql-preflight"} <= set(allowed)
            assert "Access-Control-Allow-Credentials" not in response.headers
        headers = {"Origin": CONSOLE, "Authorization": f"Bearer {key}"}
        async with client.post("/graphql", json=QUERY, headers=headers) as response:
            assert response.status == 200
            assert response.headers["Access-Control-Allow-Origin"] == CONSOLE
            assert "Origin" in response.headers.getall("Vary")
        async with client.post("/graphql", json=QUERY, headers={"Authorization": f"Bearer {key}"}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
            assert "Origin" in response.headers.getall("Vary")


@pytest.mark.parametrize("settings", [{}, {"require_key": True}, {"cors_origins": "https://other.example.com"}])
async def test_an_unlisted_origin_does_not_pass_its_preflight(database: Database, settings: dict[str, Any]) -> None:
    async with serving(database, **settings) as client, client.options("/graphql", headers=PREFLIGHT) as response:
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("headers", "could"),
    [
        ({}, True),
        ({"accept": "application/graphql-response+json"}, True),
        ({"content-type": "text/plain"}, True),
        ({"content-type": "multipart/form-data; boundary=x"}, True),
        ({"content-type": "application/json; charset=utf-8"}, False),
        ({"graphql-preflight": "1"}, False),
        ({"apollo-require-preflight": "true"}, False),
        ({"x-requested-with": ""}, False),
        ({"authorization": "Bearer pgk_x"}, False),
    ],
)
def test_only_headers_that_forms_cant_send_prove_a_preflight(headers: dict[str, str], could: bool) -> None:
    given = {name.encode(): value.encode() for name, value in headers.items()}
    assert browser_could_send(given) is could


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "GraphQL-Preflight": "1"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Content-Type": "application/json"}, 200),
        ({"Origin": CONSOLE}, 403),
        ({"Origin": CONSOLE, "Apollo-Require-Preflight": "1"}, 200),
    ],
)
async def test_a_get_query_that_a_foreign_page_could_send_is_refused(
    database: Database, headers: dict[str, str], status: int
) -> None:
    """A request of a page's image or link has no Origin, but browsers send Sec-Fetch-Site."""
    accept = "application/graphql-response+json"
    async with (
        serving(database, cors_origins=CONSOLE) as client,
        client.get("/graphql", params=QUERY, headers=headers | {"Accept": accept}) as response,
    ):
        assert (response.status, response.content_type) == (status, accept)
        answer = await response.json()
        if status == 403:
            assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


async def test_a_key_proves_a_preflight(database: Database) -> None:
    async with open_archive(database) as archive:
        headers = {"Authorization": f"Bearer {await keys.create(archive, 'console', ('read',), None)}"}
    async with serving(database, require_key=True, cors_origins=CONSOLE) as client:
        page = headers | {"Origin": CONSOLE, "Sec-Fetch-Site": "cross-site", "Accept": "application/json"}
        async with client.get("/graphql", params=QUERY, headers=page) as response:
            assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, CONSOLE)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"Accept": "*/*"}, 403),
        ({"Accept": "image/avif,image/webp,*/*;q=0.8"}, 403),
        ({"Accept": ""}, 403),
        ({"Accept": "application/graphql-response+json"}, 200),
        ({"Accept": "text/html;q=0.1, application/json"}, 200),
        ({"GraphQL-Preflight": "1"}, 200),
        ({"Content-Type": "application/json"}, 200),
    ],
)
async def test_if_keys_are_required_a_get_query_must_show_intent(
    database: Database, wish: dict[str, str], status: int
) -> None:
    """A key alone doesn't prove intent: a proxy may have added it from a cookie."""
    async with open_archive(database) as archive:
        headers = {"Authorization": f"Bearer {await keys.create(archive, 'console', ('read',), None)}"}
    async with serving(database, require_key=True) as client:
        async with client.get("/graphql", params=QUERY, headers=headers | wish) as response:
            assert response.status == status
        async with client.post("/graphql", json=QUERY, headers=headers | {"Accept": "*/*"}) as response:
            assert response.status == 200


async def test_another_site_may_link_to_graphiql(client: aiohttp.ClientSession) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Accept": "text/html,*/*;q=0.8"}
    async with client.get("/graphql", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/html")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/graphql", 415),
        ("GET", "/graphql", 200),
        ("PUT", "/graphql", 405),
        ("OPTIONS", "/graphql", 204),
        ("GET", "/livez", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nothing", 404),
    ],
)
async def test_every_answer_has_the_security_headers(
    client: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    async with client.request(method, path, headers={"Accept": "text/html, application/json"}) as response:
        assert response.status == status
        assert {name.decode().title() for name, _ in SECURITY_HEADERS} <= {name.title() for name in response.headers}
        assert response.headers.getall("X-Content-Type-Options") == ["nosniff"]
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in response.headers


async def test_hsts_is_sent_if_the_setting_says_so(database: Database) -> None:
    async with serving(database, hsts_seconds=300) as client, client.get("/livez") as response:
        assert response.headers["Strict-Transport-Security"] == "max-age=300; includeSubDomains"


INTROSPECTION = {"query": "{ __schema { types { name } } }"}
MISSPELT = {"query": "{ servicez { totalCount } }"}
ODD_ENUM = {"query": "query ($ids: [ID!]!) { nodes(ids: $ids, first: 1) { idd } }", "variables": {"ids": []}}


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        ({}, True),
        ({"introspection": False, "graphiql": False}, False),
        ({"require_key": True}, False),
        ({"require_key": True, "introspection": True, "graphiql": True}, True),
    ],
)
async def test_introspection_and_graphiql_are_on_without_keys_or_by_a_setting(
    database: Database, settings: dict[str, Any], shown: bool
) -> None:
    async with open_archive(database) as archive:
        headers = {"Authorization": f"Bearer {await keys.create(archive, 'console', ('read',), None)}"}
    async with serving(database, **settings) as client:
        async with client.post("/graphql", json=INTROSPECTION, headers=headers) as response:
            assert ("data" in await response.json()) is shown
        for request in (MISSPELT, ODD_ENUM):
            async with client.post("/graphql", json=request, headers=headers) as response:
                assert ("Did you mean" in await response.text()) is shown
        async with client.get("/graphql", headers={"Accept": "text/html"}) as response:
            assert (response.status == 200) is shown
        wish = headers | {"Accept": "application/json"}
        async with client.get("/graphql", params={"query": "{ __typename }"}, headers=wish) as response:
            assert await response.json() == {"data": {"__typename": "Query"}}
        async with client.post("/graphql", json={"query": "{ __typename }"}, headers=headers) as response:
            assert await response.json() == {"data": {"__typename": "Query"}}
