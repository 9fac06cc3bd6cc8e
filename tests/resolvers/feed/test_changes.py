"""The change feed: every change in order, nothing twice, erasures by SID alone, and cursors that expire."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import bodies
from bodies import interaction, participant, put, service, session, sid
from databases import New, rows
from gateway_under_test import Ask, asker
from store.archive import open_archive
from store.backups.backup import back_up
from store.backups.restore import restore
from store.changes import read_feed, trim
from store.columns import Record
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.interactions import Interaction
from store.queries.changes import ChangedType, FeedQuery
from store.sync import state
from store.twilio_mapping import record

FEED = """
query ($after: String, $first: Int, $types: [ChangedType!], $filter: ChangeFilter) {
  changes(after: $after, first: $first, types: $types, filter: $filter) {
    nodes { cursor kind type sid serviceSid sessionSid node { id } }
    edges { cursor node { cursor } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    latestCursor
  }
}
"""


async def feed(ask: Ask, **variables: Any) -> dict[str, Any]:
    answer = await ask(FEED, **variables)
    assert "errors" not in answer, answer
    shown: dict[str, Any] = answer["data"]["changes"]
    assert [edge["cursor"] for edge in shown["edges"]] == [each["cursor"] for each in shown["nodes"]]
    return shown


async def since(ask: Ask, cursor: str, **variables: Any) -> list[tuple[str, str, str]]:
    shown = await feed(ask, after=cursor, first=100, **variables)
    return [(each["kind"], each["type"], each["sid"]) for each in shown["nodes"]]


async def latest(ask: Ask) -> str:
    return str((await feed(ask, first=0))["latestCursor"])


async def test_each_new_row_is_a_change_in_the_order_of_the_writes(ask: Ask, archive: Archive) -> None:
    start = await latest(ask)
    await put(archive, service(2), session(2, of=2), participant(1), interaction(1))
    assert await since(ask, start) == [
        ("CREATED", "SERVICE", sid("KS", 2)),
        ("CREATED", "SESSION", sid("KC", 2)),
        ("CREATED", "PARTICIPANT", sid("KP", 1)),
        ("CREATED", "INTERACTION", sid("KI", 1)),
    ]


async def test_a_write_that_changes_nothing_is_no_change(ask: Ask, archive: Archive) -> None:
    given = service(), session(), participant(1), interaction(1)
    await put(archive, *given)
    start = await latest(ask)
    await put(archive, *given)
    assert await since(ask, start) == []


@pytest.mark.parametrize("body", [service(), session(), participant(1), interaction(1)], ids=lambda body: body["sid"])
async def test_every_property_is_watched(ask: Ask, archive: Archive, body: bodies.Body) -> None:
    """Also one that a later migration adds: it has to be in the table's trigger."""
    await put(archive, participant(1), interaction(1))
    table = record(bodies.RECORD_TYPES[body["sid"][:2]], body).table
    fixed = {"sid", "service_sid", "session_sid", "extra", *_written_with("archived_at", table)}
    for column in set(bodies.RECORD_TYPES[body["sid"][:2]].__struct_fields__) - fixed:
        start = await latest(ask)
        number = column in ("ttl", "default_ttl", "duration_seconds")
        async with archive.writer.transaction() as transaction:
            value = 7 if number else "2027-01-01T00:00:00.000Z"
            set_it = f"UPDATE {table} SET {column} = :value WHERE sid = :sid"
            await transaction.execute(set_it, {"value": value, "sid": body["sid"]})
        assert await since(ask, start) == [("UPDATED", table.upper(), body["sid"])], column


def _written_with(column: str, table: str) -> set[str]:
    return {column} if table == "session" else set()


async def test_what_the_store_keeps_for_itself_is_no_change(ask: Ask, archive: Archive) -> None:
    await put(archive, participant(1), interaction(1))
    start = await latest(ask)
    async with archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE interaction SET extra = '{}', plain = NULL")
        await transaction.execute("UPDATE participant SET person = 9")
    assert await since(ask, start) == []


async def test_a_session_that_only_the_archive_still_has_is_archived(ask: Ask, archive: Archive) -> None:
    start = await latest(ask)
    async with archive.writer.transaction() as transaction:
        await state.archive_session(transaction, sid("KC", 1))
    assert await since(ask, start) == [("ARCHIVED", "SESSION", sid("KC", 1))]


async def test_an_erasure_has_sids_alone_and_no_node(ask: Ask, archive: Archive) -> None:
    await put(archive, participant(1), participant(2), interaction(1))
    erased = record(Interaction, interaction(1))
    assert isinstance(erased, Interaction)
    start = await latest(ask)
    await erasure.request(archive, erased, "somebody")
    await erasure.erase(archive, erased.sid)
    (change,) = (await feed(ask, after=start))["nodes"]
    assert change.pop("cursor")
    assert change == {
        "kind": "ERASED",
        "type": "INTERACTION",
        "sid": erased.sid,
        "serviceSid": erased.service_sid,
        "sessionSid": erased.session_sid,
        "node": None,
    }


async def test_an_erased_session_erases_what_is_in_it(ask: Ask, archive: Archive) -> None:
    await put(archive, participant(1), interaction(1))
    start = await latest(ask)
    await erasure.erase_deleted_at_twilio(archive, [], [sid("KC", 1)], "sync")
    assert set(await since(ask, start)) == {
        ("ERASED", "INTERACTION", sid("KI", 1)),
        ("ERASED", "PARTICIPANT", sid("KP", 1)),
        ("ERASED", "SESSION", sid("KC", 1)),
    }


async def test_pages_give_every_change_once(ask: Ask, archive: Archive) -> None:
    start = await latest(ask)
    await put(archive, *(interaction(number) for number in range(1, 25)))
    whole, seen, cursor = await since(ask, start), [], start
    for _ in range(6):
        page = await feed(ask, after=cursor, first=5)
        seen += [(each["kind"], each["type"], each["sid"]) for each in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
    assert len(whole) == 24
    assert seen == whole
    assert (await feed(ask, after=cursor, first=100))["latestCursor"] == page["pageInfo"]["endCursor"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"types": ["SESSION"]}, ["KC2"]),
        ({"types": ["SERVICE", "INTERACTION"]}, ["KI1", "KI2", "KI1"]),
        ({"types": []}, []),
        ({"types": None, "filter": None}, ["KC2", "KI1", "KI2", "KI1"]),
        ({"filter": {"kind": ["ERASED", "UPDATED"]}}, ["KI1"]),
        ({"filter": {"kind": []}}, []),
        ({"filter": {"sessionSid": sid("KC", 2)}}, ["KC2", "KI2"]),
        ({"filter": {"sessionSid": sid("KC", 2), "kind": ["CREATED"]}, "types": ["INTERACTION"]}, ["KI2"]),
        ({"filter": {"sessionSid": sid("KC", 2)}, "types": []}, []),
    ],
)
async def test_types_and_filters_select_changes(
    ask: Ask, archive: Archive, variables: dict[str, Any], expected: list[str]
) -> None:
    start = await latest(ask)
    await put(archive, session(2), interaction(1), interaction(2, of=2))
    await put(archive, interaction(1, outbound_resource_status="failed"))
    assert [
        f"{changed[:2]}{int(changed[2:], 16)}" for _, _, changed in await since(ask, start, **variables)
    ] == expected


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"after": "nonsense"}, "after"),
        ({"after": "0123456789abcdef.-1"}, "after"),
        ({"first": 101}, "first"),
        ({"filter": {"sessionSid": sid("KI", 1)}}, "Session"),
    ],
)
async def test_a_wrong_argument_is_refused(ask: Ask, variables: dict[str, Any], named: str) -> None:
    (error,) = (await ask(FEED, **variables))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert named in error["message"]


