"""Loads are batched: the number of statements depends on a query's depth, never on the number of parents."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import bodies
from gateway_under_test import asker, connections
from resolvers.context import Context
from resolvers.loaders import ROWS_PER_SLICE, Loaders
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.engine.query import Query
from store.engine.sql import Statement
from store.queries.lookups import Lookup
from store.services import Service
from store.sessions import Session

FOUR_LEVELS = """
{
  services(first: 100) {
    totalCount
    nodes {
      some: sessions(first: 1) { totalCount }
      sessions(first: 100) {
        totalCount
        nodes {
          interactions(first: 100) {
            totalCount
            nodes {
              inbound { participant { friendlyName session { sid } } }
              outbound { participant { friendlyName } }
            }
          }
          last: interactions(last: 1) { nodes { sid } }
        }
      }
    }
  }
}
"""


async def statements(database: Database, services: int, sessions: int) -> list[str]:
    async with open_archive(database) as archive:
        numbers = range(1, services * sessions + 1)
        await bodies.put(archive, *(bodies.service(number) for number in range(1, services + 1)))
        await bodies.put(archive, *(bodies.session(number, of=1 + number % services) for number in numbers))
        await bodies.put(archive, *(bodies.participant(number, of=number) for number in numbers))
        await bodies.put(archive, *(bodies.interaction(number, of=1 + number // 2) for number in numbers))
        answer = await asker(archive)(FOUR_LEVELS)
        assert "errors" not in answer
        return [statement.sql for statement in answer.statements]


async def test_three_and_three_hundred_parents_take_the_same_statements(tmp_path: Path) -> None:
    few = await statements(tmp_path / "few.db", services=1, sessions=3)
    many = await statements(tmp_path / "many.db", services=5, sessions=60)
    assert few == many
    assert len(few) == 9


class Recording:
    """A reader that records its batches."""

    def __init__(self, archive: Archive) -> None:
        self._reader = archive.reader()
        self.batches: list[list[Any]] = []

    async def read(self, query: Query[Any, Any], keys: Sequence[Any]) -> Sequence[Any]:
        self.batches.append(list(keys))
        return await self._reader.read(query, keys)


@pytest.fixture
def recording(archive: Archive) -> Recording:
    return Recording(archive)


@pytest.fixture
async def loaders(recording: Recording) -> Loaders:
    return Loaders(recording)


KS = [bodies.sid("KS", number) for number in range(5)]
SERVICE: Lookup[Service] = Lookup(Service)


async def test_loads_of_one_batch_are_read_in_their_order(loaders: Loaders, recording: Recording) -> None:
    found = await asyncio.gather(*(loaders.load(SERVICE, sid) for sid in (KS[2], KS[1], KS[2])))
    assert recording.batches == [[KS[2], KS[1]]]
    assert [service and service.sid for service in found] == [None, KS[1], None]


async def test_equal_queries_share_a_batch_and_different_ones_do_not(loaders: Loaders, recording: Recording) -> None:
    await asyncio.gather(
        loaders.load(Lookup(Service), KS[1]),
        loaders.load(Lookup(Session), bodies.sid("KC", 1)),
        loaders.load(Lookup(Service), KS[2]),
    )
    assert recording.batches == [[KS[1], KS[2]], [bodies.sid("KC", 1)]]


async def test_a_loaded_row_is_cached_until_the_cache_is_cleared(loaders: Loaders, recording: Recording) -> None:
    await loaders.load(SERVICE, KS[1])
    await loaders.load(SERVICE, KS[1])
    assert recording.batches == [[KS[1]]]
    loaders.forget()
    await loaders.load(SERVICE, KS[1])
    assert recording.batches == [[KS[1]], [KS[1]]]


async def test_loads_caused_by_a_batch_are_one_more_batch(loaders: Loaders, recording: Recording) -> None:
    async def two_levels(first: str, then: str) -> None:
        await loaders.load(SERVICE, first)
        await loaders.load(SERVICE, then)

    await asyncio.gather(two_levels(KS[0], KS[3]), two_levels(KS[1], KS[4]))
    assert recording.batches == [[KS[0], KS[1]], [KS[3], KS[4]]]


async def test_a_load_of_a_task_that_is_ready_joins_the_batch(loaders: Loaders, recording: Recording) -> None:
    async def later(sid: str) -> None:
        await loaders.load(SERVICE, sid)

    task = asyncio.create_task(later(KS[2]))
    await loaders.load(SERVICE, KS[1])
    await task
    assert recording.batches == [[KS[2], KS[1]]] or recording.batches == [[KS[1], KS[2]]]


class Failing(Lookup[Service]):
    """A query that fails in the database."""

    @property
    def sql(self) -> Statement:
        return Statement(lambda _: "SELECT nonsense FROM nowhere WHERE :sids")


async def test_a_statement_that_fails_fails_its_own_loads_only(loaders: Loaders) -> None:
    failing, fine = loaders.load(Failing(Service), KS[1]), loaders.load(SERVICE, KS[1])
    with pytest.raises(Exception, match=r"no such table: nowhere|UndefinedTableError"):
        await failing
    assert await fine is not None


async def test_a_cancelled_load_does_not_affect_the_others(loaders: Loaders) -> None:
    cancelled, other = loaders.load(SERVICE, KS[2]), loaders.load(SERVICE, KS[1])
    cancelled.cancel()
    assert await other is not None


async def test_requests_share_no_cache(archive: Archive) -> None:
    one, other = Context(archive), Context(archive)
    await one.loaders.load(SERVICE, KS[1])
    await other.loaders.load(SERVICE, KS[1])
    assert [len(context.reader.statements) for context in (one, other)] == [1, 1]
    await asyncio.gather(one.release(), other.release())


async def test_ten_thousand_keys_are_one_statement(loaders: Loaders, recording: Recording) -> None:
    found = await asyncio.gather(*(loaders.load(SERVICE, bodies.sid("KS", number)) for number in range(10_000)))
    assert (len(recording.batches), sum(service is not None for service in found)) == (1, 1)


async def test_cancelled_loads_are_not_read(loaders: Loaders, recording: Recording) -> None:
    asked = loaders.load(SERVICE, KS[1])
    await loaders.cancel()
    await asyncio.sleep(0)
    assert recording.batches == []
    assert asked.cancelled()


async def test_nothing_is_loaded_once_the_operation_has_ended(loaders: Loaders, recording: Recording) -> None:
    known = loaders.load(SERVICE, KS[1])
    found = await known
    loaders.close()
    assert loaders.load(SERVICE, KS[2]).cancelled()
    assert await loaders.load(SERVICE, KS[1]) is found
    await asyncio.sleep(0)
    assert len(recording.batches) == 1


ENDED_BY_AN_ERROR = [
    "{ services { nodes { sessions { totalCount nodes { sid } } wrong: sessions(first: -1) { totalCount } } } }",
    f'{{ interaction(sid: "{bodies.sid("KI", 1)}") {{ sid }} services(first: -1) {{ totalCount }} }}',
]


@pytest.mark.parametrize("query", ENDED_BY_AN_ERROR)
async def test_an_operation_ended_by_an_error_keeps_no_connection(archive: Archive, query: str) -> None:
    """The loads of its other fields are still running then."""
    ask = asker(archive)
    open_before = len(connections())
    for _ in range(20):
        assert "errors" in await ask(query)
    await asyncio.sleep(0)
    assert len(connections()) <= open_before + 1


@pytest.mark.parametrize("query", ENDED_BY_AN_ERROR)
async def test_an_operation_ended_by_an_error_leaves_no_task_behind(archive: Archive, query: str) -> None:
    """A task that waits for ever is destroyed by the garbage collector, which asyncio logs as an error."""
    ask = asker(archive)
    others = asyncio.all_tasks()
    assert "errors" in await ask(query)
    left = asyncio.all_tasks() - others
    _, pending = await asyncio.wait(left, timeout=5) if left else (set(), set())
    assert pending == set()


@pytest.mark.parametrize("nested", ["service { sid }", "session { interactions(first: 30) { nodes { sid } } }"])
async def test_a_wide_query_yields_the_loop_every_few_rows(
    archive: Archive, nested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if a thousand resolvers wait for one answer, they continue a few at a time."""
    await bodies.put(archive, bodies.service(1), *(bodies.session(number) for number in range(1, 41)))
    await bodies.put(archive, *(bodies.interaction(number, of=1 + number % 40) for number in range(1_000)))
    load, going_on, most, ended = Loaders.load, 0, 0, False

    def noted(answered: asyncio.Future[Any]) -> None:
        nonlocal going_on
        going_on += 1

    def load_noted(loaders: Loaders, query: Query[Any, Any], key: Any) -> asyncio.Future[Any]:
        future = load(loaders, query, key)
        future.add_done_callback(noted)
        return future

    async def look_each_turn() -> None:
        nonlocal going_on, most
        while not ended:
            most, going_on = max(most, going_on), 0
            await asyncio.sleep(0)

    monkeypatch.setattr(Loaders, "load", load_noted)
    looking = asyncio.create_task(look_each_turn())
    query = f"{{ sessions {{ nodes {{ interactions(first: 25) {{ nodes {{ sid {nested} }} }} }} }} }}"
    answer = await asker(archive)(query)
    ended = True
    await looking
    assert sum(len(session["interactions"]["nodes"]) for session in answer["data"]["sessions"]["nodes"]) == 1_000
    assert len(answer.statements) == 3 + nested.count("nodes")
    assert 0 < most <= 2 * ROWS_PER_SLICE
