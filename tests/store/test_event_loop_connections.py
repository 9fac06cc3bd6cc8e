"""Reads on the loop move to a thread if they are long, end if they are cancelled, and free their connection.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from itertools import count
from math import inf
from pathlib import Path
from time import perf_counter

import pytest

from store.archive import open_archive
from store.errors import OutOfTime
from store.sqlite.reading import event_loop_connections
from store.sqlite.reading.event_loop_connections import OPERATIONS_AT_ONCE, EventLoopConnection, EventLoopConnectionPool

pytestmark = pytest.mark.of_a_file

LONG = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT ?) SELECT count(*) FROM number"
SHORT = "SELECT 1"
STEPS = 200_000
FEW_STEPS = 500
"""Long enough for one or two checks of the clock."""
ENDLESS = -1


@pytest.fixture
async def pool(database: Path) -> AsyncIterator[EventLoopConnectionPool]:
    async with open_archive(database):
        pool = EventLoopConnectionPool(str(database))
        yield pool
        pool.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is not blocked by a statement longer than one check of the clock."""
    monkeypatch.setattr(event_loop_connections, "LOOP_SECONDS", -inf)


@pytest.mark.usefixtures("impatient")
async def test_a_statement_that_is_too_long_for_the_loop_is_read_in_a_thread(pool: EventLoopConnectionPool) -> None:
    connection = await pool.take()
    connection.begin(several=False)
    assert connection.rows_on_loop(LONG, (STEPS,)) is None
    assert await connection.rows(LONG, (STEPS,)) == [(STEPS,)]
    assert connection.rows_on_loop(SHORT, ()) == [(1,)]


