"""Filters and orders equal a scan of all rows, but use an index; a search stops at its time limit."""

import asyncio
from collections.abc import AsyncIterator
from itertools import product
from random import Random
from typing import Any

import pytest

import bodies
import databases
from databases import New
from searched_rows import INTERACTIONS, LISTS, every_filter, rows_of, some_filters, some_rows
from store import interactions
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import SearchTooLong
from store.interactions import InteractionFilter
from store.lists.orders import END, START, Order, Position
from store.lists.relations import Relation
from store.queries.pages import Count, Page, page_statement
from store.sqlite.lists import value_merges


@pytest.fixture(scope="session")
def searched(session_databases: New) -> Database:
    """A closed archive of Services with Sessions, Participants and Interactions of many kinds, whose dates collide."""
    return databases.filled(session_databases(), lambda archive: bodies.put(archive, *some_rows(Random(4))))


@pytest.fixture(params=[value_merges.MANY_ROWS, 3], ids=["", "many-rows"])
async def filled(
    request: pytest.FixtureRequest, new_database: New, searched: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Archive]:
    """A copy of ``searched``, whose people count as being in few rows, and as being in many."""
    monkeypatch.setattr(value_merges, "MANY_ROWS", request.param)
    page_statement.cache_clear()
    async with open_archive(new_database(searched)) as archive:
        yield archive
    page_statement.cache_clear()


PREFIX = {"service_sid": "KS", "session_sid": "KC", "participant_sid": "KP"}
lists = pytest.mark.parametrize(
    ("relation", "order"), LISTS, ids=[f"{relation.name}-{order.column}" for relation, order in LISTS]
)


@lists
async def test_a_page_and_its_count_equal_a_scan_of_all_rows(
    filled: Archive, relation: Relation[Any], order: Order
) -> None:
    pick, reader = Random(order.column), filled.reader()
    everything = await rows_of(filled)
    parents = [bodies.sid(PREFIX[relation.parent], number) for number in (1, 2, 3, 9)] if relation.parent else [None]
    met = 0
    for chosen in some_filters(relation, pick, 80):
        shown = order._replace(descending=pick.random() < 0.5)
        rows = sorted(everything.of[relation.record], key=shown.position, reverse=shown.descending)
        after, before = (shown.position(pick.choice(rows)) if pick.random() < 0.4 else None for _ in range(2))
        backwards, limit = pick.random() < 0.5, pick.choice((1, 7, 1_000))
        pages = await reader.read(Page(relation, limit, backwards, after, before, shown, chosen), parents)
        counts = await reader.read(Count(relation, chosen, 25), parents)
        for parent, page, count in zip(parents, pages, counts, strict=True):
            wanted = [
                row
                for row in rows
                if (parent is None or everything.meets(row, relation.parent or "", parent))
                and all(everything.meets(row, name, value) for name, value in chosen.active())
            ]
            assert count == min(len(wanted), 25)
            low, high = (before, after) if shown.descending else (after, before)
            wanted = [row for row in wanted if (low or START) < shown.position(row) < (high or END)]
            assert page == (wanted[-limit:] if backwards else wanted[:limit]), (chosen, shown, backwards)
            met += len(page)
    assert met > 100


@lists
@pytest.mark.of_a_file
async def test_every_filter_and_order_uses_an_index_and_sorts_no_table(
    archive: Archive, relation: Relation[Any], order: Order
) -> None:
    table, at = relation.record.table, Position("2026", "KI")
    narrow = {"resource_sid", "session_sid", "participant_sid", "unique_name"}
    for chosen, descending, backwards in product(every_filter(relation.record), (False, True), (False, True)):
        bound = at if descending else None
        page = Page(relation, 50, backwards, bound, bound, order._replace(descending=descending), chosen)
        for query in (page, Count(relation, chosen, 100)):
            sql = query.sql.text(archive.dialect)
            plan = await archive.fetch(f"EXPLAIN QUERY PLAN {sql}", query.parameters(["KC1"]))
            steps = [row[3] for row in plan]
            assert [step for step in steps if f"{table} USING" in step or "session_person USING" in step], steps
            assert not {f"SCAN {each}" for each in (table, "participant", "session_person")} & set(steps), steps
            if "merged" in sql:
                # Each range is read from its place on, not from its start: the first row, and the next.
                assert not [step for step in steps if step.endswith("kind=?)")], steps
                assert len([step for step in steps if step.count(">") == step.count("<") > 0]) >= 2, steps
            if not narrow & {relation.parent, *chosen.active_names()}:
                # Only the page that was found may be put in order: the rows of merged ranges, by their place, and each
                # once that several ranges lead to.
                sorts = [step for step in steps if "TEMP B-TREE" in step]
                by_values = "GROUP BY" in sql or "DISTINCT" in sql
                assert len(sorts) <= ("merged" in sql) + by_values, steps


async def test_a_changed_row_gets_its_new_facet_combination(filled: Archive) -> None:
    (row,) = (await filled.reader().read(Page(interactions.ALL, 1), [None]))[0]
    await bodies.put(filled, bodies.interaction(9_001, outbound_resource_status="queued"))
    queued = Page(interactions.ALL, 10, filter=InteractionFilter(outbound_status=("queued",)))
    ((found,),) = await filled.reader().read(queued, [None])
    assert found.sid == bodies.sid("KI", 9_001) != row.sid
    await bodies.put(filled, bodies.interaction(9_001, outbound_resource_status="sent"))
    assert await filled.reader().read(queued, [None]) == [[]]


async def test_rows_with_a_nul_have_a_facet_combination_too(archive: Archive) -> None:
    await bodies.put(archive, bodies.interaction(1, url="a\0b", type="voice"))
    calls = Page(interactions.ALL, 10, filter=InteractionFilter(type=("voice",)))
    ((found,),) = await archive.reader().read(calls, [None])
    assert found.url == "a\ufffdb"  # PostgreSQL has no NUL in a text.


async def test_a_search_that_takes_too_long_is_stopped_and_frees_its_connection(filled: Archive) -> None:
    async with open_archive(filled.database, search_seconds=0) as hasty:
        for _ in range(3):
            with pytest.raises(
                SearchTooLong, match=r"^The search took longer than 0 seconds and was stopped\. Narrow it"
            ):
                await hasty.reader().read(Page(interactions.ALL, filter=InteractionFilter(body_contains="x")), [None])
        assert await hasty.reader().read(Count(interactions.ALL), [None]) == [INTERACTIONS]


async def test_a_cancelled_search_frees_its_connection(filled: Archive) -> None:
    reader, search = filled.reader(), Page(interactions.ALL, 1, filter=InteractionFilter(body_contains="fifty"))
    given_up = [asyncio.create_task(reader.read(search, [None])) for _ in range(8)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    assert [len(page) for page in await reader.read(search, [None])] == [1]
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*given_up, return_exceptions=True)
    )
