"""Filters and orders give what a look at every row would, off an index, and a search stops at its time limit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import chain, combinations, product
from pathlib import Path
from random import Random
from typing import Any

import pytest

import bodies
from store import interactions, sessions
from store.archive import Archive, open_archive
from store.columns import Record
from store.errors import SearchTooLong
from store.interactions import Interaction, InteractionFilter
from store.lists.filters import Filter, Period
from store.lists.orders import BY_DATE_CREATED, END, START, Order, Position
from store.lists.relations import Relation
from store.sessions import Session, SessionFilter
from store.sqlite.statements.pages import Count, Page

DAY = 1_440
SERVICES, SESSIONS, INTERACTIONS = 3, 12, 400
TYPES = ("message", "voice", "fax")
STATUSES = (None, "received", "delivered", "failed", "odd")
LATER = (-60, 0, 0, 0, 1, 90, DAY + 5, 8 * DAY, 40 * DAY, 400 * DAY)
"""Minutes from an Interaction's creation to its last change: each of the lags that kinds tell apart."""


def moment(minutes: int) -> str:
    return f"20{26 + minutes // (336 * DAY):02d}{bodies.time(minutes % (336 * DAY))[4:]}"


def some_sessions(pick: Random) -> Iterator[bodies.Body]:
    for number in range(1, SESSIONS + 1):
        yield bodies.session(
            number,
            of=1 + number % SERVICES,
            unique_name=f"session-{number % 5}",
            status=pick.choice(("open", "closed", "odd", None)),
            mode=pick.choice(("voice-only", "message-only", None)),
            date_created=moment(DAY * pick.randint(2, 6)),
            date_updated=moment(DAY * pick.randint(2, 9)),
            date_last_interaction=pick.choice((None, moment(DAY * pick.randint(3, 9)))),
        )


def some_interactions(pick: Random, first: int = 1, count: int = INTERACTIONS) -> Iterator[bodies.Body]:
    people = [None, *(bodies.sid("KP", number) for number in range(1, 5))]
    for number in range(first, first + count):
        created = pick.randint(2 * DAY, 6 * DAY) // 30 * 30
        session = pick.randint(1, SESSIONS)
        yield bodies.interaction(
            number,
            of=session,
            service_sid=bodies.sid("KS", 1 + session % SERVICES),
            type=pick.choice(TYPES),
            data=f'{{"body": "{pick.choice(("50% off", "fifty", "Under_score", "ÄÖ", "plain"))} {number}"}}',
            inbound_participant_sid=pick.choice(people),
            outbound_participant_sid=pick.choice(people),
            inbound_resource_status=pick.choice(STATUSES),
            outbound_resource_status=pick.choice(STATUSES),
            date_created=moment(created),
            date_updated=moment(created + pick.choice(LATER)),
        )


@pytest.fixture
async def filled(database: Path) -> AsyncIterator[Archive]:
    """Services with Sessions and Interactions of many kinds, whose dates collide."""
    pick = Random(4)
    async with open_archive(database) as archive:
        await bodies.put(
            archive,
            *(bodies.service(number) for number in range(1, SERVICES + 2)),
            *some_sessions(pick),
            *some_interactions(pick),
        )
        yield archive


