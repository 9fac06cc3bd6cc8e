"""graphql-sse in distinct connections, over a real server: its events, its ends, its limits and its refusals."""

import asyncio
import json
import logging
import re
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from following import EVENTS, STATUS, Stream, following
from gateway.shutdown import DRAINING
from gateway_under_test import address_of, serving
from store import keys
from store.engine.database import Database
from store.engine.protocols import Archive
from store.twilio_mapping import instant

QUERY = "{ services { totalCount } }"


async def post(client: aiohttp.ClientSession, query: str, **headers: str) -> tuple[int, str, str]:
    async with client.post("/graphql", json={"query": query}, headers=EVENTS | headers) as response:
        return response.status, response.headers["Content-Type"], await response.text()


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_query_is_one_event_and_then_complete(client: aiohttp.ClientSession, method: str) -> None:
    sent = {"json": {"query": QUERY}} if method == "POST" else {"params": {"query": QUERY}}
    async with client.request(method, "/graphql", headers=EVENTS, **sent) as response:  # type: ignore[arg-type]
        assert response.content_type == "text/event-stream"
        stream = Stream(response)
        assert await stream.next() == {"data": {"services": {"totalCount": 1}}}
        assert await stream.next() is None
        assert await response.content.read() == b""


async def test_errors_of_a_request_are_an_event_too(client: aiohttp.ClientSession) -> None:
    """EventSource shows no body of a response with another status."""
    for query in ("{ nothing }", "subscription {", "subscription { syncStatus { nothing } }"):
        status, media_type, text = await post(client, query)
        assert (status, media_type) == (200, "text/event-stream; charset=utf-8")
        _, event, complete, _ = text.split("\n\n")
        assert json.loads(event.removeprefix("event: next\ndata: "))["errors"]
        assert complete == "event: complete\ndata: "


async def test_a_get_changes_nothing_by_events_either(client: aiohttp.ClientSession) -> None:
    query = 'mutation { deleteInteraction(input: { sid: "KI00000000000000000000000000000001" }) { clientMutationId } }'
    async with client.get("/graphql", params={"query": query}, headers=EVENTS) as response:
        (error,) = (await Stream(response).next() or {})["errors"]
        assert error["extensions"]["code"] == "METHOD_NOT_ALLOWED"


async def test_a_subscription_needs_a_stream(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json={"query": STATUS}) as response:
        (error,) = (await response.json())["errors"]
        assert error["extensions"]["code"] == "NOT_ACCEPTABLE"
        assert "text/event-stream" in error["message"]


async def test_a_client_that_accepts_json_too_gets_events_for_subscriptions_only(client: aiohttp.ClientSession) -> None:
    """What urql sends."""
    accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed"
    assert (await post(client, QUERY, Accept=accept))[1] == "application/graphql-response+json; charset=utf-8"
    async with following(client, STATUS, Accept=accept) as stream:
        assert (await stream.next() or {})["data"]["syncStatus"]["running"] is False


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Authorization": "Bearer pgk_wrong"}, 401),
    ],
)
async def test_the_rules_of_queries_hold_for_streams(
    client: aiohttp.ClientSession, headers: dict[str, str], status: int
) -> None:
    found, media_type, _ = await post(client, STATUS, **headers)
    assert (found, media_type.split(";")[0]) == (status, "application/json")


async def test_limits_of_documents_hold_for_subscriptions(with_one_session: Database) -> None:
    async with serving(with_one_session, limits={"max_cost": 1}) as client:
        _, _, text = await post(client, STATUS)
        assert '"limit":"cost"' in text


async def test_subscriptions_are_limited_for_one_caller_and_in_all(with_one_session: Database) -> None:
    async with serving(with_one_session, subscriptions={"max_subscriptions_per_key": 1}) as client:
        async with following(client, STATUS) as stream:
            assert await stream.next()
            async with client.post("/graphql", json={"query": STATUS}, headers=EVENTS) as response:
                assert response.status == 503
                assert response.headers["Retry-After"]
        await until_accepted(client)
    async with serving(with_one_session, subscriptions={"max_subscriptions": 1}) as client, following(client, STATUS):
        assert (await post(client, STATUS))[0] == 503


async def test_the_metrics_show_how_many_are_open(client: aiohttp.ClientSession) -> None:
    before = await open_subscriptions(client)
    async with following(client, STATUS) as one, following(client, STATUS) as other:
        assert await one.next()
        assert await other.next()
        assert await open_subscriptions(client) == before + 2
    async with asyncio.timeout(20):
        while await open_subscriptions(client) != before:  # The server has yet to see that the clients have gone.
            await asyncio.sleep(0)


async def open_subscriptions(client: aiohttp.ClientSession) -> int:
    async with client.get("/metrics") as response:
        (number,) = re.findall(r"^proxygraph_subscriptions (\S+)$", await response.text(), re.MULTILINE)
    return int(float(number))


async def until_accepted(client: aiohttp.ClientSession) -> None:
    """A place is free again once the server has seen that its client has gone."""
    async with asyncio.timeout(20):
        while True:
            async with client.post("/graphql", json={"query": STATUS}, headers=EVENTS) as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0)


async def test_a_revoked_key_ends_its_streams_within_five_seconds(archive: Archive) -> None:
    key = await keys.create(archive, "console", ("read",), None)
    async with serving(archive.database, require_key=True) as client:
        bearer = {"Authorization": f"Bearer {key}"}
        async with following(client, STATUS, None, **bearer) as stream:
            assert await stream.next()
            await keys.revoke(archive, "console")
            begun = asyncio.get_running_loop().time()
            assert await stream.rest() == b""
            assert asyncio.get_running_loop().time() - begun < 5
        assert (await post(client, STATUS, **bearer))[0] == 401


async def test_a_key_that_expires_ends_its_streams(archive: Archive) -> None:
    soon = instant((datetime.now(UTC) + timedelta(seconds=1)).isoformat())
    key = await keys.create(archive, "console", ("read",), soon)
    async with (
        serving(archive.database, require_key=True) as client,
        following(client, STATUS, Authorization=f"Bearer {key}") as stream,
    ):
        assert await stream.next()
        assert await stream.rest() == b""


async def test_a_stopping_server_ends_its_streams_without_complete_and_takes_no_new_ones(
    client: aiohttp.ClientSession,
) -> None:
    """So clients connect again, elsewhere."""
    async with following(client, STATUS) as stream:
        assert await stream.next()
        for call in DRAINING.calls:
            call()
        assert await stream.rest() == b""
    status, _, text = await post(client, STATUS)
    assert (status, json.loads(text)["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")


async def test_a_server_stops_while_streams_are_open(with_one_session: Database) -> None:
    async with aiohttp.ClientSession() as session:
        async with address_of(with_one_session) as address:
            response = await session.post(f"{address}/graphql", json={"query": STATUS}, headers=EVENTS)
            assert await Stream(response).next()
        response.close()


async def test_the_access_log_has_a_line_for_a_stream_that_ended(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "proxygraph.access")
    async with following(client, STATUS.replace("subscription", "subscription Watch")) as stream:
        assert await stream.next()
    async with asyncio.timeout(20):
        while not (found := [line for line in caplog.text.splitlines() if "operation=subscription" in line]):
            await asyncio.sleep(0.01)
    assert "method=POST path=/graphql status=200" in found[0]
    assert "name=Watch key=anonymous cost=3" in found[0]
