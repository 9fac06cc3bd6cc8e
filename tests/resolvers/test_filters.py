"""Filters and orders for clients: the meaning of null and empty lists, invalid values, and paging."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.results import Request
from gateway_under_test import UNLIMITED, Ask, asker
from resolvers.context import Context
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive

COUNT = "query ($filter: InteractionFilter) { interactions(filter: $filter) { totalCount nodes { sid } } }"


@pytest.fixture
async def five(archive: Archive) -> Archive:
    """Five Interactions, an hour apart: a call, and messages with different texts and statuses."""
    texts = ("100% sure", "100 sure", "snake_case", "snakeXcase", "ÉTÉ été")
    await bodies.put(
        archive,
        *(
            bodies.interaction(
                number,
                data=f'{{"body": "{text}"}}',
                date_created=f"2026-03-01T0{number}:00:00Z",
                type="voice" if number == 4 else "message",
                outbound_resource_status=("delivered", "failed", "failed", "busy", None)[number],
            )
            for number, text in enumerate(texts)
        ),
    )
    return archive


async def found(ask: Ask, **conditions: Any) -> list[int]:
    connection = (await ask(COUNT, filter=conditions))["data"]["interactions"]
    assert connection["totalCount"] == len(connection["nodes"])
    return [int(node["sid"][2:], 16) for node in connection["nodes"]]


EVERYTHING = [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        ({}, EVERYTHING),
        ({"type": None, "serviceSid": None, "dateCreated": None, "bodyContains": None}, EVERYTHING),
        ({"dateCreated": {}}, EVERYTHING),
        ({"dateCreated": {"from": None, "before": None}}, EVERYTHING),
        ({"type": []}, []),
        ({"outboundStatus": []}, []),
        ({"type": "VOICE"}, [4]),
        ({"type": ["VOICE", "MESSAGE"]}, EVERYTHING),
        ({"outboundStatus": ["FAILED", "BUSY"]}, [1, 2, 3]),
        ({"outboundStatus": ["FAILED"], "type": ["VOICE"]}, []),
        ({"dateCreated": {"from": "2026-03-01T01:00:00Z", "before": "2026-03-01T03:00:00Z"}}, [1, 2]),
        ({"dateCreated": {"from": "2026-03-01T02:00:00+01:00", "before": "2026-02-28T22:00:00-05:00"}}, [1, 2]),
        ({"dateCreated": {"from": "2026-03-01"}}, EVERYTHING),
        ({"dateCreated": {"from": "2026-03-02", "before": "2026-03-01"}}, []),
        ({"bodyContains": "100%"}, [0]),
        ({"bodyContains": "e_c"}, [2]),
        ({"bodyContains": "SURE"}, [0, 1]),
        ({"bodyContains": "été"}, [4]),
        ({"participantSid": bodies.sid("KP", 2)}, EVERYTHING),
        ({"resourceSid": bodies.sid("SM", 3)}, [3]),
        ({"resourceSid": bodies.sid("CA", 3)}, []),
    ],
)
async def test_a_filter_returns_rows_that_meet_all_conditions(
    five: Archive, ask: Ask, conditions: dict[str, Any], numbers: list[int]
) -> None:
    assert await found(ask, **conditions) == numbers


@pytest.mark.parametrize(
    ("filter_", "sentence"),
    [
        ('serviceSid: "KC1"', "Expected the SID of one Service, KS and 32 hexadecimal digits, but got 'KC1'."),
        ('resourceSid: "SM"', "Expected resourceSid to be a SID, two letters and 32 hexadecimal digits, but got 'SM'."),
        ('bodyContains: ""', "Expected bodyContains to have 1 to 256 characters, but got 0."),
        (f'bodyContains: "{"x" * 257}"', "Expected bodyContains to have 1 to 256 characters, but got 257."),
    ],
)
async def test_invalid_conditions_get_a_sentence(ask: Ask, filter_: str, sentence: str) -> None:
    (error,) = (await ask(f"{{ interactions(filter: {{ {filter_} }}) {{ totalCount }} }}"))["errors"]
    assert (error["message"], error["extensions"]) == (sentence, {"code": "BAD_USER_INPUT"})


async def test_an_invalid_time_gets_a_sentence(ask: Ask) -> None:
    (error,) = (await ask(COUNT, filter={"dateCreated": {"from": "yesterday"}}))["errors"]
    assert "Expected a time in ISO 8601, such as 2026-05-04T09:30:00Z, but got 'yesterday'." in error["message"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}


LIST = """
query ($filter: SessionFilter, $orderBy: SessionOrder) {
  sessions(filter: $filter, orderBy: $orderBy) { nodes { uniqueName } }
}
"""


async def test_sessions_that_never_talked_come_first_ascending_and_last_descending(ask: Ask, archive: Archive) -> None:
    await bodies.put(
        archive,
        bodies.session(1, unique_name="never"),
        bodies.session(2, unique_name="early", date_last_interaction=bodies.time(5)),
        bodies.session(3, unique_name="late", date_last_interaction=bodies.time(9)),
    )

    async def names(**variables: Any) -> list[str]:
        return [node["uniqueName"] for node in (await ask(LIST, **variables))["data"]["sessions"]["nodes"]]

    assert await names(orderBy="DATE_LAST_INTERACTION_ASC") == ["never", "early", "late"]
    assert await names(orderBy="DATE_LAST_INTERACTION_DESC") == ["late", "early", "never"]
    before = {"dateLastInteraction": {"before": "2027-01-01"}}
    assert await names(filter=before, orderBy="DATE_LAST_INTERACTION_ASC") == ["early", "late"]


UNDER_PARENTS = """
{ services(first: 100) { nodes { sessions(first: 100, filter: { status: [OPEN, CLOSED] }) { nodes {
  interactions(first: 5, orderBy: DATE_UPDATED_DESC, filter: { type: [MESSAGE], outboundStatus: [DELIVERED] }) {
    totalCount nodes { sid }
  }
} } } } }
"""


async def statements(database: Database, services: int, sessions: int) -> list[str]:
    async with open_archive(database) as archive:
        numbers = range(1, services * sessions + 1)
        await bodies.put(archive, *(bodies.service(number) for number in range(1, services + 1)))
        await bodies.put(archive, *(bodies.session(number, of=1 + number % services) for number in numbers))
        await bodies.put(archive, *(bodies.interaction(number, of=1 + number // 2) for number in numbers))
        answer = await asker(archive)(UNDER_PARENTS)
        assert "errors" not in answer
        return [statement.sql for statement in answer.statements]


async def test_the_same_filter_under_three_and_three_hundred_parents_takes_the_same_statements(tmp_path: Path) -> None:
    few = await statements(tmp_path / "few.db", services=1, sessions=3)
    many = await statements(tmp_path / "many.db", services=5, sessions=60)
    assert few == many
    assert len(few) == 4


async def test_a_count_past_the_cap_says_so(five: Archive) -> None:
    query = "{ all: interactions { totalCount totalCountCapped } calls: interactions(filter: { type: VOICE }) "
    query += "{ totalCount totalCountCapped } }"
    for cap, expected in ((5, (5, False)), (4, (4, True)), (1, (1, True))):
        answer = (await execute(Request(query), Context(five, count_cap=cap), UNLIMITED)).response
        assert tuple(answer["data"]["all"].values()) == expected
        assert tuple(answer["data"]["calls"].values()) == (1, False)


PAGE = """
query (
  $filter: InteractionFilter, $orderBy: InteractionOrder, $first: Int, $after: String, $last: Int, $before: String
) {
  interactions(filter: $filter, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    nodes { sid } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


async def test_a_cursor_is_only_valid_with_its_order_and_filter(five: Archive, ask: Ask) -> None:
    asked = {"orderBy": "DATE_UPDATED_DESC", "filter": {"outboundStatus": ["FAILED", "BUSY"]}}
    cursor = (await ask(PAGE, **asked, first=1))["data"]["interactions"]["pageInfo"]["endCursor"]
    same = {"orderBy": "DATE_UPDATED_DESC", "filter": {"outboundStatus": ["BUSY", "FAILED", "BUSY"], "type": None}}
    assert "errors" not in await ask(PAGE, **same, after=cursor)
    for other in (
        {**asked, "orderBy": "DATE_UPDATED_ASC"},
        {**asked, "orderBy": "DATE_CREATED_DESC"},
        {**asked, "filter": {"outboundStatus": ["FAILED"]}},
        {**asked, "filter": None},
    ):
        (error,) = (await ask(PAGE, **other, after=cursor))["errors"]
        assert "one of another connection, order or filter" in error["message"]


@pytest.mark.parametrize("order", ["DATE_CREATED_ASC", "DATE_CREATED_DESC", "DATE_UPDATED_ASC", "DATE_UPDATED_DESC"])
@pytest.mark.parametrize("forwards", [True, False])
async def test_paging_with_a_filter_while_rows_arrive_has_no_gap_and_no_duplicate(
    database: Database, order: str, forwards: bool
) -> None:
    """900 interactions of many facet combinations in pages of 13, with equal dates, and new rows between pages."""
    pick = Random(order)
    statuses = ("delivered", "failed", "sent", "queued", None)
    new = iter(range(1, 10_000))

    def some() -> bodies.Body:
        created = pick.randint(1, 400)
        return bodies.interaction(
            next(new),
            type=pick.choice(("message", "voice")),
            outbound_resource_status=pick.choice(statuses),
            date_created=bodies.time(created),
            date_updated=bodies.time(created + pick.choice((0, 3, 90, 3_000))),
        )

    at_first = [some() for _ in range(900)]
    filter_ = {"type": ["MESSAGE"], "outboundStatus": ["DELIVERED", "FAILED", "SENT"]}
    column = "date_updated" if "UPDATED" in order else "date_created"
    expected = [
        body["sid"]
        for body in sorted(at_first, key=lambda body: (body[column], body["sid"]), reverse=order.endswith("DESC"))
        if body["type"] == "message" and body["outbound_resource_status"] in ("delivered", "failed", "sent")
    ]
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), *at_first)
        ask, seen, arguments, more = asker(archive), list[str](), dict[str, Any](), True
        while more:
            size = {"first": 13} if forwards else {"last": 13}
            answer = await ask(PAGE, filter=filter_, orderBy=order, **size, **arguments)
            connection = answer["data"]["interactions"]
            sids, info = [node["sid"] for node in connection["nodes"]], connection["pageInfo"]
            seen = seen + sids if forwards else sids + seen
            more = info["hasNextPage"] if forwards else info["hasPreviousPage"]
            arguments = {"after": info["endCursor"]} if forwards else {"before": info["startCursor"]}
            await bodies.put(archive, some(), some())
    assert len(seen) == len(set(seen))
    assert [sid for sid in seen if sid in set(expected)] == expected
