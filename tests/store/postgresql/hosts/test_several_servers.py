"""Several servers over one database of PostgreSQL answer as one, also while it restarts or a standby is promoted."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

import bodies
from following import CHANGES, Stream, following
from gateway_under_test import serving
from hosts import Pair, aside, erase
from store import keys
from store.archive import open_archive

PAGE = """
query ($after: String) {
  interactions(first: 7, after: $after) { nodes { sid } pageInfo { endCursor hasNextPage } }
}
"""
LIST = {"query": "{ interactions(first: 100) { nodes { sid } } }"}
SENT = {"query": "{ __typename }"}
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
JSON = {"Accept": "application/json"}


@asynccontextmanager
async def two(pair: Pair, **settings: Any) -> AsyncIterator[tuple[aiohttp.ClientSession, aiohttp.ClientSession]]:
    """Clients of two servers that know both hosts."""
    async with serving(pair.both, **settings) as first, serving(pair.both, **settings) as second:
        yield first, second


async def answered(client: aiohttp.ClientSession, query: dict[str, Any]) -> dict[str, Any]:
    """The response to a query, which is sent again as long as the server says that this may help."""
    while True:
        async with client.post("/graphql", json=query) as response:
            found: dict[str, Any] = await response.json()
            if response.status != 503:
                assert "errors" not in found, found
                return found
            assert response.headers["Retry-After"] == "1"
            assert found["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        await asyncio.sleep(0.05)


async def tag(client: aiohttp.ClientSession) -> str:
    async with client.get("/graphql", params=LIST, headers=JSON) as response:
        assert response.status == 200
        return response.headers["ETag"]


async def revalidated(client: aiohttp.ClientSession, known: str) -> int:
    """The status for a client that has the response with this tag."""
    while True:
        async with client.get("/graphql", params=LIST, headers=JSON | {"If-None-Match": known}) as response:
            if response.status != 503:
                return response.status
        await asyncio.sleep(0.05)


async def test_a_page_walk_goes_on_after_the_server_of_the_database_was_restarted(pair: Pair) -> None:
    sids = [bodies.sid("KI", number) for number in range(1, 101)]
    async with open_archive(pair.address) as archive:
        await bodies.put(archive, *(bodies.interaction(number) for number in range(2, 101)))
    walked: list[str] = []
    after, more, pages = None, True, 0
    async with two(pair) as clients:
        while more:
            found = await answered(clients[pages % 2], {"query": PAGE, "variables": {"after": after}})
            page = found["data"]["interactions"]
            walked += [node["sid"] for node in page["nodes"]]
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            pages += 1
            if pages in (5, 10):
                await aside(pair.primary.stop)
                async with clients[0].post("/graphql", json=LIST) as response:
                    assert (response.status, response.headers["Retry-After"]) == (503, "1")
                await aside(pair.primary.start)
    assert walked == sids


async def test_a_tag_of_one_server_is_good_at_another_until_the_next_write(pair: Pair) -> None:
    async with two(pair) as (first, second), open_archive(pair.address) as archive:
        known = await tag(first)
        assert await revalidated(second, known) == 304
        pair.standby.sql("SELECT pg_wal_replay_pause()")
        await erase(archive)
        assert [await revalidated(client, known) for client in (first, second)] == [200, 200]


async def test_tags_from_before_a_promotion_that_lost_a_write_are_not_current(spare: Pair) -> None:
    async with two(spare) as (first, second):
        async with open_archive(spare.address) as archive:
            before = await tag(first)
            spare.standby.sql("SELECT pg_wal_replay_pause()")
            await aside(spare.standby.freeze)
            await erase(archive)
            lost = await tag(first)
        await aside(spare.primary.kill)
        spare.standby.thaw()
        spare.standby.sql("SELECT pg_wal_replay_resume()")
        await aside(spare.standby.sql, "SELECT pg_promote()")
        rows = (await answered(first, LIST))["data"]["interactions"]["nodes"]
        is_lost = {"sid": bodies.sid("KI", 1)} in rows
        assert await revalidated(second, lost) == (200 if is_lost else 304)
        assert await revalidated(second, before) == (304 if is_lost else 200)
        async with open_archive(spare.both) as archive:
            await erase(archive, bodies.sid("KI", 2))  # The version after the same one, but of another write.
        assert [await revalidated(client, each) for client in (first, second) for each in (lost, before)] == [200] * 4


async def test_a_revoked_key_is_refused_by_the_other_server_within_six_seconds(pair: Pair) -> None:
    async with open_archive(pair.address) as archive:
        key = await keys.create(archive, "console", ("read",), None)
        sent = {"Authorization": f"Bearer {key}"}

        async def status(client: aiohttp.ClientSession) -> int:
            async with client.post("/graphql", json=SENT, headers=sent) as response:
                return response.status

        async with two(pair, require_key=True) as clients:
            assert [await status(client) for client in clients] == [200, 200]
            await keys.revoke(archive, "console")
            revoked = time.monotonic()
            for client in clients:
                while await status(client) == 200:
                    assert time.monotonic() - revoked < 6
                    await asyncio.sleep(0.1)
                assert await status(client) == 401


@pytest.mark.parametrize("cut", ["restarted", "terminated"])
async def test_a_subscription_loses_no_change_when_the_servers_connections_are_cut(pair: Pair, cut: str) -> None:
    async with two(pair) as (first, second), following(first, CHANGES) as one, following(second, CHANGES) as other:
        async with open_archive(pair.address) as archive:
            await bodies.put(archive, bodies.interaction(2))
            assert [await changed(stream) for stream in (one, other)] == [("CREATED", bodies.sid("KI", 2))] * 2
        if cut == "restarted":
            await aside(pair.primary.stop)
            await aside(pair.primary.start)
        else:
            pair.primary.sql(CUT, pair.name)
        async with open_archive(pair.address) as archive:
            await bodies.put(archive, bodies.interaction(3))
            await erase(archive, bodies.sid("KI", 2))
        for stream in (one, other):
            assert [await changed(stream) for _ in range(2)] == [
                ("CREATED", bodies.sid("KI", 3)),
                ("ERASED", bodies.sid("KI", 2)),
            ]


async def changed(stream: Stream) -> tuple[str, str]:
    found = await stream.next()
    assert found
    assert "errors" not in found, found
    change = found["data"]["changes"]
    return change["kind"], change["sid"]
