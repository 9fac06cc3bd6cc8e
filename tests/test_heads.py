"""Heads that came before: what they say is not found out again, and nobody can tell but by the time it takes."""

import asyncio
import json
import random
import socket
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.http.exchange import Receive, Scope, Send
from gateway.transport.connections import Connection
from gateway.transport.heads import Heads

POST = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nX-Of: %b\r\nContent-Length: %d\r\n\r\n%b"
GET = b"GET /graphql?query=%%7B%b HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n%b\r\n0\r\n\r\n"
FORWARDED = b"POST / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.%b\r\nContent-Length: 2\r\n\r\n{}"
CAUTIOUS = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
LAST = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
BLANK = b"\r\n\r\n"
UPGRADE = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"
IN_URL = b"POST /graphql?query=%7B%7D HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


def post(of: int, body: bytes) -> bytes:
    return POST % (b"%d" % of, len(body), body)


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers what it was told; some of it only after a while."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if body.startswith(b"slow"):
        await asyncio.sleep(0)
    seen = [scope[name] for name in ("method", "path", "raw_path", "query_string", "http_version", "client", "scheme")]
    answer = json.dumps([*map(str, seen), str(list(scope["headers"])), body.decode()]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


async def told_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """One that answers before it has the body, of which it wants to know nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def answers(pieces: list[bytes], heads: Heads, app: Any = told) -> bytes:
    """What a connection answers to these pieces of data, each of which comes after all before it was looked at."""
    config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None, forwarded_allow_ips="*")
    config.load()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()

    class Own(Connection):
        pass

    Own.heads = heads
    transport, connection = await loop.connect_accepted_socket(
        lambda: Own(config=config, server_state=ServerState(), app_state={}, _loop=loop), ours
    )
    assert isinstance(connection, Own)
    for piece in pieces:
        if not transport.is_closing():
            connection.data_received(piece)
            await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while not transport.is_closing() and connection.cycle and not connection.cycle.response_complete:
            await asyncio.sleep(0)
    transport.close()
    answered = b""
    async with asyncio.timeout(20):
        while data := await loop.sock_recv(theirs, 65_536):
            answered += data
    theirs.close()
    return answered


class Forgetful(Heads):
    """Heads that remember nothing: each is parsed."""

    def remember(self, data: bytes, scope: Scope, body: bytes | bytearray) -> None:
        """Does not."""


async def test_a_head_that_came_before_is_not_parsed_again() -> None:
    heads = Heads()
    first = await answers([post(1, b"one")], heads)
    known, _ = heads.find(post(1, b"two")) or (None, 0)
    assert known is not None
    known.scope["path"] = "/remembered"
    second = await answers([post(1, b"two")], heads)
    assert (b"/remembered" in first, b"/remembered" in second) == (False, True)
    assert b'"two"' in second


@pytest.mark.parametrize(
    "request_",
    [
        CHUNKED % b"abc",
        CAUTIOUS,
        LAST,
        UPGRADE,
        IN_URL,
        post(1, b"x") + post(2, b"y"),
        POST % (b"o" * 5_000, 0, b""),
        BLANK + post(1, b"x"),
    ],
)
async def test_a_head_that_has_to_do_with_more_than_itself_is_not_remembered(request_: bytes) -> None:
    heads = Heads()
    await answers([request_], heads)
    assert len(heads) == 0


async def test_no_more_heads_are_remembered_than_there_may_be() -> None:
    heads = Heads(most=3)
    await answers([post(number, b"x") for number in range(10)], heads)
    assert 0 < len(heads) <= 3


async def test_a_head_that_is_known_is_one_only_where_the_body_came_with_it() -> None:
    whole = post(1, b"x" * 100)
    for cut in range(1, len(whole)):
        heads = Heads()
        pieces = [whole, whole[:cut], whole[cut:], whole]
        assert (await answers(pieces, heads)).count(b"HTTP/1.1 200 OK") == 3, cut


async def test_what_comes_of_a_body_after_its_answer_is_no_request() -> None:
    inner = post(1, b"x")
    pieces = [inner, POST % (b"2", 2 * len(inner), inner), inner, inner]
    for heads in (Heads(), Forgetful()):
        assert (await answers(pieces, heads, told_at_once)).count(b"HTTP/1.1 200 OK") == 3


KNOWN = post(1, b"xyz")


@pytest.mark.parametrize(
    "pieces",
    [
        [KNOWN, b"POST /x HTTP/1.1\r\nHost: a\r\nX-Part: ", KNOWN, KNOWN],
        [KNOWN[:-3], b"xyz" + KNOWN, b"xyz" + KNOWN],
        [BLANK + KNOWN, BLANK + b"xyz", KNOWN],
        [FORWARDED % b"1", FORWARDED % b"1"],
    ],
)
async def test_a_known_head_is_one_only_where_a_request_begins(pieces: list[bytes]) -> None:
    assert await answers(pieces, Heads()) == await answers(pieces, Forgetful())


@pytest.mark.parametrize("app", [told, told_at_once])
async def test_nobody_can_tell_that_a_head_is_known(app: Any) -> None:
    """Many streams of requests, in pieces cut anywhere, are answered with the same bytes as by parsing each."""
    chosen = random.Random(5)
    heads = Heads()
    for _ in range(60):
        stream = [
            chosen.choice(
                (
                    *(post(of, body) for of in range(2) for body in (b"", b"{}", b"slow", b"\r\n\r\n")),
                    *(form % b"1" for form in (GET, FORWARDED)),
                    *(method + b" /livez HTTP/1.1\r\nHost: a\r\n\r\n" for method in (b"GET", b"HEAD")),
                    CHUNKED % b"abc",
                    CAUTIOUS,
                    b"\r\n",
                )
            )
            for _ in range(8)
        ]
        stream.append(chosen.choice((b"", LAST, UPGRADE, b"no request at all\r\n\r\n")))
        pieces = list(stream)
        if chosen.random() < 0.5:
            whole = b"".join(stream)
            cuts = sorted(chosen.sample(range(len(whole)), 6))
            pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
        assert await answers(pieces, heads, app) == await answers(pieces, Forgetful(), app), pieces
