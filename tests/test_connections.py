"""Connections page both ways without a gap or a double, and refuse what makes no sense."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

import bodies
from conftest import Ask, asker
from store.archive import Archive, open_archive

PAGE = """
query ($sid: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  session(sid: $sid) {
    interactions(first: $first, after: $after, last: $last, before: $before) {
      nodes { sid }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
}
"""


async def page(ask: Ask, **arguments: Any) -> tuple[list[str], dict[str, Any]]:
    answer = await ask(PAGE, sid=bodies.sid("KC", 1), **arguments)
    assert "errors" not in answer, answer
    connection = answer["data"]["session"]["interactions"]
    return [node["sid"] for node in connection["nodes"]], connection["pageInfo"]


async def test_a_walk_both_ways_while_rows_arrive_has_no_gap_and_no_double(database: Path) -> None:
    """10,000 interactions in pages of 37, with as many dates as half of them, and new rows before and behind."""
    pick = Random(3)
    at_first = [bodies.interaction(number, date_created=bodies.time(number // 2)) for number in range(1000, 11_000)]
    pick.shuffle(at_first)
    late = iter(range(20_000, 30_000))
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), *at_first)
        ask = asker(archive)
        expected = sorted((body["date_created"], body["sid"]) for body in at_first)
        for forwards in (True, False):
            seen: list[str] = []
            arguments: dict[str, Any] = {}
            more = True
            while more:
                arrived = [bodies.interaction(next(late), date_created=bodies.time(pick.choice((1, 9_000))))]
                await bodies.put(archive, *arrived)
                if forwards:
                    sids, info = await page(ask, first=37, **arguments)
                    seen += sids
                    more, arguments = info["hasNextPage"], {"after": info["endCursor"]}
                else:
                    sids, info = await page(ask, last=37, **arguments)
                    seen = sids + seen
                    more, arguments = info["hasPreviousPage"], {"before": info["startCursor"]}
            assert len(seen) == len(set(seen))
            among = {sid for _, sid in expected}
            assert [sid for sid in seen if sid in among] == [sid for _, sid in expected]


@pytest.fixture
async def ten(archive: Archive) -> Archive:
    """Ten interactions in a session, and one in another."""
    await bodies.put(archive, *(bodies.interaction(number) for number in range(10)))
    await bodies.put(archive, bodies.session(2), bodies.interaction(99, of=2))
    return archive


def sids(*numbers: int) -> list[str]:
    return [bodies.sid("KI", number) for number in numbers]


@pytest.mark.parametrize(
    ("arguments", "numbers", "more"),
    [
        ({}, range(10), (False, False)),
        ({"first": 10}, range(10), (False, False)),
        ({"first": 9}, range(9), (True, False)),
        ({"first": 100}, range(10), (False, False)),
        ({"last": 10}, range(10), (False, False)),
        ({"last": 3}, (7, 8, 9), (False, True)),
        ({"first": None, "last": None, "after": None, "before": None}, range(10), (False, False)),
        ({"first": 3, "after": 2}, (3, 4, 5), (True, True)),
        ({"last": 3, "before": 7}, (4, 5, 6), (True, True)),
        ({"first": 9, "after": 2, "before": 5}, (3, 4), (True, True)),
        ({"last": 1, "after": 2, "before": 5}, (4,), (True, True)),
        ({"after": 9}, (), (False, True)),
    ],
)
async def test_pages_are_cut_as_relay_says(
    ten: Archive, ask: Ask, arguments: dict[str, Any], numbers: range, more: tuple[bool, bool]
) -> None:
    edges = await ask(f'{{ session(sid: "{bodies.sid("KC", 1)}") {{ interactions {{ edges {{ cursor }} }} }} }}')
    cursors = [edge["cursor"] for edge in edges["data"]["session"]["interactions"]["edges"]]
    given = {
        name: cursors[value] if name in ("after", "before") and value is not None else value
        for name, value in arguments.items()
    }
    found, info = await page(ask, **given)
    assert found == sids(*numbers)
    assert (info["hasNextPage"], info["hasPreviousPage"]) == more
    ends = (cursors[numbers[0]], cursors[numbers[-1]]) if numbers else (None, None)
    assert (info["startCursor"], info["endCursor"]) == ends


async def test_a_cursor_stays_good_when_its_row_is_gone(ten: Archive, ask: Ask) -> None:
    _, info = await page(ask, first=3)
    async with ten.writer.transaction() as transaction:
        await transaction.execute("DELETE FROM interaction WHERE sid = ?", sids(2))
    found, _ = await page(ask, first=2, after=info["endCursor"])
    assert found == sids(3, 4)


async def refusal(ask: Ask, query: str) -> str:
    (error,) = (await ask(query))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    return str(error["message"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("first: 0", "Expected first to be from 1 to 100, but got 0."),
        ("first: 101", "Expected first to be from 1 to 100, but got 101."),
        ("first: -1", "Expected first to be from 1 to 100, but got -1."),
        ("last: 0", "Expected last to be from 1 to 100, but got 0."),
        ("last: -5", "Expected last to be from 1 to 100, but got -5."),
        ("first: 1, last: 1", "Expected first or last, but got both (first: 1, last: 1). Leave one out."),
        ('after: ""', "Expected after to be a cursor that this API gave, but got ''."),
        ('before: "abc"', "Expected before to be a cursor that this API gave, but got 'abc'."),
        (
            f'after: "{"x" * 1000}"',
            f"Expected after to be a cursor that this API gave, but got '{'x' * 40}' ….",
        ),
    ],
)
async def test_page_arguments_that_make_no_sense_get_a_sentence(ask: Ask, arguments: str, sentence: str) -> None:
    assert await refusal(ask, f"{{ services({arguments}) {{ totalCount }} }}") == sentence


async def test_a_cursor_of_another_connection_is_refused(ten: Archive, ask: Ask) -> None:
    first, second = bodies.sid("KC", 1), bodies.sid("KC", 2)
    _, info = await page(ask, first=1)
    cursor = info["endCursor"]
    for elsewhere in (
        f'{{ interactions(after: "{cursor}") {{ totalCount }} }}',
        f'{{ sessions(after: "{cursor}") {{ totalCount }} }}',
        f'{{ session(sid: "{second}") {{ interactions(after: "{cursor}") {{ totalCount }} }} }}',
        f'{{ service(sid: "{bodies.sid("KS", 1)}") {{ interactions(before: "{cursor}") {{ totalCount }} }} }}',
    ):
        assert "a cursor of this connection, but got one of another connection, order or filter" in await refusal(
            ask, elsewhere
        )
    answer = await ask(f'{{ session(sid: "{first}") {{ interactions(after: "{cursor}") {{ totalCount }} }} }}')
    assert answer["data"]["session"]["interactions"] == {"totalCount": 10}


async def test_an_empty_database_has_empty_pages(database: Path) -> None:
    async with open_archive(database) as archive:
        answer = await asker(archive)(
            "{ interactions { totalCount edges { cursor } nodes { id } pageInfo { hasNextPage startCursor } } }"
        )
    assert answer == {
        "data": {
            "interactions": {
                "totalCount": 0,
                "edges": [],
                "nodes": [],
                "pageInfo": {"hasNextPage": False, "startCursor": None},
            }
        }
    }
