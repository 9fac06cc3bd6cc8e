"""A server without keys serves only clients on this machine, also behind a proxy."""

from pathlib import Path

import pytest

from gateway.auth.locality import is_local
from gateway_under_test import serving
from store.archive import open_archive
from store.engine.database import Database

QUERY = {"query": "{ services { totalCount } }"}


@pytest.fixture
async def keyless(database: Database) -> Database:
    async with open_archive(database):
        return database


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-For": "::1, 127.0.0.1:5173", "X-Forwarded-Host": "localhost:5173"},
        {"Forwarded": 'for=127.0.0.1;proto=http, for="[::1]:80"'},
        {"X-Real-IP": "::ffff:127.0.0.1"},
        {"Forwarded": 'By="a, b; for=9.9.9.9" ; For="127.0.0.1:80"', "X-Forwarded-Port": "5173"},
    ],
)
async def test_a_request_from_this_machine_needs_no_key(keyless: Path, headers: dict[str, str]) -> None:
    async with serving(keyless) as client, client.post("/graphql", json=QUERY, headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "203.0.113.9, 127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"},
        {"X-Forwarded-For": "unknown"},
        {"X-Forwarded-For": "2001:db8::1"},
        {"X-Forwarded-For": ""},
        {"X-Forwarded-For": "127.0.0.1.example.com"},
        {"X-Forwarded-For": "127.1"},
        {"Forwarded": "for=203.0.113.9"},
        {"Forwarded": "for=unknown"},
        {"Forwarded": "for=_hidden"},
        {"Forwarded": 'For="[2001:db8::1]:80";proto=https'},
        {"Forwarded": "for=127.0.0.1, for=203.0.113.9"},
        {"Forwarded": "proto=https"},
        {"X-Real-IP": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "203.0.113.9"},
        {"CF-Connecting-IP": "203.0.113.9"},
        {"True-Client-IP": "203.0.113.9"},
        {"Via": "1.1 proxy"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Port": "443"},
        {"X-Forwarded": "for=203.0.113.9"},
        {"X-Cluster-Client-IP": "203.0.113.9"},
        {"X-Forwarded-For": "[::1]:80.example.com"},
        {"X-Forwarded-For": "127.0.0.1:"},
        {"X-Forwarded-For": "127.0.0.1:80:80"},
        {"X-Forwarded-For": "::1%eth0"},
        {"X-Forwarded-For": "[127.0.0.1"},
        {"Forwarded": ""},
        {"Forwarded": "for=127.0.0.1;for=203.0.113.9"},
        {"Forwarded": 'for="127.0.0.1'},
        {"Forwarded": 'for="127.0.0.1, 203.0.113.9"'},
        {"Forwarded": "for=127.0.0.1,"},
        {"Forwarded": "for=127.0.0.1 for=203.0.113.9"},
        {"Forwarded": 'by="for=127.0.0.1"'},
    ],
)
async def test_a_request_forwarded_from_another_machine_is_refused_without_a_key(
    keyless: Path, headers: dict[str, str]
) -> None:
    async with serving(keyless) as client:
        async with client.post("/graphql", json=QUERY, headers=headers) as response:
            answer = await response.json()
            assert (response.status, answer["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
        async with client.get("/metrics", headers=headers) as response:
            assert response.status == 403
        async with client.get("/livez", headers=headers) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Forwarded-Host": "evil.example:5173"}, 421),
        ({"X-Forwarded-Host": "localhost:5173, evil.example"}, 421),
        ({"X-Forwarded-Host": ""}, 421),
        ({"X-Original-Host": "evil.example"}, 421),
        ({"Forwarded": 'for=127.0.0.1;host="evil.example:80"'}, 421),
        ({"Forwarded": "for=127.0.0.1;Host=localhost, for=127.0.0.1; host=evil.example"}, 421),
        ({"Forwarded": 'for=127.0.0.1;host="[::1]:5173"'}, 200),
        ({"X-Forwarded-Host": "console.test, LOCALHOST:80"}, 200),
    ],
)
async def test_dns_rebinding_to_a_proxy_on_this_machine_is_refused(
    keyless: Path, headers: dict[str, str], status: int
) -> None:
    """The proxy requests localhost, and adds the host that the browser requested as a header."""
    added = {"X-Forwarded-For": "127.0.0.1"} | headers
    async with (
        serving(keyless, allowed_hosts="console.test") as client,
        client.post("/graphql", json=QUERY, headers=added) as response,
    ):
        assert response.status == status


@pytest.mark.parametrize("client", [None, ("203.0.113.9", 1), ("unknown", 0), ("", 0), ("localhost", 1)])
def test_a_connection_from_another_machine_is_not_local(client: tuple[str, int] | None) -> None:
    assert not is_local({"client": client}, {})
