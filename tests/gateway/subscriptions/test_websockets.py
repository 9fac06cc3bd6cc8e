"""graphql-transport-ws over a real server: its messages, its close codes, its limits and its refusals."""

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from following import STATUS, SUBPROTOCOL, subscribe, websocket
from gateway.shutdown import DRAINING
from gateway.subscriptions import websockets
from gateway.subscriptions.socket import Socket
from gateway_under_test import serving
from store import keys
from store.engine.database import Database
from store.engine.protocols import Archive

QUERY = "{ services { totalCount } }"
INIT = {"type": "connection_init"}


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the server closes the WebSocket, after what it still sends."""
    async with asyncio.timeout(20):
        while not socket.closed:
            await socket.receive()
    return socket.close_code


async def test_queries_and_subscriptions_share_a_websocket(client: aiohttp.ClientSession) -> None:
    async with websocket(client) as socket:
        await subscribe(socket, STATUS, "a")
        first = await socket.receive_json()
        assert (first["id"], first["type"], first["payload"]["data"]["syncStatus"]["running"]) == ("a", "next", False)
        await subscribe(socket, QUERY, "b")
        assert await socket.receive_json() == {
            "id": "b",
            "type": "next",
            "payload": {"data": {"services": {"totalCount": 1}}},
        }
        assert await socket.receive_json() == {"id": "b", "type": "complete"}
        await subscribe(socket, "{ nothing }", "c")
        refused = await socket.receive_json()
        assert (refused["id"], refused["type"]) == ("c", "error")
        assert refused["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        await socket.send_json({"type": "complete", "id": "a"})
        await subscribe(socket, STATUS, "a")
        assert (await socket.receive_json())["id"] == "a"
        await socket.send_json({"type": "ping"})
        assert await socket.receive_json() == {"type": "pong"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["no json"], 4400),
        ([[]], 4400),
        ([{"type": "start"}], 4400),
        ([INIT, {"type": "subscribe", "id": 1, "payload": {"query": QUERY}}], 4400),
        ([INIT, {"type": "subscribe", "id": "1", "payload": {"query": 1}}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": {"query": QUERY}}], 4401),
        ([INIT, {"type": "subscribe", "id": "1", "payload": {"query": STATUS}}] * 1 + [
            {"type": "subscribe", "id": "1", "payload": {"query": STATUS}}], 4409),
        ([INIT] + [{"type": "subscribe", "id": "😀" * 60, "payload": {"query": STATUS}}] * 2, 4409),
        ([{"type": "ж" * 200}], 4400),
        ([INIT, {"type": "ping", "payload": 5}], 4400),
        ([INIT, INIT], 4429),
        ([{"type": "connection_init", "payload": {"Authorization": "Bearer pgk_wrong"}}], 4403),
        ([{"type": "connection_init", "payload": {"authorization": 1}}], 4403),
        ([INIT], 4403),
    ],
)  # fmt: skip
async def test_close_codes_are_the_protocols(archive: Archive, messages: list[Any], code: int) -> None:
    async with (
        serving(archive.database, require_key=code == 4403) as client,
        client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as socket,
    ):
        for message in messages:
            await (socket.send_str(message) if isinstance(message, str) else socket.send_json(message))
        assert await closed(socket) == code


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"a": 1}}])
async def test_a_payload_of_null_is_none(client: aiohttp.ClientSession, payload: dict[str, Any]) -> None:
    async with client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as socket:
        for sent, answer in (("ping", "pong"), ("connection_init", "connection_ack"), ("ping", "pong")):
            await socket.send_json({"type": sent} | payload)
            assert await socket.receive_json() == {"type": answer}


async def test_a_client_that_says_nothing_is_closed_with_4408(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websockets, "INIT_SECONDS", 0.01)
    async with client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as socket:
        assert await closed(socket) == 4408


async def test_the_key_comes_in_connection_init_or_in_the_handshake(archive: Archive) -> None:
    key = await keys.create(archive, "console", ("read",), None)
    bearer = {"Authorization": f"Bearer {key}"}
    async with serving(archive.database, require_key=True) as client:
        for payload, headers in ((bearer, {}), ({}, bearer)):
            async with websocket(client, payload, **headers) as socket:
                await subscribe(socket, QUERY)
                assert (await socket.receive_json())["type"] == "next"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with websocket(client, Authorization="Bearer pgk_wrong"):
                pass
        assert refused.value.status == 401


async def test_content_is_withheld_without_its_scope(archive: Archive) -> None:
    key = await keys.create(archive, "console", ("read",), None)
    async with (
        serving(archive.database, require_key=True) as client,
        websocket(client, {"Authorization": f"Bearer {key}"}) as socket,
    ):
        await subscribe(socket, "{ services { nodes { sid } } interactions { nodes { body } } }")
        assert (await socket.receive_json())["payload"]["extensions"]["withheld"] == ["Interaction.body"]


async def test_a_revoked_key_closes_its_websocket_with_4403_within_five_seconds(archive: Archive) -> None:
    key = await keys.create(archive, "console", ("read",), None)
    async with (
        serving(archive.database, require_key=True) as client,
        websocket(client, {"Authorization": f"Bearer {key}"}) as socket,
    ):
        await subscribe(socket, STATUS)
        await socket.receive_json()
        await keys.revoke(archive, "console")
        begun = asyncio.get_running_loop().time()
        assert await closed(socket) == 4403
        assert asyncio.get_running_loop().time() - begun < 5


@pytest.mark.parametrize(
    ("headers", "protocol", "status"),
    [
        ({"Origin": "https://evil.example"}, SUBPROTOCOL, 403),
        ({"Host": "evil.example"}, SUBPROTOCOL, 421),
        ({}, "graphql-ws", 400),
    ],
)
async def test_handshakes_are_refused_by_the_rules_of_queries(
    client: aiohttp.ClientSession, headers: dict[str, str], protocol: str, status: int
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect("/graphql", protocols=[protocol], headers=headers)
    assert refused.value.status == status


async def test_a_foreign_origin_is_refused_even_with_a_key(archive: Archive) -> None:
    """A handshake needs no preflight, and a proxy may have made the key of its visitor's cookie."""
    key = await keys.create(archive, "console", ("read",), None)
    foreign = {"Authorization": f"Bearer {key}", "Origin": "https://evil.example"}
    async with serving(archive.database, require_key=True, cors_origins="https://console.example") as client:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect("/graphql", protocols=[SUBPROTOCOL], headers=foreign)
        assert refused.value.status == 403
        async with websocket(client, None, **(foreign | {"Origin": "https://console.example"})):
            pass


