"""Lists on PostgreSQL: the same rows, orders and counts as on SQLite, read by an index."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle, product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

import bodies
import edge_case_rows
from postgresql import Cluster
from searched_rows import LISTS, every_filter, rows_of, some_filters, some_rows
from store import interactions, participants, services, sessions
from store.archive import open_archive
from store.engine.database import Address, Database
from store.engine.protocols import Archive
from store.interactions import InteractionFilter
from store.lists.orders import BY_DATE_CREATED, Order, Position
from store.lists.relations import Relation
from store.participants import ParticipantFilter
from store.postgresql.connections import READING, connect
from store.postgresql.dialect import DIALECT
from store.postgresql.lists import value_merges
from store.postgresql.parameters import numbered
from store.queries.lookups import Lookup
from store.queries.pages import Count, Page, page_statement
from store.sessions import SessionFilter

PARENTS = {"service_sid": "KS", "session_sid": "KC", "participant_sid": "KP"}
TABLES = ("interaction", "participant", "session", "session_person")
lists = pytest.mark.parametrize(
    ("relation", "order"), LISTS, ids=[f"{relation.name}-{order.column}" for relation, order in LISTS]
)


class Pair(NamedTuple):
    """Two archives with the same rows, in SQLite and in PostgreSQL."""

    sqlite: Archive
    postgresql: Archive

    async def both(self, query: Any, keys: list[Any]) -> list[Any]:
        """PostgreSQL's answer, after comparing it with SQLite's."""
        wanted, given = [await archive.reader().read(query, keys) for archive in self]
        assert given == wanted, query
        return list(given)


@pytest.fixture(scope="module")
def some_databases(postgresql_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Database]]:
    """A database of each engine with rows of many facet combinations, whose dates collide."""
    yield from filled(postgresql_cluster, tmp_path_factory.mktemp("some"), list(some_rows(Random(4))))


@pytest.fixture(scope="module")
def edge_case_databases(
    postgresql_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Database]]:
    """A database of each engine with edge-case rows."""
    yield from filled(postgresql_cluster, tmp_path_factory.mktemp("edge_cases"), list(edge_case_rows.rows()))


def filled(cluster: Cluster, folder: Path, rows: list[bodies.Body]) -> Iterator[list[Database]]:
    async def fill(database: Database) -> None:
        async with open_archive(database) as archive:
            await bodies.put(archive, *rows)

    name = cluster.database()
    databases: list[Database] = [folder / "archive.db", Address(cluster.url(name))]
    for database in databases:
        asyncio.run(fill(database))
    yield databases
    cluster.drop(name)


@pytest.fixture
async def some(some_databases: list[Database]) -> AsyncIterator[Pair]:
    async with pair_of(some_databases) as pair:
        yield pair


@pytest.fixture
async def edge_cases(edge_case_databases: list[Database]) -> AsyncIterator[Pair]:
    async with pair_of(edge_case_databases) as pair:
        yield pair


@asynccontextmanager
async def pair_of(databases: list[Database]) -> AsyncIterator[Pair]:
    file, address = databases
    async with open_archive(file) as sqlite, open_archive(address) as postgresql:
        yield Pair(sqlite, postgresql)


@pytest.fixture(params=[value_merges.NEXT_ROWS, 3], ids=["", "few-next-rows"])
def next_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """With few next rows, most values are read by their facet combinations."""
    monkeypatch.setattr(value_merges, "NEXT_ROWS", request.param)
    page_statement.cache_clear()
    yield
    page_statement.cache_clear()


@lists
@pytest.mark.usefixtures("next_rows")
async def test_pages_and_counts_of_the_same_rows_are_those_of_sqlite(
    some: Pair, relation: Relation[Any], order: Order
) -> None:
    pick, everything, met = Random(order.column), await rows_of(some.sqlite), 0
    parents = [bodies.sid(PARENTS[relation.parent], number) for number in (1, 2, 3, 99)] if relation.parent else [None]
    for chosen in some_filters(relation, pick, 60):
        shown = order._replace(descending=pick.random() < 0.5)
        rows = everything.of[relation.record]
        after, before = (shown.position(pick.choice(rows)) if pick.random() < 0.4 else None for _ in range(2))
        limit, backwards = pick.choice((1, 7, None)), pick.random() < 0.5
        pages = await some.both(Page(relation, limit, backwards, after, before, shown, chosen), parents)
        await some.both(Count(relation, chosen, 25), parents)
        met += sum(map(len, pages))
    assert met > 100


RECORDS: tuple[tuple[Relation[Any], tuple[Order, ...]], ...] = (
    (services.ALL, (BY_DATE_CREATED,)),
    (sessions.ALL, (BY_DATE_CREATED, sessions.BY_DATE_UPDATED, sessions.BY_DATE_LAST_INTERACTION)),
    (participants.ALL, (BY_DATE_CREATED, participants.BY_DATE_UPDATED)),
    (interactions.ALL, (BY_DATE_CREATED, interactions.BY_DATE_UPDATED)),
)


async def test_edge_case_rows_have_the_same_texts_and_the_same_order(edge_cases: Pair) -> None:
    for relation, orders in RECORDS:
        for order, descending, backwards in product(orders, (False, True), (False, True)):
            shown = order._replace(descending=descending)
            (page,) = await edge_cases.both(Page(relation, None, backwards, order=shown), [None])
            assert len(page) > 5
            middle = shown.position(page[len(page) // 2])
            (rest,) = await edge_cases.both(Page(relation, None, backwards, middle, None, shown), [None])
            assert rest == page[len(page) // 2 + 1 :]
        sids = [row.sid for row in page] + ["", "KS1", bodies.sid("KI", 9_999)]
        assert await edge_cases.both(Lookup(relation.record), sids) == [*page, None, None, None]
        assert await edge_cases.both(Count(relation), [None]) == [len(page)]


ODD = [*edge_case_rows.TEXTS, *edge_case_rows.SURROGATES, "_", "%", "E", "É", "\u0130"]


@pytest.mark.parametrize("text", ODD, ids=map(ascii, ODD))
async def test_a_filter_on_any_text_finds_the_rows_that_sqlite_finds(edge_cases: Pair, text: str) -> None:
    people, one = participants.ALL, (text,)
    asked: list[tuple[Relation[Any], Any]] = [
        (sessions.ALL, SessionFilter(unique_name=text)),
        (sessions.ALL, SessionFilter(identifier=one, status=("open", text))),
        (people, ParticipantFilter(friendly_name=text)),
        (people, ParticipantFilter(proxy_identifier=(text, text + "\0"), removed=False)),
        (people, ParticipantFilter(identifier=one)),
        (interactions.ALL, InteractionFilter(identifier=one, outbound_status=("delivered", text))),
        (interactions.ALL, InteractionFilter(body_contains=text or " ")),
    ]
    met = 0
    for relation, chosen in asked:
        (page,) = await edge_cases.both(Page(relation, 20, filter=chosen), [None])
        (count,) = await edge_cases.both(Count(relation, chosen), [None])
        met += count
        assert len(page) == min(count, 20)
    assert met or text not in edge_case_rows.TEXTS


async def test_a_nul_in_a_filter_is_the_replacement_character_that_columns_have_instead(edge_cases: Pair) -> None:
    for given, stored in (("\0", "\ufffd"), ("half an emoji \ud83d", "half an emoji \ufffd")):
        (page,) = await edge_cases.both(Page(participants.ALL, filter=ParticipantFilter(friendly_name=given)), [None])
        assert {row.friendly_name for row in page} == {stored}


async def test_a_connection_that_reads_plans_a_statement_once(some_databases: list[Database]) -> None:
    address = some_databases[1]
    assert isinstance(address, Address)
    page = Page(interactions.ALL, 10, order=interactions.BY_DATE_UPDATED, filter=InteractionFilter(type=("voice",)))
    text, names = numbered(page.sql.text(DIALECT))
    connection = await connect(address, READING)
    try:
        for _ in range(3):
            await connection.fetchval(text, *(page.parameters([None])[name] for name in names))
        plans = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
        assert [tuple(row) for row in await connection.fetch(plans, text)] == [(3, 0)]
    finally:
        await connection.close()


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes_of(child)


@lists
async def test_every_filter_and_order_is_read_by_an_index(
    some_databases: list[Database], relation: Relation[Any], order: Order
) -> None:
    """The tables are small, so the planner is told that each row costs much, as it does where there are many."""
    address = some_databases[1]
    assert isinstance(address, Address)
    costly = dict.fromkeys(("cpu_tuple_cost", "cpu_index_tuple_cost"), "100")
    connection = await connect(address, costly | {"enable_seqscan": "off", "enable_bitmapscan": "off"})
    await connection.execute("VACUUM ANALYZE")
    try:
        filters = [chosen for chosen in every_filter(relation.record) if len(chosen.active_names()) < 3]
        for chosen, descending in zip(filters, cycle((False, True)), strict=False):
            bound = Position("2026", "KI") if descending else None
            page = Page(relation, 50, False, bound, bound, order._replace(descending=descending), chosen)
            for query in (page, Count(relation, chosen, 100)):
                sql, bound_values = query.sql.text(DIALECT), query.parameters(["KC1"])
                text, names = numbered(sql)
                found = await connection.fetchval(
                    f"EXPLAIN (FORMAT JSON) {text}", *(bound_values[name] for name in names)
                )
                nodes = list(nodes_of(json.loads(found)[0]["Plan"]))
                assert [node for node in nodes if node.get("Relation Name") in TABLES]
                for node in nodes:
                    if node.get("Relation Name") in TABLES:
                        assert "Index" in node["Node Type"], (chosen, node)
                        if query is page and (relation.parent or descending):
                            assert "Index Cond" in node, (chosen, node)
    finally:
        await connection.close()