async def expired(ask: Ask, cursor: str) -> bool:
    answer = await ask(FEED, after=cursor)
    return [error["extensions"]["code"] for error in answer.get("errors", [])] == ["CHANGES_EXPIRED"]


async def test_a_cursor_expires_once_a_change_after_it_is_not_kept(ask: Ask, archive: Archive) -> None:
    start = await latest(ask)
    await put(archive, *(interaction(number) for number in range(1, 4)))
    last = await latest(ask)
    assert await trim(archive, timedelta(hours=1)) == 0
    assert not await expired(ask, start)
    assert await trim(archive, timedelta(hours=-1)) == 5
    assert await expired(ask, start)
    assert not await expired(ask, last)
    await put(archive, interaction(4))
    assert await since(ask, last) == [("CREATED", "INTERACTION", sid("KI", 4))]


@pytest.mark.parametrize("old", [0, 1, 2, 3, 8, 9])
async def test_only_what_is_too_old_is_dropped(archive: Archive, monkeypatch: pytest.MonkeyPatch, old: int) -> None:
    monkeypatch.setattr("store.changes.TRIMMED_AT_ONCE", 3)
    await put(archive, *(interaction(number) for number in range(1, 8)))
    numbers = [0, *(change.number for change in (await read_feed(archive, FeedQuery(0, 100))).changes)]
    assert len(numbers) == 10
    async with archive.writer.transaction() as transaction:
        past = "UPDATE change SET at = '2020-01-01T00:00:00.000Z' WHERE number <= :last"
        await transaction.execute(past, {"last": numbers[old]})
    assert await trim(archive, timedelta(days=1)) == old
    page = await read_feed(archive, FeedQuery(0, 100))
    assert [change.number for change in page.changes] == numbers[old + 1 :]
    assert (page.dropped, page.last) == (numbers[old], numbers[-1])