PERIOD = Period(bodies.time(3 * DAY)[:-1] + ".000Z", bodies.time(4 * DAY)[:-1] + ".000Z")
INTERACTION_VALUES: dict[str, list[Any]] = {
    "service_sid": [bodies.sid("KS", 2), bodies.sid("KS", 9)],
    "session_sid": [bodies.sid("KC", 3)],
    "participant_sid": [bodies.sid("KP", 1), bodies.sid("KP", 2)],
    "resource_sid": [bodies.sid("SM", 7), bodies.sid("MM", 8)],
    "type": [("voice",), ("message", "unknown"), ()],
    "inbound_status": [("received",), ("delivered", "failed", "unknown")],
    "outbound_status": [("failed",), ("received", "delivered"), ()],
    "date_created": [PERIOD, Period(PERIOD.since, None), Period(None, PERIOD.before)],
    "body_contains": ["0%", "r_S", "PLAIN", "äö", "ÄÖ"],
}
SESSION_VALUES: dict[str, list[Any]] = {
    "unique_name": ["session-2"],
    "status": [("open",), ("closed", "unknown"), ()],
    "mode": [("voice-only",), ("message-only", "voice-only")],
    "date_created": [PERIOD, Period(None, PERIOD.before)],
    "date_last_interaction": [PERIOD, Period(PERIOD.since, None), Period(None, PERIOD.before)],
}
MEETS: dict[str, Callable[[Any, Any], bool]] = {
    "participant_sid": lambda row, sid: sid in (row.inbound_participant_sid, row.outbound_participant_sid),
    "resource_sid": lambda row, sid: sid in (row.inbound_resource_sid, row.outbound_resource_sid),
    "inbound_status": lambda row, words: row.inbound_resource_status in words,
    "outbound_status": lambda row, words: row.outbound_resource_status in words,
    "body_contains": lambda row, text: row.body is not None and lowered(text) in lowered(row.body),
}


