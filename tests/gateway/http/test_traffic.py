"""Overload, rate limits and slow clients: the responses to them, and that the server keeps working."""

import asyncio
import json
import select
import socket

import aiohttp
import pytest

from bodies import interaction, put
from gateway.endpoint.admission import OPERATIONS_AT_ONCE
from gateway.http.callers import Caller
from gateway.http.exchange import HttpError
from gateway.http.rate_limit import Rates
from gateway_under_test import origin_of, serving
from store import keys
from store.archive import open_archive
from store.engine.database import Database

pytestmark = pytest.mark.usefixtures("with_one_session")

QUERY = {"query": "{ services { totalCount } }"}
POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def raw(client: aiohttp.ClientSession, sent: bytes) -> bytes:
    """All bytes that the server sends in response until it closes the connection."""
    address = await origin_of(client)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


async def test_the_rate_is_in_the_response_and_requests_over_it_are_refused(database: Database) -> None:
    async with serving(database, {"rate": 2}) as client:
        for left in (1, 0):
            async with client.post("/graphql", json=QUERY) as response:
                assert (response.status, response.headers["RateLimit-Policy"]) == (200, '"minute";q=2;w=60')
                assert response.headers["RateLimit"].startswith(f'"minute";r={left};t=')
        async with client.post("/graphql", json=QUERY) as response:
            assert response.status == 429
            assert 0 < int(response.headers["Retry-After"]) <= 60
            assert response.headers["RateLimit"].startswith('"minute";r=0;t=')
            (error,) = (await response.json())["errors"]
            assert error["extensions"] == {"code": "RATE_LIMITED"}
        async with client.get("/readyz") as response:
            assert response.status == 200


async def test_callers_without_a_key_are_counted_only_if_a_rate_is_set(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json=QUERY) as response:
        assert "RateLimit" not in response.headers


def test_each_key_has_its_own_quota_which_is_renewed_each_minute() -> None:
    now = [100.0]
    rates = Rates(1, clock=lambda: now[0])
    one, other = Caller("one", has_key=True), Caller("other", has_key=True)
    assert dict(rates.count(one)) == {b"ratelimit-policy": b'"minute";q=1;w=60', b"ratelimit": b'"minute";r=0;t=60'}
    rates.count(other)
    now[0] += 59.5
    with pytest.raises(HttpError) as refusal:
        rates.count(one)
    assert (refusal.value.status, dict(refusal.value.headers)[b"retry-after"]) == (429, b"1")
    now[0] += 0.5
    rates.count(one)


async def test_requests_are_counted_by_the_name_of_their_key(database: Database) -> None:
    async with open_archive(database) as archive:
        one, other = [f"Bearer {await keys.create(archive, name, ('read',), None)}" for name in ("127.0.0.1", "other")]
    async with serving(database, {"rate": 1}) as client:
        for key, status in (("", 200), ("", 429), (one, 200), (one, 429), (other, 200)):
            headers = {"Authorization": key} if key else {}
            async with client.post("/graphql", json=QUERY, headers=headers) as response:
                assert response.status == status


async def test_a_key_has_a_default_rate(database: Database) -> None:
    async with open_archive(database) as archive:
        headers = {"Authorization": f"Bearer {await keys.create(archive, 'console', ('read',), None)}"}
    async with serving(database) as client, client.post("/graphql", json=QUERY, headers=headers) as response:
        assert response.headers["RateLimit-Policy"] == '"minute";q=60000;w=60'


async def test_an_operation_with_several_searches_reacquires_one_slot(database: Database) -> None:
    """Once it took a slot for each search, so a few such operations could block all others for ever."""
    search = 'interactions(first: 1, filter: {bodyContains: "nobody said this"}) { totalCount nodes { sid } }'
    query = {"query": f"{{ a: {search} b: {search} c: {search} }}"}
    async with serving(database) as client:
        for _ in range(2 * OPERATIONS_AT_ONCE):
            async with client.post("/graphql", json=query) as response:
                assert "errors" not in await response.json()


async def test_a_full_server_answers_503_with_retry_after(database: Database) -> None:
    async with serving(database, {"max_concurrent": 1}) as client:

        async def status() -> tuple[int, str | None]:
            async with client.post("/graphql", json=QUERY) as response:
                await response.read()
                return response.status, response.headers.get("Retry-After")

        found = set(await asyncio.gather(*(status() for _ in range(40))))
        assert found <= {(200, None), (503, "1")}
        assert (200, None) in found
        assert await status() == (200, None)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"POST /gra", b"HTTP/1.1 408 "),
        (POST + b"Content-Length: 100\r\n\r\n{", b"HTTP/1.1 408 "),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"HTTP/1.1 408 "),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n", b"HTTP/1.1 200 "),
    ],
    ids=["nothing", "half a head", "half a body", "half of the chunks", "a body after the answer"],
)
async def test_a_client_that_never_completes_its_request_is_disconnected(
    database: Database, sent: bytes, status: bytes
) -> None:
    async with serving(database, {"read_seconds": 0.2}) as client:
        assert (await raw(client, sent)).startswith(status)
        async with client.post("/graphql", json=QUERY) as response:
            assert response.status == 200


async def test_a_client_that_never_reads_its_response_is_disconnected(database: Database) -> None:
    """Otherwise it would hold the response's memory for ever; the operating system buffers only a few MB of it."""
    async with open_archive(database) as archive:
        data = json.dumps({"body": "x" * 1_000_000})
        await put(archive, *(interaction(number, data=data) for number in range(1, 31)))
    body = json.dumps({"query": "{ interactions { nodes { body } } }"}).encode()
    async with serving(database, {"read_seconds": 0.2}) as client:
        address = await origin_of(client)
        with socket.create_connection((address.host, address.port)) as idle:
            hung_up = select.poll()
            hung_up.register(idle, 0)
            idle.sendall(POST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
            async with asyncio.timeout(60):
                while not hung_up.poll(0):
                    await asyncio.sleep(0.01)
        async with client.post("/graphql", data=body, headers={"Content-Type": "application/json"}) as response:
            assert len(await response.read()) > 30_000_000


async def test_a_head_that_is_too_long_is_refused(client: aiohttp.ClientSession) -> None:
    answer = await raw(client, b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 40_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_connection_stays_open_for_the_next_request(database: Database) -> None:
    async with serving(database, {"read_seconds": 0.2}) as client:
        request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
        both = await raw(client, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
        assert both.count(b"HTTP/1.1 200 OK") == 2


async def test_a_body_that_trickles_on_after_its_response_keeps_no_connection_open(database: Database) -> None:
    async with serving(database, {"read_seconds": 0.2}) as client:
        address = await origin_of(client)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        answered = await reader.readuntil(b"alive\n")
        ended = asyncio.create_task(reader.read())
        async with asyncio.timeout(60):
            while not ended.done():
                writer.write(b"x")
                await asyncio.sleep(0.01)
        assert answered.startswith(b"HTTP/1.1 200 ")
        assert ended.exception() or ended.result() == b""
        writer.close()
