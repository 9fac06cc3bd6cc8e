"""Reads on the loop give way when they are long, end when they are cancelled, and leave their connection to others."""

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
from store.sqlite import snapshots
from store.sqlite.snapshots import AT_ONCE, Snapshot, Snapshots

LONG = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT ?) SELECT count(*) FROM number"
SHORT = "SELECT 1"
STEPS = 200_000
FEW_STEPS = 500
"""Enough for a look or two at the clock."""
ENDLESS = -1


@pytest.fixture
async def some(database: Path) -> AsyncIterator[Snapshots]:
    async with open_archive(database) as archive:
        yield archive.snapshots


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop waits for no statement that takes more than a look at the clock."""
    monkeypatch.setattr(snapshots, "LOOP_SECONDS", -inf)


@pytest.mark.usefixtures("impatient")
async def test_a_statement_that_is_too_long_for_the_loop_is_read_in_a_thread(some: Snapshots) -> None:
    snapshot = await some.take()
    snapshot.begin(several=False)
    assert snapshot.quick_rows(LONG, (STEPS,)) is None
    assert await snapshot.rows(LONG, (STEPS,)) == [(STEPS,)]
    assert snapshot.quick_rows(SHORT, ()) == [(1,)]


async def test_a_statement_that_proved_long_is_not_tried_on_the_loop_again(
    some: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await some.take(), await some.take()
    with monkeypatch.context() as impatient:
        impatient.setattr(snapshots, "LOOP_SECONDS", -inf)
        one.begin(several=False)
        assert one.quick_rows(LONG, (STEPS,)) is None
    other.begin(several=False)
    assert other.quick_rows(LONG, (1,)) is None
    assert await other.rows(LONG, (1,)) == [(1,)]


@pytest.mark.usefixtures("impatient")
async def test_an_operation_that_takes_as_long_as_it_may_is_stopped(some: Snapshots) -> None:
    snapshot = await some.take()
    snapshot.begin(several=True, until=perf_counter())
    with pytest.raises(OutOfTime):
        await snapshot.rows(LONG, (ENDLESS,))
    some.give_back(snapshot)


@pytest.mark.usefixtures("impatient")
async def test_a_read_that_is_given_up_ends_and_leaves_its_connection_to_the_next(some: Snapshots) -> None:
    for _ in range(2 * AT_ONCE):
        snapshot = await some.take()
        snapshot.begin(several=True)
        reading = asyncio.create_task(snapshot.rows(LONG, (ENDLESS,)))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert snapshot.quick_rows(SHORT, ()) == [(1,)]
        some.give_back(snapshot)


async def test_an_operation_that_gives_up_waiting_takes_no_place_from_the_next(some: Snapshots) -> None:
    taken = [await some.take() for _ in range(AT_ONCE)]
    impatient, patient = (asyncio.create_task(some.take()) for _ in range(2))
    await asyncio.sleep(0)
    some.give_back(taken.pop())
    impatient.cancel()
    assert await patient


async def test_an_operation_of_one_statement_waits_for_none_of_many(some: Snapshots) -> None:
    for _ in range(AT_ONCE):
        assert some.take_free(several=True)
    assert some.take_free(several=True) is None
    for _ in range(2):
        snapshot = some.take_free(several=False)
        assert snapshot
        snapshot.begin(several=False)
        assert snapshot.quick_rows(SHORT, ()) == [(1,)]
        some.give_back(snapshot)


async def test_no_operation_is_stopped_for_the_time_that_the_one_before_it_took(some: Snapshots) -> None:
    """SQLite counts the steps of BEGIN and ROLLBACK too, and looks at the clock once in some hundred of them."""
    snapshot = await some.take()
    snapshot.begin(several=True)
    assert await snapshot.rows(LONG, (STEPS // 100,)) == [(STEPS // 100,)]
    for _ in range(10_000):
        snapshot.end()
        snapshot.begin(several=True)
    assert await snapshot.rows(SHORT, ()) == [(1,)]
    some.give_back(snapshot)


async def test_who_waits_longest_is_served_before_anybody_who_comes_later(some: Snapshots) -> None:
    taken = [await some.take() for _ in range(AT_ONCE)]
    first, second = (asyncio.create_task(some.take()) for _ in range(2))
    await asyncio.sleep(0)
    some.give_back(taken[0])
    assert some.take_free(several=True) is None
    some.give_back(taken[1])
    assert [await first, await second] == taken[:2]


async def test_a_point_read_that_waits_is_overtaken_by_no_newcomer(some: Snapshots) -> None:
    """Whichever connection comes free first, its own or one of the others, and whoever else waits."""
    single = some.take_free(several=False)
    taken = [await some.take() for _ in range(AT_ONCE)]
    wide, first, second = (asyncio.create_task(some.take(several)) for several in (True, False, False))
    await asyncio.sleep(0)
    assert single
    some.give_back(single)
    assert some.take_free(several=False) is None
    assert await first is single
    some.give_back(taken[0])
    some.give_back(taken[1])
    assert some.take_free(several=False) is None
    assert [await wide, await second] == taken[:2]
    some.give_back(single)
    assert some.take_free(several=False) is single


async def test_the_connection_of_point_reads_goes_to_no_operation_of_several(some: Snapshots) -> None:
    single = some.take_free(several=False)
    taken = [await some.take() for _ in range(AT_ONCE)]
    wide = asyncio.create_task(some.take())
    await asyncio.sleep(0)
    assert single
    some.give_back(single)
    assert some.take_free(several=False) is single
    some.give_back(taken[0])
    assert await wide is taken[0]


@pytest.mark.parametrize("several", [True, False])
async def test_who_was_cancelled_just_now_is_handed_nothing(some: Snapshots, several: bool) -> None:
    """A connection comes back in the same turn of the loop, before the cancelled one could say that it has gone."""
    single = some.take_free(several=False)
    taken = [await some.take() for _ in range(AT_ONCE)]
    cancelled, patient = (asyncio.create_task(some.take(several)) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    assert single
    freed = taken[0] if several else single
    some.give_back(freed)
    assert await patient is freed
    assert cancelled.cancelled()


async def test_a_machine_that_is_busy_elsewhere_makes_no_statement_long(
    some: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock goes on between any two looks, but the processor worked for others."""
    clock = count(step=2 * snapshots.LOOP_SECONDS)
    monkeypatch.setattr(snapshots, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(snapshots, "thread_time", lambda: 1.0)
    snapshot = await some.take()
    snapshot.begin(several=False)
    assert snapshot.quick_rows(LONG, (FEW_STEPS,)) == [(FEW_STEPS,)]


TABLES = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'written_'"


def tables(some: Snapshots) -> int:
    """How many tables of ours an operation of one statement sees."""
    snapshot = some.take_free(several=False)
    assert snapshot
    snapshot.begin(several=False)
    rows = snapshot.quick_rows(TABLES, ())
    some.give_back(snapshot)
    return int(rows[0][0]) if rows else -1


def write(database: Path, number: int) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"CREATE TABLE written{number} (x)")


