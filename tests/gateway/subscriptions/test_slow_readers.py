"""Subscribers that read slowly, or not at all: what was erased isn't sent to them, and their connections end."""

import asyncio
import json
import socket as sockets
from typing import Any

import aiohttp
import pytest

from bodies import interaction, put, sid
from following import CHANGES, following, newest, subscribe, websocket
from gateway.http.exchange import Exchange
from gateway.observe.metrics import SUBSCRIPTIONS
from gateway.subscriptions.socket import Socket
from gateway.transport.write_deadline import WriteDeadline
from gateway_under_test import address_of, serving
from store.engine.protocols import Archive
from store.erasure.interactions import erase

ROWS, BODY = 800, "x" * 20_000
"""More than the operating system buffers for a connection."""


class Sent:
    """Notes when a connection can take no more, and how many bodies were sent since their rows were erased."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.are_erased, self.bodies_since = False, 0
        self.is_full = asyncio.Event()
        for owner, name in ((Exchange, "send_part"), (Socket, "send")):
            monkeypatch.setattr(owner, name, self._noted(getattr(owner, name)))
        pause = WriteDeadline.pause

        def noted(deadline: WriteDeadline) -> None:
            pause(deadline)
            self.is_full.set()

        monkeypatch.setattr(WriteDeadline, "pause", noted)

    def _noted(self, send: Any) -> Any:
        async def noted(target: Any, message: bytes, *others: Any) -> None:
            await send(target, message, *others)
            self.bodies_since += self.are_erased and BODY.encode() in message

        return noted


@pytest.mark.parametrize("transport", ["events", "websocket"])
async def test_what_was_erased_is_not_sent_to_a_client_that_has_not_read(
    archive: Archive, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No response that has content waits for the client: a row is read once its response can be sent."""
    wanted: dict[str, Any] = {"after": await newest(archive), "types": ["INTERACTION"]}
    await put(archive, *(interaction(n, data=json.dumps({"body": BODY})) for n in range(ROWS)))
    sent = Sent(monkeypatch)

    async def erase_all() -> None:
        async with asyncio.timeout(60):
            await sent.is_full.wait()
        await erase(archive, *(sid("KI", n) for n in range(ROWS)))
        sent.are_erased = True

    async def answers(client: aiohttp.ClientSession) -> list[Any]:
        if transport == "events":
            async with following(client, CHANGES, wanted) as stream:
                await erase_all()
                return [await stream.next() for _ in range(ROWS)]
        async with websocket(client) as socket:
            await subscribe(socket, CHANGES, **wanted)
            await erase_all()
            return [(await socket.receive_json())["payload"] for _ in range(ROWS)]

    async with serving(archive.database, limits={"read_seconds": 100}) as client:
        found = [answer["data"]["changes"] for answer in await answers(client)]
    assert [change["sid"] for change in found] == [sid("KI", n) for n in range(ROWS)]
    assert None in [change["node"] for change in found]
    assert sent.bodies_since == 0


@pytest.mark.skipif(not hasattr(sockets, "TCP_USER_TIMEOUT"), reason="The operating system has no TCP_USER_TIMEOUT.")
async def test_a_client_that_has_vanished_leaves_its_place_though_little_waits_for_it(archive: Archive) -> None:
    """It looks like one that doesn't read: both acknowledge nothing more."""
    wanted = {"after": await newest(archive), "types": ["INTERACTION"]}
    await put(archive, *(interaction(n, data=json.dumps({"body": BODY})) for n in range(10)))
    before = open_subscriptions()
    async with address_of(archive.database, limits={"read_seconds": 0.2}) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with sockets.socket() as client:
            client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
            client.connect((host, int(port)))
            body = json.dumps({"query": CHANGES, "variables": wanted}).encode()
            head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            for expected in (1, 0):
                async with asyncio.timeout(60):
                    while open_subscriptions() - before != expected:
                        await asyncio.sleep(0.01)


def open_subscriptions() -> float:
    ((sample,),) = (metric.samples for metric in SUBSCRIPTIONS.collect())
    return sample.value
