"""Raw bytes over a connection of the server's, and what is answered to them."""

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


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers what it was told; some of it only after a while."""
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


async def answers(pieces: list[bytes], app: Any = told) -> bytes:
    """All that a connection answers to these pieces of data, after which the client sends no more."""
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
    answered = b""
    async with asyncio.timeout(20):
        while data := await loop.sock_recv(theirs, 65_536):
            answered += data
    theirs.close()
    return answered


def read(answered: bytes) -> tuple[list[int], list[Any]]:
    """The statuses of the answers, and what the application said in them."""
    statuses, said = [], []
    while answered:
        head, _, rest = answered.partition(b"\r\n\r\n")
        statuses.append(int(head.split(b" ", 2)[1]))
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0]) if lengths else 0
        if statuses[-1] == 200:
            said.append(json.loads(rest[:length]))
        answered = rest[length:]
    return statuses, said


def post(*headers: bytes, body: bytes = b"") -> bytes:
    return b"".join((b"POST / HTTP/1.1\r\n", HOST, *(header + b"\r\n" for header in headers), b"\r\n", body))


def cuts(sent: bytes) -> list[list[bytes]]:
    """The bytes at once, one by one, and cut in a few places."""
    chosen = random.Random(sent)
    some = []
    for _ in range(5):
        places = sorted(chosen.randrange(len(sent)) for _ in range(3))
        some.append([sent[start:end] for start, end in zip([0, *places], [*places, len(sent)], strict=True)])
    return [[sent], [sent[place : place + 1] for place in range(len(sent))], *some]


async def at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that answers before it has the body, of which it wants to know nothing."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"[]"})
