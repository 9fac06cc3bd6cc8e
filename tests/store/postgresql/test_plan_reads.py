"""Plans on PostgreSQL: one statement needs no transaction, several see one state, and a time limit holds."""

import time
from typing import Any

import orjson
import pytest

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request, Result
from gateway_under_test import UNLIMITED
from postgresql import Cluster
from resolvers.context import Context
from store.engine.database import Address
from store.engine.protocols import Archive
from store.postgresql.connections import ReadConnection

LAST_STATEMENTS = """
SELECT count(*) FILTER (WHERE query LIKE 'SELECT /* proxygraph: plan */%'), count(*) FILTER (WHERE query = 'COMMIT')
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
""".strip()
NESTED = "nodes { sid interactions(first: 20) { nodes { sid data inbound { resourceUrl } } } }"
EDGES = "edges { cursor node { sid interactions(first: 2) { edges { cursor node { sid } } pageInfo { endCursor } } } }"
NOTHING = 'interactions(filter: { type: [VOICE], sessionSid: "KCffffffffffffffffffffffffffffffff" })'
COUNTS = """
a: interactions(first: 2) { __typename totalCount nodes { sid } n: totalCount }
b: interactions(filter: { type: [MESSAGE] }) { totalCount }
"""
REFERENCES = """
session { sid service { uniqueName sessions { totalCount } } }
service { sid }
inbound { participant { sid session { sid } } }
outbound { participant { identifier } }
"""
ONE_STATEMENT = [
    f'{{ interaction(sid: "{bodies.sid("KI", 1)}") {{ sid data }} }}',
    f'{{ node(id: "{bodies.sid("KC", 1)}") {{ id }} }}',
    f"{{ sessions(first: 20) {{ {NESTED} }} }}",
    f'{{ service(sid: "{bodies.sid("KS", 1)}") {{ sid sessions(first: 20) {{ {NESTED} }} }} }}',
    f"{{ services {{ nodes {{ sid sessions(first: 10) {{ {NESTED} }} }} }} }}",
    "{ sessions { nodes { sid participants { sid } interactions { nodes { sid } } } } }",
    "{ interactions { totalCount } }",
    "{ sessions { totalCount nodes { sid } } }",
    "{ sessions(first: 2) { totalCount nodes { sid } pageInfo { hasNextPage endCursor } } }",
    "{ sessions(last: 2) { totalCount totalCountCapped edges { cursor } } }",
    f"{{ {NOTHING} {{ totalCount nodes {{ sid }} }} }}",
    f"{{ {NOTHING} {{ totalCount nodes {{ sid }} pageInfo {{ endCursor }} }} }}",
    f"{{ sessions(first: 2) {{ nodes {{ sid {COUNTS} participants {{ sid session {{ service {{ sid }} }} }} }} }} }}",
    f'{{ interaction(sid: "{bodies.sid("KI", 1)}") {{ sid {REFERENCES} }} }}',
    "{ interactions(first: 9) { nodes { session { sid } service { sid } inbound { participant { sid } } } } }",
]
SEVERAL = [
    f"{{ sessions(first: 20) {{ {EDGES} }} }}",
    "{ sessions(first: 2) { nodes { sid interactions { totalCount } } pageInfo { endCursor } } }",
    "{ interactions(first: 100) { nodes { session { sid } } } }",
]

COUNTED_PAGES = "interactions(first: 50) { totalCount nodes { sid } pageInfo { endCursor } }"
COUNTED = f"{{ sessions(first: 20) {{ nodes {{ {COUNTED_PAGES} }} }} }}"


async def planned(archive: Archive, query: str, plans: PlanCache) -> Result:
    result = await execute(Request(query), Context(archive), UNLIMITED, plans)
    assert result.is_planned, query
    return result


async def filled(archive: Archive) -> None:
    await bodies.put(archive, *(bodies.session(number) for number in range(2, 10)))
    await bodies.put(archive, *(bodies.interaction(number, of=1 + number % 9) for number in range(90)))


@pytest.mark.parametrize(
    ("query", "statements"), [(each, 1) for each in ONE_STATEMENT] + [(each, 2) for each in SEVERAL]
)
async def test_only_an_operation_of_several_statements_has_a_transaction(
    archive: Archive, address: Address, postgresql_cluster: Cluster, query: str, statements: int
) -> None:
    await filled(archive)
    plans = PlanCache()
    for _ in range(2):
        assert (await planned(archive, query, plans)).statements == statements
    last = postgresql_cluster.sql(LAST_STATEMENTS, address.name)
    assert last == ("1|1" if statements == 1 else "0|2")  # One COMMIT is the writer's.


