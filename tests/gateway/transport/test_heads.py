"""Unusual values in a request's head get a 4xx or are ignored, and never cause a 5xx or a traceback."""

import asyncio
import logging
from urllib.parse import urlsplit

import pytest

from gateway_under_test import address_of
from store.engine.database import Database

NAMES = (
    *("Accept", "Accept-Encoding", "Access-Control-Request-Method", "Authorization", "Content-Encoding"),
    *("Content-Type", "Expect", "Forwarded", "GraphQL-Cost", "GraphQL-Preflight", "Host", "If-None-Match"),
    *("Origin", "Sec-Fetch-Site", "Traceparent", "Upgrade", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id"),
)
VALUES = (
    b"\xff",
    b"http://[",
    b"http://[::1",
    b'"',
    b",",
    b";q=",
    b"*/*;q=nan, */*;q=inf",
    b"[",
    b"%",
    b"a" * 9_000,
    b"",
)
BODY = b'{"query": "{ __typename }"}'


async def statuses(address: str, requests: list[bytes]) -> list[int]:
    """The statuses of the responses, each on its own connection."""
    found = []
    for request in requests:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        writer.write(request)
        line = await reader.readline()
        found.append(int(line.split(b" ")[1]))
        writer.close()
    return found


@pytest.mark.parametrize("keys", [False, True], ids=["keyless", "with keys"])
@pytest.mark.parametrize("name", NAMES)
async def test_an_invalid_header_value_is_the_clients_error(
    with_one_session: Database, name: str, keys: bool, caplog: pytest.LogCaptureFixture
) -> None:
    host = b"" if name == "Host" else b"Host: localhost\r\n"
    json = b"" if name == "Content-Type" else b"Content-Type: application/json\r\n"
    lines = [b"%b: %b\r\n" % (name.encode(), value) for value in VALUES]
    posts = [
        b"POST /graphql HTTP/1.1\r\n%b%b%bContent-Length: %d\r\n\r\n%b" % (host, json, line, len(BODY), BODY)
        for line in lines
    ]
    gets = [b"GET %b HTTP/1.1\r\n%b%b\r\n" % (path, host, line) for line in lines for path in (b"/graphql", b"/livez")]
    async with address_of(with_one_session, require_key=keys) as address, asyncio.timeout(30):
        found = await statuses(address, posts + gets)
    assert all(200 <= status < 500 for status in found), found
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


HOSTS = [b"", b"Host:\r\n", b"Host: a\r\nHost: a\r\n", b"Host: a, b\r\n", b"Host: a b\r\n", b"Host: a/b\r\n"]
HOSTS += [
    b"Host: a@b\r\n",
    b"Host: [::1\r\n",
    b"Host: ::1\r\n",
    b"Host: a:b\r\n",
    b"Host: \xff\r\n",
    b"Host: a:999999\r\n",
]


@pytest.mark.parametrize("keys", [False, True], ids=["keyless", "with keys"])
async def test_a_request_must_have_exactly_one_host(with_one_session: Database, keys: bool) -> None:
    async with address_of(with_one_session, require_key=keys) as address, asyncio.timeout(30):
        found = await statuses(address, [b"GET /livez HTTP/1.1\r\n%b\r\n" % host for host in HOSTS])
        assert found == [400] * len(HOSTS)
        assert await statuses(address, [b"GET http://evil.example/livez HTTP/1.1\r\nHost: localhost\r\n\r\n"]) == [
            200 if keys else 421
        ]
        assert await statuses(address, [b"GET http://localhost/livez HTTP/1.1\r\nHost: evil.example\r\n\r\n"]) == [200]


HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n"
)


async def test_a_websocket_handshake_is_treated_like_any_request(
    with_one_session: Database, caplog: pytest.LogCaptureFixture
) -> None:
    foreign = b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\n"
    async with address_of(with_one_session) as address, asyncio.timeout(30):
        assert await statuses(
            address,
            [
                b"GET /livez HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % HANDSHAKE,
                b"GET /livez HTTP/1.1\r\nHost: evil.example\r\n%b\r\n" % HANDSHAKE,
                foreign + HANDSHAKE + b"\r\n",
            ],
        ) == [200, 421, 403]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
