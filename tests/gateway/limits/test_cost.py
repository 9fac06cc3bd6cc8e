"""The cost estimate of a query: never below the counted cost, and fast to compute."""

from typing import Any

import aiohttp
import pytest
from graphql import OperationDefinitionNode, execute_sync, get_introspection_query, parse, validate

import bodies
from gateway.limits.cost import INTROSPECTION_WEIGHT, Cost
from gateway_under_test import serving
from schema.build import EXECUTABLE
from store.archive import open_archive
from store.engine.database import Database

REPORT = {"GraphQL-Cost": "report"}


def cost_of(query: str) -> Cost:
    document = parse(query)
    assert validate(EXECUTABLE, document) == []
    (operation, *_) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    return Cost(EXECUTABLE, document, operation)


@pytest.mark.parametrize(
    ("query", "variables", "fields"),
    [
        ("{ __typename }", {}, 1),
        ("{ services { totalCount } }", {}, 2),
        ("{ services { nodes { sid } } }", {}, 2 + 50),
        ("{ services(first: 7) { nodes { sid } } }", {}, 2 + 7),
        ("{ services(last: 7) { edges { cursor node { sid } } pageInfo { hasNextPage } } }", {}, 4 + 7 * 3),
        ("query ($n: Int) { services(first: $n) { nodes { sid } } }", {"n": 3}, 2 + 3),
        ("query ($n: Int) { services(first: $n) { nodes { sid } } }", {}, 2 + 50),
        ("query ($n: Int) { services(first: $n) { nodes { sid } } }", {"n": None}, 2 + 50),
        ("query ($n: Int = 4) { services(first: $n) { nodes { sid } } }", {}, 2 + 4),
        ("query ($n: Int) { services(first: $n) { nodes { sid } } }", {"n": "nonsense"}, 2 + 50),
        ("query ($n: Int) { services(first: $n) { nodes { sid } } }", {"n": -9}, 2),
        ("query ($a: Int, $b: Int) { services(first: $a, last: $b) { nodes { sid } } }", {"a": 2, "b": 3}, 2 + 3),
        ("{ services(first: 2) { ...C } } fragment C on ServiceConnection { nodes { sid } }", {}, 2 + 2),
        ("{ services(first: 2) { ...C ...C } } fragment C on ServiceConnection { nodes { sid } }", {}, 2 + 2),
        (
            "query ($n: Int!) { services(first: 2) { nodes { sessions(first: $n) { nodes { sid url } } } } }",
            {"n": 5},
            2 + 2 * (2 + 5 * 2),
        ),
        ('{ nodes(ids: ["a", "b"]) { id } }', {}, 1 + 2),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 9}, 1 + 9),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": "a"}, 1 + 1),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": 7}, 1 + 1),
        ("query ($ids: [ID!]! = 7) { nodes(ids: $ids) { id } }", {}, 1 + 1),
        ("{ nodes(ids: 7) { id } }", {}, 1 + 1),
        ("{ session(sid: 1) { participants { sid } } }", {}, 2 + 100),
        ("{ __schema { types { name } } }", {}, 1 + (1 + len(EXECUTABLE.type_map)) * INTROSPECTION_WEIGHT),
        ('{ __type(name: "Leg") { name fields { name } } }', {}, 1 + (2 + 6) * INTROSPECTION_WEIGHT),
        ('{ __type(name: "Nowhere") { name } }', {}, 1),
    ],
)
def test_an_estimate_assumes_that_every_page_is_full(query: str, variables: dict[str, Any], fields: int) -> None:
    assert cost_of(query).estimate(variables) == fields


def test_costs_without_variables_are_constant() -> None:
    query = "{ services(first: 9) { nodes { sessions(first: 9) { nodes { interactions { nodes { sid } } } } } } }"
    assert cost_of(query)._sum.pages == ()


async def test_a_client_can_see_the_cost_of_its_query(client: aiohttp.ClientSession) -> None:
    query = {"query": "{ services(first: 10) { nodes { sid uniqueName } } }"}
    cost = {"estimated": 22, "counted": 4, "maximum": 500_000, "statements": 1}
    async with client.post("/graphql", json=query, headers=REPORT) as response:
        assert (await response.json())["extensions"] == {"cost": cost}
    async with client.post("/graphql", json=query) as response:
        assert "extensions" not in await response.json()


async def test_the_cost_can_be_requested_without_running_the_query(client: aiohttp.ClientSession) -> None:
    large = {"query": "{ services { nodes { sessions { nodes { interactions { nodes { sid type body url } } } } } } }"}
    mutation = {"query": 'mutation { deleteInteraction(input: {sid: "x"}) { deletedInteractionId } }'}
    for request, estimate in ((large, 2 + 50 * (2 + 50 * (2 + 50 * 4))), (mutation, 2)):
        async with client.post("/graphql", json=request, headers={"GraphQL-Cost": "validate"}) as response:
            answer = await response.json()
            assert (response.status, answer) == (
                200,
                {"extensions": {"cost": {"estimated": estimate, "maximum": 500_000}}},
            )


