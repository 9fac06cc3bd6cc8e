"""The pool gives each operation a connection that works, and a read ends in time whatever the server does."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import asyncpg
import pytest

import postgresql
from bodies import sid
from gateway.http.tasks import start_eagerly
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive
from store.errors import OutOfTime, ReadFailed, SearchTooLong, Unavailable
from store.postgresql import connections
from store.postgresql.pools import ConnectionPool
from store.queries.lookups import Lookup
from store.sessions import Session

pytestmark = pytest.mark.timeout(60)

ONE = "SELECT 1"
LONG = "SELECT pg_sleep(60)"


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[Cluster]:
    """A cluster that tests may stop and freeze."""
    with postgresql.cluster() as running:
        yield running


@pytest.fixture
async def pool(postgresql_cluster: Cluster) -> AsyncIterator[ConnectionPool]:
    made = ConnectionPool(Address(postgresql_cluster.url()), 2)
    yield made
    await made.close()


@pytest.fixture
async def own_pool(own_cluster: Cluster) -> AsyncIterator[ConnectionPool]:
    made = ConnectionPool(Address(own_cluster.url()), 2)
    yield made
    await made.close()


def soon() -> float:
    return time.monotonic() + 0.2


async def running(pool: ConnectionPool) -> int:
    """How many long statements the server runs."""
    ((number,),) = await pool.fetch(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE :sql", {"sql": "%_sleep(60)"}
    )
    return int(number)


async def test_connections_are_kept_and_never_more_than_the_pool_may_have(pool: ConnectionPool) -> None:
    first, second = await pool.take(), await pool.take()
    assert pool.take_free() is None
    with pytest.raises(OutOfTime):
        await pool.take(soon())
    pool.give_back(first)
    assert pool.take_free() is first
    pool.give_back(second)
    assert await pool.take() is second
    for connection in (first, second):
        pool.give_back(connection)


async def test_waiters_get_connections_in_order_of_arrival_and_a_cancelled_one_passes_its_own_on(
    pool: ConnectionPool,
) -> None:
    held = [await pool.take(), await pool.take()]
    order = []

    async def take(name: str) -> None:
        connection = await pool.take()
        order.append(name)
        pool.give_back(connection)

    tasks = [asyncio.create_task(take(name)) for name in "abcd"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    pool.give_back(held[0])  # To a, which is cancelled before it can take it.
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert order == ["c", "d"]
    pool.give_back(held[1])
    held = [await pool.take(), await pool.take()]
    assert pool.counts == (2, 2, 0)
    for connection in held:
        pool.give_back(connection)


async def test_a_statement_is_stopped_at_its_deadline_and_at_the_server_too(pool: ConnectionPool) -> None:
    with pytest.raises(OutOfTime):
        await pool.fetch(LONG, deadline=soon())
    assert await pool.fetch(ONE) == [(1,)]
    while await running(pool):
        await asyncio.sleep(0.05)


async def test_the_statement_of_a_cancelled_read_is_stopped_at_the_server(pool: ConnectionPool) -> None:
    reading = asyncio.create_task(pool.fetch(LONG))
    while not await running(pool):
        await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    while await running(pool):
        await asyncio.sleep(0.05)


async def test_the_server_ends_a_statement_whose_client_has_died(pool: ConnectionPool) -> None:
    connection = await pool.take()
    reading = asyncio.create_task(connection.fetch(LONG))
    while not await running(pool):
        await asyncio.sleep(0.01)
    connection.raw.terminate()
    with pytest.raises(Unavailable):
        await reading
    pool.give_back(connection)
    while await running(pool):
        await asyncio.sleep(0.05)


async def test_a_failed_statement_tells_nothing_of_its_values(pool: ConnectionPool) -> None:
    for sql, value in (("SELECT CAST(:text AS json)", "secret"), ("SELECT CAST(:text AS bigint)", "secret")):
        with pytest.raises(ReadFailed) as failed:
            await pool.fetch(sql, {"text": value})
        assert "secret" not in str(failed.value)
    assert await pool.fetch(ONE) == [(1,)]


async def test_a_connection_for_reading_writes_nothing(pool: ConnectionPool) -> None:
    with pytest.raises(ReadFailed, match="ReadOnlySQLTransactionError"):
        await pool.fetch("CREATE TABLE written ()")


async def test_a_read_transaction_sees_one_state_until_it_ends(archive: Archive, address: Address) -> None:
    pool = ConnectionPool(address, 1)
    connection = await pool.take()
    await connection.begin()
    assert await connection.fetch("SELECT count(*) FROM session") == [(1,)]
    async with archive.writer.transaction() as transaction:
        await transaction.execute("DELETE FROM session")
    assert await connection.fetch("SELECT count(*) FROM session") == [(1,)]
    await connection.end()
    assert await connection.fetch("SELECT count(*) FROM session") == [(0,)]
    pool.give_back(connection)
    await pool.close()


async def test_the_archive_shows_its_connections_of_each_server(archive: Archive, address: Address) -> None:
    reader = archive.operation_reader()
    await reader.read(Lookup(Session), [sid("KC", 1)])
    figures = {name: value for name, value, server in archive.figures() if server == address.servers}
    assert figures["database_connections_in_use"] == 1
    assert figures["database_connections"] >= 1
    assert figures["database_connections_awaited"] == 0
    await reader.release()
    assert {figure.value for figure in archive.figures() if figure.name == "database_connections_in_use"} == {0}


async def test_a_transaction_that_is_given_back_is_not_handed_on(pool: ConnectionPool) -> None:
    connection = await pool.take()
    await connection.begin()
    pool.give_back(connection)
    others = [await pool.take(), await pool.take()]
    assert connection not in others
    assert not any(other.raw.is_in_transaction() for other in others)
    for other in others:
        pool.give_back(other)


async def test_a_restarted_server_costs_idle_connections_no_error(
    own_cluster: Cluster, own_pool: ConnectionPool
) -> None:
    for connection in [await own_pool.take(), await own_pool.take()]:
        own_pool.give_back(connection)
    await asyncio.to_thread(own_cluster.stop)
    await asyncio.to_thread(own_cluster.start)
    for _ in range(3):
        assert await own_pool.fetch(ONE) == [(1,)]


async def test_a_server_that_is_killed_or_away_is_unavailable_at_once(
    own_cluster: Cluster, own_pool: ConnectionPool
) -> None:
    reading = asyncio.create_task(own_pool.fetch(LONG))
    while not await running(own_pool):
        await asyncio.sleep(0.01)
    own_cluster.kill()
    try:
        with pytest.raises(Unavailable):
            await reading
        with pytest.raises(Unavailable, match="Check the host and the port"):
            await own_pool.fetch(ONE)
    finally:
        own_cluster.start()
    assert await own_pool.fetch(ONE) == [(1,)]


async def test_a_frozen_server_holds_nobody_longer_than_the_limits(
    own_cluster: Cluster, own_pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "COMMAND_SECONDS", 0.5)
    monkeypatch.setattr(connections, "CLOSING_SECONDS", 0.2)
    monkeypatch.setattr("store.postgresql.addresses.CONNECT_SECONDS", 0.5)
    for connection in [await own_pool.take(), await own_pool.take()]:
        own_pool.give_back(connection)
    own_cluster.freeze()
    try:
        with pytest.raises(OutOfTime):
            await own_pool.fetch(ONE, deadline=soon())
        with pytest.raises(Unavailable, match="can't be reached now"):
            await own_pool.fetch(ONE)
        with pytest.raises(Unavailable, match="doesn't answer"):
            await own_pool.fetch(ONE)
        with pytest.raises(OutOfTime):
            await own_pool.fetch(ONE, deadline=soon())
    finally:
        own_cluster.thaw()
    assert await own_pool.fetch(ONE) == [(1,)]


async def test_a_server_without_a_connection_left_is_unavailable(own_cluster: Cluster) -> None:
    own_cluster.sql("CREATE ROLE limited LOGIN CONNECTION LIMIT 1")
    pool = ConnectionPool(Address(own_cluster.url(user="limited")), 2)
    connection = await pool.take()
    with pytest.raises(Unavailable, match="no connection left"):
        await pool.take()
    pool.give_back(connection)
    assert await pool.fetch(ONE) == [(1,)]
    await pool.close()


async def test_a_changed_table_fails_no_prepared_statement(archive: Archive, address: Address) -> None:
    sql = "SELECT * FROM archive"
    before = [len(row) for row in await archive.fetch(sql) for _ in range(4)]
    connection = await asyncpg.connect(address.url)
    await connection.execute("ALTER TABLE archive ADD COLUMN later text")
    await connection.close()
    assert [len(row) for row in await archive.fetch(sql)] == [before[0] + 1]


@dataclass(frozen=True)
class Slow:
    """A search that takes too long."""

    sql: str = "SELECT convert_to(pg_sleep(60)::text, 'UTF8')"
    may_be_long: bool = True
    is_versioned: bool = True

    def parameters(self, keys: Sequence[str]) -> dict[str, Any]:
        return {}

    def answer(self, payload: bytes, keys: Sequence[str]) -> Sequence[str]:
        return keys


@pytest.mark.parametrize("in_one_snapshot", [True, False])
async def test_a_search_stops_at_its_limit_and_a_request_at_its_deadline(
    address: Address, in_one_snapshot: bool
) -> None:
    async with open_archive(address, search_seconds=0.2) as archive:
        for deadline, expected in ((inf, SearchTooLong), (soon() - 0.1, OutOfTime)):
            reader = archive.operation_reader() if in_one_snapshot else archive.reader()
            reader.deadline = deadline
            with pytest.raises(expected):
                await reader.read(Slow(), ["key"])
            assert isinstance(reader.refusal, OutOfTime) == (expected is OutOfTime)
            await reader.release()


async def test_a_request_that_has_no_task_yet_can_open_a_connection(pool: ConnectionPool) -> None:
    """A request runs without a task up to its first wait, which may be for the first connection of the pool."""
    found: list[Any] = []

    async def read() -> None:
        found.extend(await pool.fetch(ONE))

    loop = asyncio.get_running_loop()
    started: asyncio.Future[asyncio.Task[None] | None] = loop.create_future()
    loop.call_soon(lambda: started.set_result(start_eagerly(loop, read())))  # As a protocol starts a request.
    task = await started
    assert task
    await task
    assert [tuple(row) for row in found] == [(1,)]