async def test_a_long_statement_is_not_tried_on_the_loop_again(
    pool: EventLoopConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await pool.take(), await pool.take()
    with monkeypatch.context() as impatient:
        impatient.setattr(event_loop_connections, "LOOP_SECONDS", -inf)
        one.begin(several=False)
        assert one.rows_on_loop(LONG, (STEPS,)) is None
    other.begin(several=False)
    assert other.rows_on_loop(LONG, (1,)) is None
    assert await other.rows(LONG, (1,)) == [(1,)]


@pytest.mark.usefixtures("impatient")
async def test_an_operation_is_stopped_at_its_time_limit(pool: EventLoopConnectionPool) -> None:
    connection = await pool.take()
    connection.begin(several=True, until=perf_counter())
    with pytest.raises(OutOfTime):
        await connection.rows(LONG, (ENDLESS,))
    pool.give_back(connection)


@pytest.mark.usefixtures("impatient")
async def test_a_cancelled_read_ends_and_frees_its_connection(
    pool: EventLoopConnectionPool,
) -> None:
    for _ in range(2 * OPERATIONS_AT_ONCE):
        connection = await pool.take()
        connection.begin(several=True)
        reading = asyncio.create_task(connection.rows(LONG, (ENDLESS,)))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert connection.rows_on_loop(SHORT, ()) == [(1,)]
        pool.give_back(connection)


async def test_a_cancelled_waiter_keeps_no_connection(pool: EventLoopConnectionPool) -> None:
    taken = [await pool.take() for _ in range(OPERATIONS_AT_ONCE)]
    impatient, patient = (asyncio.create_task(pool.take()) for _ in range(2))
    await asyncio.sleep(0)
    pool.give_back(taken.pop())
    impatient.cancel()
    assert await patient


async def test_an_operation_of_one_statement_never_waits_for_one_of_several(pool: EventLoopConnectionPool) -> None:
    for _ in range(OPERATIONS_AT_ONCE):
        assert pool.take_free(several=True)
    assert pool.take_free(several=True) is None
    for _ in range(2):
        connection = pool.take_free(several=False)
        assert connection
        connection.begin(several=False)
        assert connection.rows_on_loop(SHORT, ()) == [(1,)]
        pool.give_back(connection)


async def test_an_operations_time_limit_does_not_include_the_one_before(pool: EventLoopConnectionPool) -> None:
    """SQLite counts the steps of BEGIN and ROLLBACK too, and looks at the clock once in pool hundred of them."""
    connection = await pool.take()
    connection.begin(several=True)
    assert await connection.rows(LONG, (STEPS // 100,)) == [(STEPS // 100,)]
    for _ in range(10_000):
        connection.end()
        connection.begin(several=True)
    assert await connection.rows(SHORT, ()) == [(1,)]
    pool.give_back(connection)


async def test_waiters_are_served_in_order_of_arrival(pool: EventLoopConnectionPool) -> None:
    taken = [await pool.take() for _ in range(OPERATIONS_AT_ONCE)]
    first, second = (asyncio.create_task(pool.take()) for _ in range(2))
    await asyncio.sleep(0)
    pool.give_back(taken[0])
    assert pool.take_free(several=True) is None
    pool.give_back(taken[1])
    assert [await first, await second] == taken[:2]


async def test_a_waiting_point_read_is_not_overtaken(pool: EventLoopConnectionPool) -> None:
    """Whichever connection becomes free first, and whoever else waits."""
    single = pool.take_free(several=False)
    taken = [await pool.take() for _ in range(OPERATIONS_AT_ONCE)]
    wide, first, second = (asyncio.create_task(pool.take(several)) for several in (True, False, False))
    await asyncio.sleep(0)
    assert single
    pool.give_back(single)
    assert pool.take_free(several=False) is None
    assert await first is single
    pool.give_back(taken[0])
    pool.give_back(taken[1])
    assert pool.take_free(several=False) is None
    assert [await wide, await second] == taken[:2]
    pool.give_back(single)
    assert pool.take_free(several=False) is single


async def test_the_connection_of_point_reads_goes_to_no_operation_of_several(pool: EventLoopConnectionPool) -> None:
    single = pool.take_free(several=False)
    taken = [await pool.take() for _ in range(OPERATIONS_AT_ONCE)]
    wide = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    assert single
    pool.give_back(single)
    assert pool.take_free(several=False) is single
    pool.give_back(taken[0])
    assert await wide is taken[0]


@pytest.mark.parametrize("several", [True, False])
async def test_a_waiter_that_was_just_cancelled_gets_no_connection(
    pool: EventLoopConnectionPool, several: bool
) -> None:
    """A connection is returned in the same turn of the loop, before the cancelled waiter has removed itself."""
    single = pool.take_free(several=False)
    taken = [await pool.take() for _ in range(OPERATIONS_AT_ONCE)]
    cancelled, patient = (asyncio.create_task(pool.take(several)) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert single
    freed = taken[0] if several else single
    pool.give_back(freed)
    assert await patient is freed
    assert cancelled.cancelled()


async def test_a_busy_machine_makes_no_statement_count_as_long(
    pool: EventLoopConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wall-clock time passes between two checks, but the processor works for others."""
    clock = count(step=2 * event_loop_connections.LOOP_SECONDS)
    monkeypatch.setattr(event_loop_connections, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(event_loop_connections, "thread_time", lambda: 1.0)
    connection = await pool.take()
    connection.begin(several=False)
    assert connection.rows_on_loop(LONG, (FEW_STEPS,)) == [(FEW_STEPS,)]


TABLES = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'written_'"


def tables(pool: EventLoopConnectionPool) -> int:
    """How many test tables an operation of one statement sees."""
    connection = pool.take_free(several=False)
    assert connection
    connection.begin(several=False)
    rows = connection.rows_on_loop(TABLES, ())
    pool.give_back(connection)
    return int(rows[0][0]) if rows else -1


def write(database: Path, number: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE TABLE written{number} (x)")


async def test_requests_of_one_turn_of_the_loop_see_one_state(pool: EventLoopConnectionPool, database: Path) -> None:
    """Requests of the next turn see everything written before they arrived."""
    seen: list[int] = []

    def turn(number: int) -> None:
        seen.append(tables(pool))
        write(database, number)
        seen.append(tables(pool))

    for number in range(2):
        asyncio.get_running_loop().call_soon(turn, number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert seen == [0, 0, 1, 1]


async def test_an_operation_that_had_to_wait_sees_what_was_written_before_it_reads(
    pool: EventLoopConnectionPool, database: Path
) -> None:
    write(database, 0)
    assert tables(pool) == 1
    write(database, 1)
    assert tables(pool) == 2


async def test_a_read_that_outlasts_its_turn_keeps_its_transaction(
    pool: EventLoopConnectionPool, database: Path
) -> None:
    taken: list[EventLoopConnection] = []

    def turn() -> None:
        connection = pool.take_free(several=False)
        assert connection
        taken.append(connection)
        connection.begin(several=False)
        assert connection.rows_on_loop(TABLES, ()) == [(0,)]

    asyncio.get_running_loop().call_soon(turn)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    write(database, 0)
    assert taken[0].rows_on_loop(TABLES, ()) == [(0,)]
    pool.give_back(taken[0])
    assert tables(pool) == 1
