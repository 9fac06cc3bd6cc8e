"""A plan gives the same bytes as the ordinary path for every query it can answer, from one state of the archive."""

from collections import Counter
from itertools import islice
from typing import Any

import orjson
import pytest
from graphql import GraphQLField, GraphQLObjectType, GraphQLString

import bodies
import edge_case_rows
import plan_reads
from databases import SQLITE, change
from documents import Documents
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request, Result
from gateway_under_test import UNLIMITED, serving
from resolvers.access import ANYBODY, Access, granted
from resolvers.context import Context
from resolvers.plans.plan import MOST_PLANS
from schema.build import EXECUTABLE
from schema.fields import column
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive, Reader

READER = granted("console", ["read"])


async def both(archive: Archive, request: Request, plans: PlanCache, access: Access = ANYBODY) -> tuple[Result, Result]:
    ordinary = await execute(request, Context(archive, access=access), UNLIMITED)
    return ordinary, await execute(request, Context(archive, access=access), UNLIMITED, plans)


@pytest.mark.of_a_file  # test_plans_on_postgresql.py compares the answers to the same documents there.
async def test_both_paths_give_the_same_bytes(edge_case_archive: Archive, request: pytest.FixtureRequest) -> None:
    """For a longer run: pytest tests/resolvers/test_plans.py -k same_bytes --documents 20000 --seed 7."""
    number, seed = request.config.getoption("--documents"), request.config.getoption("--seed")
    documents = Documents(seed, EXECUTABLE, await edge_case_rows.pool_of(edge_case_archive))
    plans, outcomes = PlanCache(), Counter[str]()
    for document in islice(documents, number):
        asked = Request(document.text, document.operation_name, document.variables)
        ordinary, planned = await both(edge_case_archive, asked, plans)
        assert planned.encoded() == ordinary.encoded(), document
        outcomes["planned" if planned.body is not None else "errors" if "errors" in ordinary.response else "other"] += 1
        documents.learn(document, ordinary.response)
        if not sum(outcomes.values()) % 4:
            ordinary, planned = await both(edge_case_archive, asked, plans, READER)
            assert planned.encoded() == ordinary.encoded(), document
            outcomes["forbidden"] += "FORBIDDEN" in ordinary.encoded().decode()
    assert outcomes["planned"] > 0.6 * number
    assert outcomes["errors"] > 0.05 * number
    assert outcomes["other"] < 0.25 * number
    assert outcomes["forbidden"] > 0.005 * number


WHOLE = f"""
query ($first: Int = 3, $deep: Boolean!, $sid: ID!) {{
  node(id: $sid) {{ __typename ...on Session {{ uniqueName }} }}
  nodes(ids: ["{bodies.sid("KI", 1)}", "{bodies.sid("KS", 1)}", "{bodies.sid("KI", 404)}"]) {{ id ...People }}
  services {{ totalCount totalCountCapped nodes {{ sid session(sid: $sid) {{ sid }} }} }}
  sessions(first: $first, filter: {{ status: [OPEN, CLOSED] }}, orderBy: DATE_UPDATED_DESC) {{
    edges {{ cursor node {{
      service {{ uniqueName }} participants {{ friendlyName session {{ sid }} }}
      interactions(last: 2) @include(if: $deep) {{
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
        nodes {{ ...People body durationSeconds type }}
      }}
    }} }}
  }}
}}
fragment People on Interaction {{
  inbound {{ participantSid participant {{ friendlyName }} resourceStatus }}
  outbound {{ participant {{ friendlyName }} resourceType }}
  session {{ sid service {{ sid }} }}
}}
"""


@pytest.mark.parametrize("deep", [True, False])
async def test_every_query_field_is_planned(edge_case_archive: Archive, deep: bool) -> None:
    asked = Request(WHOLE, None, {"deep": deep, "sid": bodies.sid("KC", 1)})
    ordinary, planned = await both(edge_case_archive, asked, PlanCache())
    assert planned.body is not None
    assert planned.body == ordinary.encoded()