def lowered(text: str) -> str:
    """As SQLite does it: the letters A to Z."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def meets(row: Any, name: str, value: Any) -> bool:
    if name in MEETS:
        return MEETS[name](row, value)
    held = getattr(row, name)
    if isinstance(value, Period):
        return held is not None and (value.since or "") <= held < (value.before or "~")
    return held in value if isinstance(value, tuple) else bool(held == value)


INTERACTION_RELATIONS = (
    interactions.ALL,
    interactions.OF_SERVICE,
    interactions.OF_SESSION,
    interactions.OF_PARTICIPANT,
)
SESSION_RELATIONS = (sessions.ALL, sessions.OF_SERVICE)
INTERACTION_ORDERS = (BY_DATE_CREATED, interactions.BY_DATE_UPDATED)
SESSION_ORDERS = (BY_DATE_CREATED, sessions.BY_DATE_UPDATED, sessions.BY_DATE_LAST_INTERACTION)
LISTS: list[tuple[Relation[Any], Order]] = [
    *product(INTERACTION_RELATIONS, INTERACTION_ORDERS),
    *product(SESSION_RELATIONS, SESSION_ORDERS),
]
PREFIX = {"service_sid": "KS", "session_sid": "KC", "participant_sid": "KP"}
lists = pytest.mark.parametrize(
    ("relation", "order"), LISTS, ids=[f"{relation.name}-{order.column}" for relation, order in LISTS]
)


def some_filters(relation: Relation[Any], pick: Random, count: int) -> Iterator[Filter]:
    values = SESSION_VALUES if relation.record is Session else INTERACTION_VALUES
    for _ in range(count):
        names = pick.sample(sorted(values), pick.randint(0, 3))
        given = {name: pick.choice(values[name]) for name in names}
        yield SessionFilter(**given) if relation.record is Session else InteractionFilter(**given)


@lists
async def test_a_page_and_its_count_are_what_a_look_at_every_row_gives(
    filled: Archive, relation: Relation[Any], order: Order
) -> None:
    pick, reader = Random(order.column), filled.reader()
    (everything,) = await reader.read(
        Page(interactions.ALL if relation.record is Interaction else sessions.ALL), [None]
    )
    parents = [bodies.sid(PREFIX[relation.parent], number) for number in (1, 2, 3, 9)] if relation.parent else [None]
    met = 0
    for chosen in some_filters(relation, pick, 60):
        shown = order._replace(descending=pick.random() < 0.5)
        rows = sorted(everything, key=shown.position, reverse=shown.descending)
        after, before = (shown.position(pick.choice(rows)) if pick.random() < 0.4 else None for _ in range(2))
        backwards, limit = pick.random() < 0.5, pick.choice((1, 7, 1_000))
        pages = await reader.read(Page(relation, limit, backwards, after, before, shown, chosen), parents)
        counts = await reader.read(Count(relation, chosen, 25), parents)
        for parent, page, count in zip(parents, pages, counts, strict=True):
            wanted = [
                row
                for row in rows
                if (parent is None or meets(row, relation.parent or "", parent))
                and all(meets(row, name, value) for name, value in chosen.active())
            ]
            assert count == min(len(wanted), 25)
            low, high = (before, after) if shown.descending else (after, before)
            wanted = [row for row in wanted if (low or START) < shown.position(row) < (high or END)]
            assert page == (wanted[-limit:] if backwards else wanted[:limit]), (chosen, shown, backwards)
            met += len(page)
    assert met > 100


def every_filter(record: type[Record]) -> Iterator[Filter]:
    """One of every set of conditions but those that no index serves."""
    filter_type = SessionFilter if record is Session else InteractionFilter
    values = SESSION_VALUES if record is Session else INTERACTION_VALUES
    names = [name for name in values if name not in filter_type.long]
    for chosen in chain.from_iterable(combinations(names, length) for length in range(len(names) + 1)):
        yield filter_type(**{name: values[name][0] for name in chosen})


@lists
async def test_every_filter_and_order_is_read_off_an_index_and_sorts_no_table(
    archive: Archive, relation: Relation[Any], order: Order
) -> None:
    table, at = relation.record.table, Position("2026", "KI")
    narrow = {"resource_sid", "session_sid", "participant_sid", "unique_name"}
    for chosen, descending, backwards in product(every_filter(relation.record), (False, True), (False, True)):
        bound = at if descending else None
        page = Page(relation, 50, backwards, bound, bound, order._replace(descending=descending), chosen)
        for query in (page, Count(relation, chosen, 100)):
            plan = await archive.fetch(f"EXPLAIN QUERY PLAN {query.sql}", query.parameters(["KC1"]))
            steps = [row[3] for row in plan]
            assert [step for step in steps if f"{table} USING" in step], steps
            assert not [step for step in steps if step == f"SCAN {table}"], steps
            if not narrow & {relation.parent, *chosen.active_names()}:
                # Only the page that was found may be put in order: the rows of merged kinds, by their place.
                sorts = [step for step in steps if "TEMP B-TREE" in step]
                assert len(sorts) <= ("merged" in query.sql), steps


async def test_a_changed_row_moves_to_its_new_kind(filled: Archive) -> None:
    (row,) = (await filled.reader().read(Page(interactions.ALL, 1), [None]))[0]
    await bodies.put(filled, bodies.interaction(9_001, outbound_resource_status="queued"))
    queued = Page(interactions.ALL, 10, filter=InteractionFilter(outbound_status=("queued",)))
    ((found,),) = await filled.reader().read(queued, [None])
    assert found.sid == bodies.sid("KI", 9_001) != row.sid
    await bodies.put(filled, bodies.interaction(9_001, outbound_resource_status="sent"))
    assert await filled.reader().read(queued, [None]) == [[]]


async def test_rows_with_a_nul_have_their_kind_too(archive: Archive) -> None:
    await bodies.put(archive, bodies.interaction(1, url="a\0b", type="voice"))
    calls = Page(interactions.ALL, 10, filter=InteractionFilter(type=("voice",)))
    ((found,),) = await archive.reader().read(calls, [None])
    assert found.url == "a\0b"


async def test_a_search_that_takes_too_long_is_stopped_and_leaves_its_place_to_the_next(filled: Archive) -> None:
    async with open_archive(filled.path, search_seconds=0) as hasty:
        for _ in range(3):
            with pytest.raises(
                SearchTooLong, match=r"^The search took longer than 0 seconds and was stopped\. Narrow it"
            ):
                await hasty.reader().read(Page(interactions.ALL, filter=InteractionFilter(body_contains="x")), [None])
        assert await hasty.reader().read(Count(interactions.ALL), [None]) == [INTERACTIONS]


async def test_a_search_that_was_given_up_leaves_its_place_to_the_next(filled: Archive) -> None:
    reader, search = filled.reader(), Page(interactions.ALL, 1, filter=InteractionFilter(body_contains="fifty"))
    given_up = [asyncio.create_task(reader.read(search, [None])) for _ in range(8)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    assert [len(page) for page in await reader.read(search, [None])] == [1]
    assert all(
        isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*given_up, return_exceptions=True)
    )
