"""Connections: requests that arrive whole, in pieces or pipelined, and those of HTTP/1.0."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from bodies import put, service, session
from gateway.transport.request_cycle import RequestCycle
from gateway_under_test import address_of
from store.archive import open_archive
from store.engine.database import Database

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def streams(database: Database) -> AsyncIterator[Streams]:
    """A connection to a server over an archive with one Service and one Session."""
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1))
    async with address_of(database) as address, asyncio.timeout(20):
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(address).port)
        yield reader, writer
        writer.close()


def post(query: str, *headers: str, version: str = "1.1") -> tuple[bytes, bytes]:
    body = json.dumps({"query": query}).encode()
    lines = [f"POST /graphql HTTP/{version}", "Host: localhost", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode(), body


async def answer(reader: asyncio.StreamReader) -> tuple[bytes, dict[str, Any]]:
    """The next response's head and decoded body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return head, json.loads(await reader.readexactly(length))["data"]


PLANNED, ORDINARY = "{ services { totalCount } }", "{ syncStatus { running } }"
"""One is answered without waiting, the other waits for a thread."""


async def test_pipelined_requests_are_answered_in_order(streams: Streams) -> None:
    reader, writer = streams
    aliases = [f"{{ a{number}: __typename {query[1:]}" for number, query in enumerate((PLANNED, ORDINARY) * 10)]
    writer.write(b"".join(part for query in aliases for part in post(query)))
    names = [next(iter((await answer(reader))[1])) for _ in aliases]
    assert names == [f"a{number}" for number in range(len(aliases))]


async def test_the_rest_of_a_body_that_is_too_large_is_dropped_and_the_next_request_is_answered(
    streams: Streams,
) -> None:
    """The body is refused by its length, before more of it than is buffered has come."""
    reader, writer = streams
    for _ in range(3):
        writer.write(b"".join(post(f"# {'x' * 3_000_000}")))
        head = await reader.readuntil(b"\r\n\r\n")
        assert (head[:13], b"connection: close" in head) == (b"HTTP/1.1 413 ", False)
        await reader.readuntil(b"}]}")
        writer.write(b"".join(post(PLANNED)))
        assert (await answer(reader))[1] == {"services": {"totalCount": 1}}


@pytest.mark.parametrize("query", [PLANNED, ORDINARY])
async def test_a_request_in_pieces_is_answered_once_it_is_complete(streams: Streams, query: str) -> None:
    reader, writer = streams
    for _ in range(2):
        head, body = post(query)
        for piece in (head[:20], head[20:], body[:5], body[5:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer(reader))[0].startswith(b"HTTP/1.1 200 OK\r\n")


async def test_expect_100_continue_is_answered(streams: Streams) -> None:
    reader, writer = streams
    head, body = post(PLANNED, "Expect: 100-continue")
    writer.write(head)
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await answer(reader))[1] == {"services": {"totalCount": 1}}


@pytest.mark.parametrize("query", [PLANNED, ORDINARY])
@pytest.mark.parametrize(("header", "version"), [("Connection: close", "1.1"), ("Accept: */*", "1.0")])
async def test_the_last_response_of_a_connection_has_connection_close(
    streams: Streams, query: str, header: str, version: str
) -> None:
    reader, writer = streams
    writer.write(b"".join(post(query, header, version=version)))
    head, _ = await answer(reader)
    assert b"connection: close\r\n" in head
    assert await reader.read() == b""


async def test_head_is_answered_with_the_bodys_length_and_no_body(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"HEAD /graphql?query=%7B__typename%7D HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"".join(post(PLANNED)))
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: 31\r\n" in head
    assert (await answer(reader))[1] == {"services": {"totalCount": 1}}


async def test_every_response_has_a_date(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"".join(post(PLANNED)))
    assert b"\r\ndate: " in (await answer(reader))[0]


@pytest.mark.parametrize("query", [PLANNED, ORDINARY])
async def test_a_request_is_answered_before_invalid_bytes_behind_it_are_refused(streams: Streams, query: str) -> None:
    reader, writer = streams
    writer.write(b"".join(post(query)) + b"no request at all\r\n\r\n")
    await answer(reader)
    assert (await reader.read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize("query", [PLANNED, ORDINARY])
async def test_an_answered_request_is_freed_at_once(streams: Streams, query: str) -> None:
    """Otherwise requests would stay in memory until the garbage collector runs."""
    reader, writer = streams
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            writer.write(b"".join(post(query)))
            await answer(reader)
        await asyncio.sleep(0)
        assert sum(isinstance(thing, RequestCycle) for thing in gc.get_objects()) <= 1
    finally:
        gc.enable()


async def test_a_request_is_answered_before_the_one_behind_it_is_refused(streams: Streams) -> None:
    reader, writer = streams
    writer.write(b"".join(post(PLANNED)) + b"GET /livez HTTP/1.1\r\nX: " + b"x" * 40_000)
    assert (await answer(reader))[1] == {"services": {"totalCount": 1}}
    assert (await reader.read()).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("query", [PLANNED, ORDINARY])
async def test_a_client_that_has_closed_its_side_still_gets_its_responses(streams: Streams, query: str) -> None:
    reader, writer = streams
    writer.write(b"".join(post(query)) * 3)
    writer.write_eof()
    for _ in range(3):
        assert (await answer(reader))[0].startswith(b"HTTP/1.1 200 OK\r\n")
    assert await reader.read() == b""
