"""Clients of subscriptions over a real server: streams of events, and WebSockets."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from store.changes import read_feed
from store.engine.protocols import Archive
from store.queries.changes import FeedQuery

EVENTS = {"Accept": "text/event-stream"}
STATUS = "subscription { syncStatus { running lastCompletedAt } }"
SUBPROTOCOL = "graphql-transport-ws"
CHANGES = """
subscription Follow($after: String, $types: [ChangedType!], $filter: ChangeFilter) {
  changes(after: $after, types: $types, filter: $filter) {
    cursor kind type sid sessionSid node { id ... on Interaction { body outbound { resourceStatus } } }
  }
}
"""
INTERACTIONS = """
subscription Messages($after: String, $filter: InteractionFilter) {
  interactions(after: $after, filter: $filter) { cursor kind sid interaction { body } }
}
"""


class Stream:
    """The events of a response."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> dict[str, Any] | None:
        """The next response; None at the event complete. Comments are skipped."""
        while True:
            event = await self.response.content.readuntil(b"\n\n")
            if event == b"event: complete\ndata: \n\n":
                return None
            if not event.startswith(b":"):
                name, _, data = event.removesuffix(b"\n\n").partition(b"\ndata: ")
                assert name == b"event: next"
                found: dict[str, Any] = json.loads(data)
                return found

    async def rest(self) -> bytes:
        """What comes until the stream ends, without comments."""
        return (await self.response.content.read()).replace(b":\n\n", b"")


@asynccontextmanager
async def following(
    client: aiohttp.ClientSession, query: str, variables: dict[str, Any] | None = None, **headers: str
) -> AsyncIterator[Stream]:
    """A subscription over a stream of events."""
    sent = {"query": query, "variables": variables}
    timeout = aiohttp.ClientTimeout(total=60)
    async with client.post("/graphql", json=sent, headers=EVENTS | headers, timeout=timeout) as response:
        assert response.status == 200, await response.text()
        yield Stream(response)


@asynccontextmanager
async def websocket(
    client: aiohttp.ClientSession, payload: dict[str, Any] | None = None, **headers: str
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """An acknowledged WebSocket; ``payload`` is that of connection_init."""
    async with client.ws_connect("/graphql", protocols=[SUBPROTOCOL], headers=headers) as socket:
        await socket.send_json({"type": "connection_init", "payload": payload or {}})
        assert await socket.receive_json() == {"type": "connection_ack"}
        yield socket


async def subscribe(socket: aiohttp.ClientWebSocketResponse, query: str, id: str = "1", **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await socket.send_json({"type": "subscribe", "id": id, "payload": payload})


async def newest(archive: Archive) -> str:
    page = await read_feed(archive, FeedQuery(0, 0))
    return f"{page.epoch}.{page.last}"
