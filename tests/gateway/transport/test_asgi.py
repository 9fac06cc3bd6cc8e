"""The request cycle of the server's connections: responses and disconnects as ASGI has them."""

import asyncio
import socket
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.http.exchange import Receive, Scope, Send
from gateway.transport.connection import Connection
from raw_http import GET, answers, echo, parse_responses, respond_at_once


async def in_parts(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"[1", "more_body": True})
    await send({"type": "http.response.body", "body": b"]"})


async def test_a_response_without_a_length_is_chunked_or_ends_with_its_connection() -> None:
    assert (await answers([GET % b""], in_parts)).endswith(b"\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n")
    older = await answers([b"GET / HTTP/1.0\r\n\r\n"], in_parts)
    assert older.endswith(b"\r\n\r\n[1]")
    assert b"chunked" not in older
    assert b"connection: close" in older
    assert (await answers([b"HEAD / HTTP/1.1\r\n\r\n"], in_parts)).endswith(b"\r\n\r\n")


@pytest.mark.parametrize("headers", [[(b"x", b"a\r\nb: c")], [(b"content-length", b"5")], None])
async def test_a_failing_application_gets_a_500(
    headers: list[tuple[bytes, bytes]] | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(scope: Scope, receive: Receive, send: Send) -> None:
        if headers is not None:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"[]"})

    answered = await answers([GET % b"" + GET % b""], fails)
    assert answered.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b"connection: close\r\n" in answered
    assert len(caplog.records) == 1


@pytest.mark.parametrize("leaves", [False, True], ids=["waits", "leaves"])
async def test_a_half_closed_connection_is_probed_by_an_interim_response(leaves: bool) -> None:
    """The system of a client that has left refuses the interim response."""
    may_answer, gone = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        waiting: asyncio.Future[Any] = asyncio.ensure_future(may_answer.wait())
        receiving: asyncio.Future[Any] = asyncio.ensure_future(receive())
        await asyncio.wait((waiting, receiving), return_when=asyncio.FIRST_COMPLETED)
        if may_answer.is_set():
            receiving.cancel()
            await respond_at_once(scope, receive, send)
        else:
            waiting.cancel()
            assert receiving.result() == {"type": "http.disconnect"}
            gone.set()

    config = uvicorn.Config(slow, lifespan="off", log_config=None)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    async with asyncio.timeout(20):
        writer.write(GET % b"")
        if leaves:
            writer.close()
            await gone.wait()
        else:
            writer.write_eof()
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 102 Processing\r\n\r\n"
            may_answer.set()
            assert (await reader.read()).endswith(b"\r\n\r\n[]")
            writer.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("path", [b"", b"slow"])
async def test_a_request_that_came_before_the_connection_was_shut_down_is_answered(path: bytes) -> None:
    """A busy server has not read it yet: to close the connection then would lose it."""
    config = uvicorn.Config(echo, lifespan="off", log_config=None)
    config.load()
    loop, (ours, theirs) = asyncio.get_running_loop(), socket.socketpair()
    theirs.setblocking(False)
    _, connection = await loop.connect_accepted_socket(
        lambda: Connection(config=config, server_state=ServerState(), app_state={}), ours
    )
    theirs.send(GET % path)
    connection.shutdown()
    received = b""
    async with asyncio.timeout(20):
        while data := await loop.sock_recv(theirs, 65_536):
            received += data
    theirs.close()
    assert parse_responses(received)[0] == [200]