async def test_requests_that_came_in_one_turn_of_the_loop_see_one_state(some: Snapshots, database: Path) -> None:
    """And those that come in the next one see whatever was written before they came."""
    seen: list[int] = []

    def turn(number: int) -> None:
        seen.append(tables(some))
        write(database, number)
        seen.append(tables(some))

    for number in range(2):
        asyncio.get_running_loop().call_soon(turn, number)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert seen == [0, 0, 1, 1]


async def test_an_operation_that_had_to_wait_sees_what_was_written_before_it_reads(
    some: Snapshots, database: Path
) -> None:
    write(database, 0)
    assert tables(some) == 1
    write(database, 1)
    assert tables(some) == 2


async def test_a_read_that_goes_on_beyond_its_turn_keeps_its_state_for_as_long(some: Snapshots, database: Path) -> None:
    taken: list[Snapshot] = []

    def turn() -> None:
        snapshot = some.take_free(several=False)
        assert snapshot
        taken.append(snapshot)
        snapshot.begin(several=False)
        assert snapshot.quick_rows(TABLES, ()) == [(0,)]

    asyncio.get_running_loop().call_soon(turn)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    write(database, 0)
    assert taken[0].quick_rows(TABLES, ()) == [(0,)]
    some.give_back(taken[0])
    assert tables(some) == 1
