"""Each read equals a scan of all rows, by one statement that uses an index."""

from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

import bodies
from store import interactions, participants, services, sessions
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.interactions import Interaction
from store.lists.orders import Position
from store.lists.relations import Relation
from store.queries.lookups import Lookup
from store.queries.pages import Count, Page

RELATIONS: list[Relation[Any]] = [
    services.ALL,
    sessions.ALL,
    sessions.OF_SERVICE,
    participants.OF_SESSION,
    interactions.ALL,
    interactions.OF_SERVICE,
    interactions.OF_SESSION,
    interactions.OF_PARTICIPANT,
]
SESSIONS, INTERACTIONS = 4, 120


@pytest.fixture
async def filled(database: Database) -> AsyncIterator[Archive]:
    """Interactions with equal dates; some are one-sided or have one participant on both legs."""
    pick = Random(1)
    people = [None, *(bodies.sid("KP", number) for number in range(1, 4))]
    async with open_archive(database) as archive:
        await bodies.put(
            archive,
            bodies.service(1),
            bodies.service(2),
            *(bodies.session(number, of=1 + number % 2) for number in range(1, SESSIONS + 1)),
            *(bodies.participant(number) for number in range(1, 4)),
            *(
                bodies.interaction(
                    number,
                    of=pick.randint(1, SESSIONS),
                    date_created=bodies.time(pick.randint(1, 30)),
                    inbound_participant_sid=pick.choice(people),
                    outbound_participant_sid=pick.choice(people),
                )
                for number in pick.sample(range(1, 1000), INTERACTIONS)
            ),
        )
        yield archive


async def everything(archive: Archive) -> list[Interaction]:
    """All Interactions in order, by a simple query."""
    (found,) = await archive.reader().read(Page(interactions.ALL), [None])
    assert len(found) == INTERACTIONS
    return sorted(found, key=lambda row: (row.date_created, row.sid))


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("bounds", ["none", "after", "before", "both"])
async def test_a_page_has_the_first_or_last_rows_between_its_bounds(
    filled: Archive, backwards: bool, bounds: str
) -> None:
    rows = await everything(filled)
    low, high = rows[20], rows[90]
    after = Position(low.date_created, low.sid) if bounds in ("after", "both") else None
    before = Position(high.date_created, high.sid) if bounds in ("before", "both") else None
    parents = [bodies.sid("KC", number) for number in range(1, SESSIONS + 2)]
    pages = await filled.reader().read(Page(interactions.OF_SESSION, 7, backwards, after, before), parents)
    for parent, page in zip(parents, pages, strict=True):
        expected = [
            row
            for row in rows
            if row.session_sid == parent
            and (after is None or (row.date_created, row.sid) > after)
            and (before is None or (row.date_created, row.sid) < before)
        ]
        assert page == (expected[-7:] if backwards else expected[:7])


async def test_a_participants_interactions_are_those_of_either_leg_once_each(filled: Archive) -> None:
    rows = await everything(filled)
    parents = [bodies.sid("KP", number) for number in range(1, 4)]
    pages = await filled.reader().read(Page(interactions.OF_PARTICIPANT), parents)
    for parent, page in zip(parents, pages, strict=True):
        assert page == [row for row in rows if parent in (row.inbound_participant_sid, row.outbound_participant_sid)]


async def test_counts_agree_with_the_rows(filled: Archive) -> None:
    reader = filled.reader()
    for relation, prefix in (
        (interactions.OF_SESSION, "KC"),
        (interactions.OF_SERVICE, "KS"),
        (interactions.OF_PARTICIPANT, "KP"),
    ):
        parents = [bodies.sid(prefix, number) for number in range(1, 6)]
        pages = await reader.read(Page(relation), parents)
        assert await reader.read(Count(relation), parents) == [len(page) for page in pages]


async def test_lookups_answer_in_the_order_of_their_keys_with_none_for_what_is_missing(filled: Archive) -> None:
    first, second, *_ = await everything(filled)
    asked = [second.sid, bodies.sid("KI", 0), first.sid, second.sid]
    assert await filled.reader().read(Lookup(Interaction), asked) == [second, None, first, second]


async def test_rows_come_back_as_they_were_written(archive: Archive) -> None:
    text = '"quoted" \\ back/slash \n\t\x00\x1f é 日本 😀 \' ; -- ' + "x" * 100_000
    body = bodies.interaction(1, data=text, url="", outbound_resource_url="a,b][")
    await bodies.put(archive, body)
    assert await archive.reader().read(Lookup(Interaction), [body["sid"]]) == [bodies.record(body)]


@pytest.mark.of_a_file
@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.of_a_file
async def test_no_page_scans_a_table_or_sorts(
    archive: Archive, relation: Relation[Any], backwards: bool, bounded: bool
) -> None:
    at = Position("2026", "KI") if bounded else None
    for query in (Page(relation, 10, backwards, at, at), Count(relation)):
        plan = await archive.fetch(f"EXPLAIN QUERY PLAN {query.sql.text(archive.dialect)}", query.parameters(["KC1"]))
        steps = [row[3] for row in plan]
        table = relation.record.table
        assert not [step for step in steps if step == f"SCAN {table}" or "TEMP B-TREE" in step], steps
        assert [step for step in steps if f"{table} USING" in step], steps
