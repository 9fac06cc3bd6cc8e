"""A network that is cut, and tells nobody: reads go elsewhere or get 503 in time, and all goes on once it is mended."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

import bodies
import postgresql
from following import CHANGES, Stream, following
from gateway_under_test import serving
from hosts import Pair, erase, stored, until
from links import Link, link
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive
from store.errors import SyncAlreadyRunning, SyncSuperseded, Unavailable
from store.sync import runs
from store.sync.runs import RunCounts, start_run

ONE = {"query": f'{{ interaction(sid: "{bodies.sid("KI", 1)}") {{ sid }} }}'}
LIST = {"query": "{ interactions(first: 10) { nodes { sid session { sid } } } }"}
DELETE = {"query": f'mutation {{ deleteInteraction(input: {{ sid: "{bodies.sid("KI", 1)}" }}) {{ erasure }} }}'}
TIME_OUTS = """
SELECT current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'),
  current_setting('tcp_keepalives_count'), current_setting('tcp_user_timeout')
"""
LIMIT = 10
"""Seconds: that of a query, --max-seconds."""
MOST_CONNECTIONS = 26
"""Those of a worker, as README says."""


@pytest.fixture
async def to_primary(pair: Pair) -> AsyncIterator[Link]:
    async with link(pair.primary) as made:
        yield made


async def answer(client: aiohttp.ClientSession, query: dict[str, Any]) -> tuple[int, float]:
    """The status, and how long it took; one that the database's failure explains says when to try again."""
    begun = time.monotonic()
    async with client.post("/graphql", json=query, timeout=aiohttp.ClientTimeout(60)) as response:
        found = await response.json()
        if response.status == 503:
            assert response.headers["Retry-After"] == "1"
            assert found["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        else:
            assert "errors" not in found, found
    return response.status, time.monotonic() - begun


async def status(client: aiohttp.ClientSession, query: dict[str, Any]) -> int:
    async with client.post("/graphql", json=query, timeout=aiohttp.ClientTimeout(60)) as response:
        await response.read()
        return response.status


async def many(client: aiohttp.ClientSession, queries: list[dict[str, Any]], within: float = LIMIT) -> Counter[int]:
    """How often each status was answered; each within so many seconds."""
    answers = await asyncio.gather(*(answer(client, query) for query in queries))
    assert max(seconds for _, seconds in answers) < within
    return Counter(found for found, _ in answers)


async def is_answered(client: aiohttp.ClientSession) -> bool:
    found, _ = await answer(client, ONE)
    return found == 200


async def test_without_its_primary_a_gateway_answers_503_in_time_and_opens_no_more_connections(
    pair: Pair, to_primary: Link
) -> None:
    async with serving(to_primary.address(pair.name)) as client:
        assert await many(client, [ONE, LIST] * 10) == {200: 20}
        to_primary.cut()
        assert await many(client, [ONE, LIST, DELETE] * 15) == {503: 45}
        assert await many(client, [ONE, LIST, DELETE] * 15) == {503: 45}
        assert to_primary.most_open <= MOST_CONNECTIONS
        to_primary.mend()
        await until(lambda: is_answered(client))
        assert await many(client, [ONE, LIST] * 10) == {200: 20}
        assert len(to_primary.clients) <= MOST_CONNECTIONS
    assert len(to_primary.clients) == 0


async def test_a_read_in_the_queue_for_a_connection_is_told_too(pair: Pair, to_primary: Link) -> None:
    async with open_archive(to_primary.address(pair.name)) as archive:
        assert await stored(archive)
        to_primary.cut()
        begun = time.monotonic()
        failed = await asyncio.gather(*(stored(archive) for _ in range(60)), return_exceptions=True)
        assert [type(error) for error in failed] == [Unavailable] * 60
        assert time.monotonic() - begun < LIMIT
        to_primary.mend()
        await until(lambda: is_reached(archive))
        assert await stored(archive)


async def test_broken_connections_are_replaced_without_a_failed_read(pair: Pair, to_primary: Link) -> None:
    async with serving(to_primary.address(pair.name)) as client:
        assert await many(client, [ONE, LIST] * 10) == {200: 20}
        to_primary.reset()
        await until(lambda: is_answered(client))
        assert await many(client, [ONE, LIST] * 10) == {200: 20}


async def test_a_slow_network_delays_answers_for_no_longer_than_the_time_limit(pair: Pair, to_primary: Link) -> None:
    async with serving(to_primary.address(pair.name)) as client:
        assert await many(client, [ONE, LIST]) == {200: 2}
        to_primary.seconds = 0.1
        assert await many(client, [ONE]) == {200: 1}
        to_primary.seconds = 4
        begun = time.monotonic()
        statuses = await asyncio.gather(*(status(client, query) for query in [ONE, LIST] * 10))
        assert time.monotonic() - begun < LIMIT + 5
        assert set(statuses) <= {200, 503}  # Also 200 with the error that the query took too long.
        to_primary.seconds = 0
        await until(lambda: is_answered(client))


async def test_reads_leave_a_replica_whose_network_is_cut_and_come_back(pair: Pair) -> None:
    async with link(pair.standby) as to_standby, link(pair.primary) as to_primary:
        hosts = f"127.0.0.1:{to_standby.port},127.0.0.1:{to_primary.port}"
        async with serving(Address(f"postgresql://{postgresql.USER}@{hosts}/{pair.name}")) as client:
            assert await many(client, [ONE, LIST] * 10) == {200: 20}
            to_standby.cut()
            assert await many(client, [ONE, LIST] * 20) == {200: 40}
            to_standby.mend()
            assert await many(client, [ONE, LIST] * 10) == {200: 20}
            # A replica alone can't tell whether it is up to date. An operation asks the primary up to three times.
            to_primary.cut()
            assert await many(client, [ONE, LIST] * 10, within=2 * LIMIT) == {503: 20}
            to_primary.mend()
            await until(lambda: is_answered(client))


@pytest.mark.parametrize("by_server", [False, True], ids=["kept", "given up by the server"])
async def test_a_subscription_catches_up_after_a_cut(pair: Pair, to_primary: Link, by_server: bool) -> None:
    async with serving(to_primary.address(pair.name)) as client, following(client, CHANGES) as stream:
        async with open_archive(pair.address) as archive:
            await bodies.put(archive, bodies.interaction(2))
            assert await changed(stream) == ("CREATED", bodies.sid("KI", 2))
            before = set(to_primary.clients)
            to_primary.cut()
            if by_server:
                to_primary.end_at_server()
            await bodies.put(archive, bodies.interaction(3))
            await erase(archive, bodies.sid("KI", 2))

        async def is_noticed() -> bool:
            return before.isdisjoint(to_primary.clients)

        await until(is_noticed)
        to_primary.mend()
        assert [await changed(stream) for _ in range(2)] == [
            ("CREATED", bodies.sid("KI", 3)),
            ("ERASED", bodies.sid("KI", 2)),
        ]
        async with open_archive(pair.address) as archive:
            await bodies.put(archive, bodies.interaction(4))
        assert await changed(stream) == ("CREATED", bodies.sid("KI", 4))


async def changed(stream: Stream) -> tuple[str, str]:
    found = await stream.next()
    assert found
    assert "errors" not in found, found
    change = found["data"]["changes"]
    return change["kind"], change["sid"]


async def test_who_is_cut_off_with_the_syncs_lock_is_stopped_and_writes_nothing_after_another_took_over(
    pair: Pair, to_primary: Link
) -> None:
    async with open_archive(to_primary.address(pair.name)) as first, open_archive(pair.address) as second:
        with pytest.raises(SyncSuperseded, match="lost its connection"):
            await sync_until_cut(first, to_primary)
        async with second.sync_lock():
            assert await start_run(second, "full") == 2
            to_primary.mend()
            await until(lambda: is_reached(first))
            with pytest.raises(SyncSuperseded, match="another process has begun run 2"):
                await runs.finish_run(first, 1, RunCounts(), {}, "complete", None)
            with pytest.raises(SyncAlreadyRunning):
                await sync_until_cut(first, to_primary)


async def sync_until_cut(archive: Archive, network: Link) -> None:
    async with archive.sync_lock():
        assert await start_run(archive, "full") == 1
        network.cut()
        network.end_at_server()  # As TCP's time-outs do, which the connection has set to six seconds.
        await asyncio.Event().wait()


async def is_reached(archive: Archive) -> bool:
    try:
        await archive.data_version()
    except Unavailable:
        return False
    return True


async def test_a_transaction_that_is_cut_off_holds_no_other_up_and_is_not_committed_later(
    pair: Pair, to_primary: Link
) -> None:
    async with open_archive(to_primary.address(pair.name)) as first, open_archive(pair.address) as second:
        with pytest.raises(Unavailable):
            await write_while_cut_off(first, to_primary, second)
        assert [await stored(second, bodies.sid("KI", number)) for number in (2, 3)] == [False, True]


async def write_while_cut_off(archive: Archive, network: Link, another: Archive) -> None:
    async with archive.writer.transaction() as transaction:
        assert await transaction.fetch(TIME_OUTS) == [("2", "2", "2", "6000")]
        await transaction.put([bodies.record(bodies.interaction(2))])
        network.cut()
        network.end_at_server()
        await bodies.put(another, bodies.interaction(3))
        network.mend()
