"""Sends raw bytes over a connection of the server, and parses the responses."""

import asyncio
import json
import random
import socket
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from gateway.http.exchange import Receive, Scope, Send
from gateway.transport.connection import Connection

HOST = b"Host: a\r\n"
GET = b"GET /%b HTTP/1.1\r\n" + HOST + b"\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that responds with the request it received; to some requests only in a later turn of the loop."""
    body, more = b"", True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        body, more = body + message["body"], message["more_body"]
    if body.startswith(b"slow") or scope["path"] == "/slow":
        await asyncio.sleep(0)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    seen = [scope["method"], scope["path"], body.decode("latin-1"), scope["query_string"].decode(), headers]
    answer = json.dumps(seen).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


async def answers(pieces: list[bytes], app: Any = echo) -> bytes:
    """All bytes that a connection sends in response to these pieces of data, after which the client closes its side."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, forwarded_allow_ips="*")
    config.load()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, connection = await loop.connect_accepted_socket(
        lambda: Connection(config=config, server_state=ServerState(), app_state={}, _loop=None), ours
    )
    for piece in pieces:
        if not transport.is_closing():
            connection.data_received(piece)
            await asyncio.sleep(0)
    theirs.shutdown(socket.SHUT_WR)
    received = b""
    async with asyncio.timeout(20):
        while data := await loop.sock_recv(theirs, 65_536):
            received += data
    theirs.close()
    return received


def parse_responses(received: bytes) -> tuple[list[int], list[Any]]:
    """The statuses of the responses, and the requests that ``echo`` received."""
    statuses, echoed = [], []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        statuses.append(int(head.split(b" ", 2)[1]))
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        if statuses[-1] == 200:
            echoed.append(json.loads(rest[:length]))
        received = rest[length:]
    return statuses, echoed


def post(*headers: bytes, body: bytes = b"") -> bytes:
    return b"".join((b"POST / HTTP/1.1\r\n", HOST, *(header + b"\r\n" for header in headers), b"\r\n", body))


def segmentations(sent: bytes) -> list[list[bytes]]:
    """Ways to split the bytes: not at all, into single bytes, and five times at random positions."""
    chosen = random.Random(sent)
    some = []
    for _ in range(5):
        places = sorted(chosen.randrange(len(sent)) for _ in range(3))
        some.append([sent[start:end] for start, end in zip([0, *places], [*places, len(sent)], strict=True)])
    return [[sent], [sent[place : place + 1] for place in range(len(sent))], *some]


async def respond_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that responds without reading the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"[]"})
