"""The person on each leg and in each Session follows the Participants' identifiers, however the rows are written."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

import bodies
from searched_rows import some_rows
from store import interactions, participants, sessions
from store.archive import open_archive
from store.engine.protocols import Archive
from store.interactions import InteractionFilter
from store.lists.relations import Relation
from store.participants import ParticipantFilter
from store.queries.pages import Count, Page
from store.sessions import SessionFilter
from store.sqlite import migrations
from store.sqlite.opening import prepare

ANNA, BERT = "+12025550101", "messenger:7"
FILTERS: tuple[tuple[Relation[Any], type[Any]], ...] = (
    (participants.ALL, ParticipantFilter),
    (sessions.ALL, SessionFilter),
    (interactions.ALL, InteractionFilter),
)


async def found(archive: Archive, *identifiers: str) -> list[list[str]]:
    """The SIDs of the Participants, Sessions and Interactions of these identifiers."""
    lists = []
    for relation, filter_type in FILTERS:
        chosen = filter_type(identifier=identifiers)
        (rows,) = await archive.reader().read(Page(relation, filter=chosen), [None])
        assert await archive.reader().read(Count(relation, chosen), [None]) == [len(rows)]
        lists.append([row.sid for row in rows])
    return lists


def sids(*numbers: Iterable[int]) -> list[list[str]]:
    return [[bodies.sid(prefix, n) for n in some] for prefix, some in zip(("KP", "KC", "KI"), numbers, strict=True)]


TREE = (
    bodies.service(1),
    *(bodies.session(number) for number in (1, 2, 3)),
    bodies.interaction(1, of=1),
    bodies.interaction(2, of=2, inbound_participant_sid=bodies.sid("KP", 3), outbound_participant_sid=None),
    bodies.interaction(3, of=3, inbound_participant_sid=None, outbound_participant_sid=bodies.sid("KP", 5)),
    bodies.participant(1, of=1, identifier=ANNA),
    bodies.participant(2, of=1, identifier=BERT),
    bodies.participant(3, of=2, identifier=BERT),
    bodies.participant(4, of=2, identifier=BERT, date_deleted=bodies.time(9)),
    bodies.participant(5, of=3),
)


async def test_a_person_is_found_by_identifier_on_either_leg_in_each_session(archive: Archive) -> None:
    await bodies.put(archive, *TREE)
    assert await found(archive, ANNA) == sids([1], [1], [1])
    assert await found(archive, BERT) == sids([2, 3, 4], [1, 2], [1, 2])
    assert await found(archive, ANNA, BERT) == sids([1, 2, 3, 4], [1, 2], [1, 2])
    assert await found(archive, "+12025550199") == await found(archive) == sids([], [], [])


async def test_a_participant_without_an_identifier_is_nobody_and_none_is_found_by_it(archive: Archive) -> None:
    await bodies.put(archive, *TREE, bodies.participant(6, of=3), bodies.interaction(4, of=3))
    async with archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE participant SET identifier = NULL WHERE identifier = :bert", {"bert": BERT})
    assert await found(archive, BERT) == sids([], [], [])
    assert await found(archive, ANNA) == sids([1], [1], [1, 4])
    ((left,),) = await archive.fetch("SELECT count(*) FROM session_person")
    assert left == 1


async def test_what_a_person_took_part_in_follows_a_changed_identifier(archive: Archive) -> None:
    await bodies.put(archive, *TREE, bodies.participant(3, of=2, identifier=ANNA))
    assert await found(archive, ANNA) == sids([1, 3], [1, 2], [1, 2])
    assert await found(archive, BERT) == sids([2, 4], [1, 2], [1])
    await bodies.put(archive, bodies.participant(4, of=2, identifier=ANNA))
    assert await found(archive, BERT) == sids([2], [1], [1])
    # A number that was the highest is given to nobody else while rows have it.
    await bodies.put(archive, bodies.participant(2, identifier="new"), bodies.participant(5, of=3, identifier=BERT))
    assert await found(archive, "new") == sids([2], [1], [1])
    assert await found(archive, BERT) == sids([5], [3], [3])


async def test_persons_are_kept_by_whoever_writes_a_participant(archive: Archive) -> None:
    """As a hand or an older version may, without the writer that numbers them."""
    await bodies.put(archive, *TREE)
    same = "service_sid, account_sid, identifier, date_created, date_updated, kind"
    insert = f"""
    INSERT INTO participant (sid, session_sid, {same})
    SELECT :new, :session, {same} FROM participant WHERE sid = :sid
    """
    async with archive.writer.transaction() as transaction:
        await transaction.execute(
            insert, {"new": bodies.sid("KP", 9), "session": bodies.sid("KC", 3), "sid": bodies.sid("KP", 1)}
        )
        await transaction.execute(
            "UPDATE participant SET identifier = :identifier WHERE sid = :sid",
            {"identifier": "new", "sid": bodies.sid("KP", 2)},
        )
    assert await found(archive, ANNA) == sids([1, 9], [1, 3], [1])
    assert await found(archive, "new") == sids([2], [1], [1])
    assert await found(archive, BERT) == sids([3, 4], [2], [2])


async def test_what_is_erased_is_found_no_more_and_its_person_is_nobody_elses(archive: Archive) -> None:
    await bodies.put(archive, *TREE)
    async with archive.writer.transaction() as transaction:
        await transaction.execute("DELETE FROM participant WHERE sid = :sid", {"sid": bodies.sid("KP", 2)})
        await transaction.execute("DELETE FROM session WHERE sid = :sid", {"sid": bodies.sid("KC", 2)})
    assert await found(archive, BERT) == sids([], [], [])
    await bodies.put(archive, bodies.participant(5, of=3, identifier="new"))
    assert await found(archive, "new") == sids([5], [3], [3])
    assert await found(archive, ANNA) == sids([1], [1], [1])


async def test_a_session_that_changes_is_found_at_its_new_place(archive: Archive) -> None:
    await bodies.put(archive, *TREE)
    await bodies.put(archive, bodies.session(1, status="closed", date_updated=bodies.time(99)))
    for order, expected in ((sessions.BY_DATE_UPDATED, [2, 1]), (sessions.BY_DATE_LAST_INTERACTION, [1, 2])):
        page = Page(sessions.ALL, order=order, filter=SessionFilter(identifier=(BERT,)))
        (rows,) = await archive.reader().read(page, [None])
        assert [row.sid for row in rows] == [bodies.sid("KC", number) for number in expected]
    closed = Page(sessions.ALL, filter=SessionFilter(identifier=(BERT,), status=("closed",)))
    ((row,),) = await archive.reader().read(closed, [None])
    assert row.sid == bodies.sid("KC", 1)


DERIVED = """
SELECT interaction.sid, inbound.identifier, outbound.identifier FROM interaction
LEFT JOIN participant AS inbound ON inbound.person = inbound_person
LEFT JOIN participant AS outbound ON outbound.person = outbound_person
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
LINKED = """
SELECT DISTINCT identifier, session_person.* FROM session_person JOIN participant USING (person) ORDER BY 1, 3
"""
KINDS = """
SELECT participant.sid, participant_kind.service_sid, participant_kind.date_deleted
FROM participant JOIN participant_kind ON participant_kind.id = kind ORDER BY 1
"""