EDGES = [
    "edges { cursor node { sid data } }",
    "edges { cursor } pageInfo { startCursor endCursor hasNextPage hasPreviousPage }",
    "edges { c: cursor node { cursor: data inbound { cursor: participantSid } } } pageInfo { __typename endCursor }",
    "edges { __typename cursor node { body } __typename } pageInfo { hasNextPage } totalCount",
    "edges { node { sid } cursor } pageInfo { endCursor hasNextPage }",
    "edges { cursor again: cursor node { session { sid } } } nodes { sid } pageInfo { startCursor }",
    "edges { __typename } pageInfo { endCursor }",
]


@pytest.mark.parametrize("selected", EDGES)
async def test_edges_are_planned_whatever_field_comes_first(edge_case_archive: Archive, selected: str) -> None:
    """Page by page, to the end and beyond it; SQLite writes most of these pages completely."""
    pages = [f"first: {size}" for size in (1, 7, 100)] + ["last: 3", "first: 2, orderBy: DATE_UPDATED_DESC"]
    places = f"edges {{ node {{ interactions(first: 4) {{ {selected} }} }} }}"
    cursor = "query { interactions(first: 100) { edges { cursor } } }"
    ordinary, _ = await both(edge_case_archive, Request(cursor), PlanCache())
    cursors = [edge["cursor"] for edge in ordinary.response["data"]["interactions"]["edges"]]
    pages += [f'first: 5, after: "{cursors[place]}"' for place in (0, 50)] + [f'first: 5, before: "{cursors[3]}"']
    pages.append('first: 1, filter: { dateCreated: { from: "2999-01-01" } }')
    for query in [
        f"{{ sessions(first: 50) {{ {places} }} }}",
        *(f"{{ interactions({p}) {{ {selected} }} }}" for p in pages),
    ]:
        ordinary, planned = await both(edge_case_archive, Request(query), PlanCache())
        assert "errors" not in ordinary.response, query
        assert planned.body == ordinary.encoded(), query


@pytest.mark.parametrize(
    "query",
    [
        'mutation { deleteInteraction(input: { sid: "KI" }) { deletedInteractionId } }',
        "{ __schema { queryType { name } } }",
        "{ syncStatus { running } }",
        '{ interactions(filter: { bodyContains: "x" }) { totalCount } }',
        "{ services { nowhere } }",
        "{ services {",
    ],
)
async def test_queries_without_a_plan_are_answered_by_the_ordinary_path(edge_case_archive: Archive, query: str) -> None:
    ordinary, planned = await both(edge_case_archive, Request(query), PlanCache())
    assert planned.body is None
    assert planned.encoded() == ordinary.encoded()


async def test_the_number_of_cached_documents_is_bounded(edge_case_archive: Archive) -> None:
    """A long comment makes a document large, whatever it selects."""
    plans, comment = PlanCache(remembered_bytes=1_000_000), "x" * 90_000
    for number in range(30):
        await both(edge_case_archive, Request(f"{{ a{number}: services {{ totalCount }} }} #{comment}"), plans)
        assert plans.size <= 1_000_000
    assert 0 < len(plans) <= 10