async def test_a_query_that_costs_too_much_is_refused_before_it_runs(database: Database) -> None:
    async with serving(database, {"max_cost": 100}) as client:
        query = {"query": "query ($n: Int) { services(first: $n) { nodes { sid url } } }", "variables": {"n": 50}}
        async with client.post("/graphql", json=query) as response:
            (error,) = (await response.json())["errors"]
        assert error["message"] == (
            "Expected an answer of up to 100 fields, but this one may have 102. "
            "Ask for smaller pages (first or last), or for fewer fields."
        )
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": "cost", "maximum": 100, "actual": 102}
        query["variables"] = {"n": 49}
        async with client.post("/graphql", json=query) as response:
            assert "errors" not in await response.json()


TYPES = "kind name fields { name type { ...T } args { name type { ...T } } } enumValues { name } interfaces { name }"
INTROSPECTIONS = [
    get_introspection_query(),
    get_introspection_query(directive_is_repeatable=True, input_value_deprecation=True),
    f"{{ a: __schema {{ types {{ {TYPES} }} }} __schema {{ types {{ {TYPES} }} }} }} fragment T on __Type {{ kind }}",
    f"query ($n: String!) {{ __type(name: $n) {{ {TYPES} }} }} fragment T on __Type {{ kind ofType {{ kind name }} }}",
    "{ __schema { types { fields { type { fields { type { name } } } } possibleTypes { name } } } }",
    "{ __schema { directives { name locations args { defaultValue type { name } } } queryType { name } } }",
]


@pytest.mark.parametrize("query", INTROSPECTIONS)
def test_the_estimate_of_introspection_is_not_below_its_count(query: str) -> None:
    cost = cost_of(query)
    for name in ("Interaction", "Query", "Nowhere"):
        answer = execute_sync(EXECUTABLE, parse(query), variable_values={"n": name})
        assert answer.errors is None
        assert cost.estimate({"n": name}) >= cost.counted(answer.data)


async def test_introspection_is_answered_but_not_twenty_times_in_one_request(client: aiohttp.ClientSession) -> None:
    """Introspection never yields to the event loop, so its fields cost more than those of rows."""
    query = get_introspection_query()
    async with client.post("/graphql", json={"query": query}, headers=REPORT) as response:
        cost = (await response.json())["extensions"]["cost"]
    assert 3_000 < cost["counted"] <= cost["estimated"] < cost["maximum"]
    inner = query[query.index("__schema") : query.index("fragment")].strip().removesuffix("}")
    many = "{" + " ".join(f"a{number}: {inner}" for number in range(20)) + "}" + query[query.index("fragment") :]
    async with client.post("/graphql", json={"query": many}) as response:
        (error,) = (await response.json())["errors"]
    assert error["extensions"]["limit"] == "cost"


async def test_the_estimate_is_not_below_the_count_of_a_long_list_of_participants(database: Database) -> None:
    """A Session also lists its removed participants."""
    async with open_archive(database) as archive:
        people = [bodies.participant(number, date_deleted=bodies.time(number)) for number in range(1, 151)]
        await bodies.put(archive, bodies.service(1), bodies.session(1), *people)
    query = "{ sessions(first: 1) { nodes { participants { sid friendlyName dateDeleted } } } }"
    async with serving(database) as client:
        async with client.post("/graphql", json={"query": query}, headers=REPORT) as response:
            cost = (await response.json())["extensions"]["cost"]
        assert 150 * 3 < cost["counted"] <= cost["estimated"]
    async with (
        serving(database, {"max_cost": cost["counted"] - 1}) as client,
        client.post("/graphql", json={"query": query}) as response,
    ):
        (error,) = (await response.json())["errors"]
        assert error["extensions"]["limit"] == "cost"


async def test_the_estimate_is_not_below_the_count_of_a_list_of_every_service(database: Database) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, *map(bodies.service, range(1, 151)))
    listed = "services { lastCompletedAt lagSeconds service { sid uniqueName } }"
    query = f"{{ a: syncStatus {{ {listed} }} syncStatus {{ ...S }} }} fragment S on SyncStatus {{ {listed} }}"
    async with serving(database) as client:
        async with client.post("/graphql", json={"query": query}, headers=REPORT) as response:
            cost = (await response.json())["extensions"]["cost"]
        async with client.post("/graphql", json={"query": query}, headers={"GraphQL-Cost": "validate"}) as response:
            assert (await response.json())["extensions"]["cost"]["estimated"] == cost["estimated"]
    assert 2 * 150 * 5 < cost["counted"] <= cost["estimated"]
    async with (
        serving(database, {"max_cost": cost["counted"] - 1}) as client,
        client.post("/graphql", json={"query": query}) as response,
    ):
        assert (await response.json())["errors"][0]["extensions"]["limit"] == "cost"