def derived(database: Path) -> list[list[Any]]:
    with closing(sqlite3.connect(database)) as connection:
        rows = [connection.execute(sql).fetchall() for sql in (DERIVED, KINDS)]
        # The numbers of the persons themselves may differ.
        rows.append([(row[0], *row[2:]) for row in connection.execute(LINKED)])
        return rows


@pytest.mark.of_a_file
async def test_an_older_archive_gets_the_persons_that_a_sync_would_have_written(database: Path, tmp_path: Path) -> None:
    older = tmp_path / "older.db"
    async with open_archive(database) as archive:
        await bodies.put(archive, *some_rows(Random(7)))
    folder = tmp_path / "migrations"
    folder.mkdir()
    files = sorted(migrations.FOLDER.glob("*.sql"))
    (persons,) = migrations.FOLDER.glob("*_persons.sql")
    for file in files[: files.index(persons)]:
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    prepare(older, folder).close()
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("ATTACH ? AS newer", (str(database),))
        for table in ("service", "session", "participant", "interaction", "session_kind", "interaction_kind"):
            columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")
        connection.commit()
    prepare(older).close()
    assert derived(older) == derived(database)
    async with open_archive(older) as archive:
        await bodies.put(archive, bodies.participant(99, of=1, identifier="new"))
        assert await found(archive, "new") == sids([99], [1], [])