async def test_the_number_of_plans_of_one_document_is_bounded(edge_case_archive: Archive) -> None:
    """Each combination of flags has its own plan, and a client can send any number of them."""
    names = [f"f{number}" for number in range(7)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: totalCount @include(if: ${name})" for name in names)
    query, plans = f"query ({declared}) {{ services {{ __typename {fields} }} }}", PlanCache()
    for choice in range(2 ** len(names)):
        flags = {name: bool(choice >> number & 1) for number, name in enumerate(names)}
        ordinary, planned = await both(edge_case_archive, Request(query, None, flags), plans)
        assert planned.body == ordinary.encoded()
    _, known, _ = plans.find(query, None)
    assert known is not None
    assert len(known.template) <= MOST_PLANS


async def test_an_operation_sees_one_state_of_the_archive(
    archive: Archive, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan of many statements doesn't see writes between them; the next plan sees all of them."""
    await bodies.put(archive, *(bodies.session(number) for number in range(1, 10)))
    await bodies.put(archive, *(bodies.interaction(number, of=1 + number % 9) for number in range(90)))
    statements = fell_inside = 0

    def erase_one(sql: str, parameters: Any) -> None:
        # By a connection of its own and at once, so that it is done before the plan reads on.
        nonlocal statements, fell_inside
        change(archive.database, "DELETE FROM interaction WHERE sid = (SELECT max(sid) FROM interaction)")
        statements += 1
        fell_inside += statements > 1

    lists = "interactions(first: 100) { totalCount nodes { sid } } last: interactions(last: 100) { nodes { sid } }"
    query = f"{{ sessions {{ totalCount nodes {{ {lists} }} }} }}"
    there = 90
    for _ in range(2):
        with monkeypatch.context() as writing:
            statements = 0
            plan_reads.after_each(writing, erase_one)
            result = await execute(Request(query), Context(archive), UNLIMITED, PlanCache())
        assert result.body is not None
        sessions = orjson.loads(result.body)["data"]["sessions"]["nodes"]
        seen = sum(session["interactions"]["totalCount"] for session in sessions)
        assert sum(len(session["interactions"]["nodes"]) for session in sessions) == seen
        assert sum(len(session["last"]["nodes"]) for session in sessions) == seen
        # On PostgreSQL a plan that turns out to have a second statement begins anew, in a transaction.
        assert seen == (there if engine == SQLITE else there - 1)
        ((left,),) = await archive.fetch("SELECT count(*) FROM interaction")
        assert left < seen
        there = left
    assert fell_inside > (9 if engine == SQLITE else 3)


async def test_the_ordinary_path_sees_one_state_whatever_is_written_between_its_reads(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bodies.put(archive, bodies.session(1), bodies.interaction(1))
    readers: type[Any] = type(archive.operation_reader())
    read, numbers = readers.read, iter(range(2, 100))

    async def read_and_write(reader: Reader, *arguments: Any) -> Any:
        answers = await read(reader, *arguments)
        await bodies.put(archive, bodies.interaction(next(numbers)))
        return answers

    monkeypatch.setattr(readers, "read", read_and_write)
    query = "{ sessions { nodes { interactions { totalCount nodes { session { interactions { totalCount } } } } } } }"
    for seen in (1, 5):
        result = await execute(Request(query), Context(archive), UNLIMITED)
        interactions = result.response["data"]["sessions"]["nodes"][0]["interactions"]
        assert interactions["totalCount"] == len(interactions["nodes"]) == seen
        assert {node["session"]["interactions"]["totalCount"] for node in interactions["nodes"]} == {seen}


async def test_a_new_column_with_a_field_is_planned(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """A field is enough to make a column of the table and record plannable; ``extra`` has no field yet."""
    await bodies.put(archive, bodies.interaction(1, mood="cheerful"))
    kind = EXECUTABLE.type_map["Interaction"]
    assert isinstance(kind, GraphQLObjectType)
    field = column("What Twilio gave beyond its own document.")
    field.python_name = "extra"
    shown = GraphQLField(GraphQLString, extensions={"strawberry-definition": field})
    shown.resolve = lambda record, _: record.extra
    monkeypatch.setitem(kind.fields, "extra", shown)
    ordinary, planned = await both(archive, Request("{ interactions { nodes { sid extra } } }"), PlanCache())
    assert planned.body == ordinary.encoded()
    assert b"cheerful" in planned.encoded()


async def test_plans_can_be_turned_off(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_archive(database) as archive:
        await edge_case_rows.fill(archive)
    query = {"query": "{ services { nodes { sid uniqueName } } }"}
    answers = []
    for plans in ("true", "false"):
        monkeypatch.setenv("PROXYGRAPH_PLANS", plans)
        async with serving(database) as client, client.post("/graphql", json=query) as response:
            answers.append(await response.read())
    assert answers[0] == answers[1]