async def test_a_stopping_server_closes_with_1012_new_ones_too(client: aiohttp.ClientSession) -> None:
    async with websocket(client) as socket:
        await subscribe(socket, STATUS)
        await socket.receive_json()
        for call in DRAINING.calls:
            call()
        assert await closed(socket) == 1012
    async with client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as socket:
        assert await closed(socket) == 1012


async def test_a_websocket_too_many_is_closed_with_1013(with_one_session: Database) -> None:
    """graphql-ws connects again after it, but not after a refused handshake."""
    async with (
        serving(with_one_session, subscriptions={"max_subscriptions": 1}) as client,
        websocket(client),
        client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as socket,
    ):
        assert await closed(socket) == 1013


async def test_websockets_without_a_key_make_room_for_one_that_comes_later(archive: Archive) -> None:
    """Else clients that open WebSockets and say nothing could keep all others out."""
    key = await keys.create(archive, "console", ("read",), None)
    async with (
        serving(archive.database, require_key=True, subscriptions={"max_subscriptions": 2}) as client,
        client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as oldest,
        client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as older,
        websocket(client, {"Authorization": f"Bearer {key}"}) as one,
        websocket(client, {"Authorization": f"Bearer {key}"}) as two,
        client.ws_connect("/graphql", protocols=[SUBPROTOCOL]) as too_many,
    ):
        assert [await closed(socket) for socket in (oldest, older, too_many)] == [1013] * 3
        for socket in (one, two):
            await subscribe(socket, STATUS)
            assert (await socket.receive_json())["type"] == "next"


async def test_a_response_to_a_client_that_has_gone_is_dropped() -> None:
    """ASGI's ``send`` raises OSError then, which is nothing to log; the receiving side ends the operations."""

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.disconnect", "code": 1005}

    async def send(_: object) -> None:
        raise ConnectionResetError

    socket = Socket(receive, send, longest=100)
    await socket.send(b"{}")
    assert socket.is_closed
    assert [message async for message in socket.iter_json()] == []


async def test_limits_hold_for_operations_and_for_messages(with_one_session: Database) -> None:
    limited = {"limits": {"max_body": 2_000, "rate": 3}, "subscriptions": {"max_subscriptions_per_key": 1}}
    async with serving(with_one_session, **limited) as client, websocket(client) as socket:
        for name, code in (("a", None), ("b", "OVERLOADED"), ("c", "OVERLOADED"), ("d", "RATE_LIMITED")):
            await subscribe(socket, STATUS, name)
            answer = await socket.receive_json()
            assert answer["id"] == name
            assert code is None or answer["payload"][0]["extensions"]["code"] == code
        await socket.send_str(" " * 3_000)
        assert await closed(socket) == 1009


async def test_each_operation_is_in_the_access_log(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with websocket(client) as socket:
        await subscribe(socket, "query Count { services { totalCount } }")
        await socket.receive_json()
    async with asyncio.timeout(20):
        while caplog.text.count("status=101") < 2:
            await asyncio.sleep(0.01)
    assert "operation=query name=Count key=anonymous cost=2" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