async def test_a_cursor_of_what_an_older_copy_of_the_file_lacks_has_expired(
    database: Database, new_database: New
) -> None:
    """As after a snapshot of the machine was put back: otherwise changes under the same numbers would be missed."""
    async with open_archive(database) as archive:
        await put(archive, service(), session(), interaction(1))
        before = await latest(asker(archive))
    older = new_database(database)
    async with open_archive(database) as archive:
        await put(archive, interaction(2))
        after = await latest(asker(archive))
    async with open_archive(older) as archive:
        await put(archive, *(interaction(number) for number in range(3, 9)))
        assert await expired(asker(archive), after)
        assert [changed for _, _, changed in await since(asker(archive), before)] == [sid("KI", n) for n in range(3, 9)]


async def test_a_cursor_of_another_archive_has_expired(ask: Ask, archive: Archive, new_database: New) -> None:
    cursor = await latest(ask)
    async with open_archive(new_database()) as other:
        await put(other, service(), session(), interaction(1))
        assert await expired(asker(other), cursor)


@pytest.mark.of_a_file
async def test_after_a_restore_every_cursor_has_expired(database: Path, tmp_path: Path) -> None:
    async with open_archive(database) as archive:
        await put(archive, service(), session(), interaction(1))
        before = await latest(asker(archive))
        await back_up(archive, tmp_path / "backup.db")
        await put(archive, interaction(2))
        after = await latest(asker(archive))
    restore(tmp_path / "backup.db", database, sure=True)
    async with open_archive(database) as archive:
        await put(archive, interaction(3))
        assert await expired(asker(archive), before)
        assert await expired(asker(archive), after)


async def test_the_feed_needs_one_statement_and_one_for_each_type_of_node(ask: Ask, archive: Archive) -> None:
    start = await latest(ask)
    await put(archive, session(2), *(interaction(number) for number in range(1, 9)))
    answer = await ask("query ($after: String) { changes(after: $after) { nodes { sid node { id } } } }", after=start)
    assert len(answer.statements) == 3


async def test_the_feed_has_no_content(database: Database, archive: Archive) -> None:
    await put(archive, participant(1, identifier="+12025550123"), interaction(1, data='{"body": "a canary"}'))
    text = str(rows(database, "SELECT * FROM change"))
    assert "canary" not in text
    assert "2025550123" not in text


@pytest.mark.of_a_file
async def test_every_query_of_the_feed_reads_by_an_index_in_its_order(archive: Archive) -> None:
    queries = [
        FeedQuery(0, 5),
        FeedQuery(0, 5, frozenset({ChangedType.SESSION})),
        FeedQuery(0, 5, session_sid=sid("KC", 1)),
    ]
    for query in queries:
        sql = f"EXPLAIN QUERY PLAN {query.sql.text(archive.dialect)}"
        plan = str(list(await archive.fetch(sql, query.parameters((None,)))))
        assert "SCAN change " not in plan, plan


RECORD_TYPES: tuple[type[Record], ...] = tuple(bodies.RECORD_TYPES.values())


@pytest.mark.parametrize("record_type", RECORD_TYPES, ids=lambda record_type: record_type.noun)
def test_each_resource_has_a_type_of_change(record_type: type[Record]) -> None:
    assert ChangedType(record_type.noun.upper())