@pytest.mark.parametrize("query", ONE_STATEMENT)
async def test_one_statement_answers_as_the_ordinary_path_does(archive: Archive, query: str) -> None:
    await filled(archive)
    ordinary = await execute(Request(query), Context(archive), UNLIMITED)
    assert (await planned(archive, query, PlanCache())).encoded() == ordinary.encoded()


async def test_a_row_that_must_be_there_and_is_missing_is_an_error_and_one_that_may_be_missing_is_null(
    archive: Archive, address: Address, postgresql_cluster: Cluster
) -> None:
    """Nothing in the database keeps an Interaction's Service or its Participants; its Session does."""
    await filled(archive)
    missing = f"service_sid = '{bodies.sid('KS', 9)}', inbound_participant_sid = '{bodies.sid('KP', 99)}'"
    postgresql_cluster.sql(f"UPDATE interaction SET {missing} WHERE sid = '{bodies.sid('KI', 3)}'", address.name)
    one = f'interaction(sid: "{bodies.sid("KI", 3)}")'
    answer = await planned(archive, f"{{ {one} {{ sid inbound {{ participant {{ sid }} }} }} }}", PlanCache())
    assert orjson.loads(answer.encoded())["data"]["interaction"]["inbound"] == {"participant": None}
    for query in (
        f"{{ {one} {{ sid service {{ sid }} }} }}",
        f'{{ session(sid: "{bodies.sid("KC", 4)}") {{ interactions(first: 9) {{ nodes {{ service {{ sid }} }} }} }} }}',
    ):
        failed = await execute(Request(query), Context(archive), UNLIMITED, PlanCache())
        assert not failed.is_planned
        assert {error["path"][-1] for error in orjson.loads(failed.encoded())["errors"]} == {"service"}


async def test_an_operation_of_several_statements_sees_one_state(
    archive: Archive, address: Address, postgresql_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(archive)
    read, erasures = ReadConnection.fetch, 0

    async def read_and_erase(connection: ReadConnection, *arguments: Any) -> list[Any]:
        nonlocal erasures
        rows = await read(connection, *arguments)
        erasures += 1  # Also after a read by what runs in the background, whenever that is.
        postgresql_cluster.sql("DELETE FROM interaction WHERE sid = (SELECT max(sid) FROM interaction)", address.name)
        return rows

    plans, there = PlanCache(), 90
    await planned(archive, COUNTED, plans)  # The first time shows that it has several.
    for _ in range(3):
        with monkeypatch.context() as erasing:
            erasing.setattr(ReadConnection, "fetch", read_and_erase)
            body = (await planned(archive, COUNTED, plans)).encoded()
        lists = [node["interactions"] for node in orjson.loads(body)["data"]["sessions"]["nodes"]]
        assert sum(each["totalCount"] for each in lists) == sum(len(each["nodes"]) for each in lists) == there
        there = int(postgresql_cluster.sql("SELECT count(*) FROM interaction", address.name))
    assert there == 90 - erasures
    assert erasures >= 3 * 3


async def test_a_plan_is_stopped_at_its_time_limit_and_later_ones_are_answered(
    archive: Archive, address: Address, postgresql_cluster: Cluster
) -> None:
    plans, limits = PlanCache(), UNLIMITED.model_copy(update={"max_seconds": 0.3})
    async with archive.writer.transaction() as transaction:
        await transaction.execute("LOCK TABLE session IN ACCESS EXCLUSIVE MODE")
        begun = time.monotonic()
        for query in (ONE_STATEMENT[2], SEVERAL[0]):
            result = await execute(Request(query), Context(archive), limits, plans)
            assert "0.3 seconds" in str(result.response["errors"])
        assert time.monotonic() - begun < 5
    for query in (ONE_STATEMENT[2], SEVERAL[0]):
        await planned(archive, query, plans)


async def test_texts_that_cannot_be_bound_are_left_to_the_ordinary_path(archive: Archive) -> None:
    request = Request("query ($name: String) { sessions(filter: { uniqueName: $name }) { nodes { sid } } }", None, {})
    for name in ("\ud800", "\x00", "'; DROP TABLE session; --", "%s {key} {fingerprint} :of $1"):
        asked = Request(request.query, None, {"name": name})
        plan = await execute(asked, Context(archive), UNLIMITED, PlanCache())
        assert plan.encoded() == (await execute(asked, Context(archive), UNLIMITED)).encoded()
