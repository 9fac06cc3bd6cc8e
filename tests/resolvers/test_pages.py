"""Nested pages are read by few statements, with the same result as one at a time."""

import pytest

import bodies
from databases import SQLITE
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request, Result
from gateway_under_test import UNLIMITED
from resolvers.access import ANYBODY, Access, Scope
from resolvers.context import Context
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive


async def planned(archive: Archive, query: str, access: Access = ANYBODY) -> Result:
    """The response by a plan, checked to equal that of the ordinary path and to have no errors."""
    ordinary = await execute(Request(query), Context(archive, access=access), UNLIMITED)
    result = await execute(Request(query), Context(archive, access=access), UNLIMITED, PlanCache())
    assert "errors" not in ordinary.response, query
    assert result.body == ordinary.encoded(), query
    return result


@pytest.mark.parametrize(("first", "statements"), [(5, 1), (10, 3), (100, 16)])
async def test_small_pages_of_many_parents_are_read_together(
    database: Database, engine: str, first: int, statements: int
) -> None:
    """Together with the parents, or in one statement for several parents if all at once would be too much."""
    async with open_archive(database) as archive:
        talks = [bodies.interaction(number, 1 + number % 30) for number in range(1, 61)]
        await bodies.put(archive, bodies.service(1), *map(bodies.session, range(1, 31)), *talks)
        query = f"{{ sessions(first: 30) {{ nodes {{ sid interactions(first: {first}) {{ nodes {{ sid }} }} }} }} }}"
        result = await planned(archive, query)
    assert result.encoded().count(b"KI") == 60
    assert result.statements == (statements if engine == SQLITE else 1)


MESSAGES = "nodes { sid data body type inbound { resourceStatus participantSid } }"
ONE_STATEMENT = [
    f"sessions(first: 9) {{ nodes {{ interactions(first: 7) {{ {MESSAGES} }} uniqueName status }} }}",
    f"sessions(first: 9) {{ nodes {{ uniqueName a: interactions(first: 2) {{ {MESSAGES} }} participants {{ sid }} "
    "b: interactions(first: 3, orderBy: DATE_UPDATED_DESC) { nodes { sid } } } }",
    "sessions(first: 5) { nodes { interactions(first: 9) { __typename: nodes { t: __typename } } } }",
    "sessions(first: 9, orderBy: DATE_UPDATED_DESC, filter: { status: [OPEN, CLOSED] }) { nodes { sid interactions("
    f"first: 5, orderBy: DATE_UPDATED_ASC, filter: {{ type: [MESSAGE, UNKNOWN] }}) {{ {MESSAGES} }} }} }}",
    'sessions(first: 9, filter: { dateCreated: { from: "2020-01-01" } }) { nodes { sid interactions(first: 5, '
    'filter: { dateCreated: { from: "2026-01-01", before: "2027-01-01" } }) { nodes { dateCreated } } } }',
    f'sessions(first: 9) {{ nodes {{ sid interactions(first: 5, filter: {{ sessionSid: "{bodies.sid("KC", 1)}", '
    f"inboundStatus: [DELIVERED, SENT, UNKNOWN], type: [MESSAGE] }}) {{ {MESSAGES} }} }} }}",
    "sessions(first: 9) { edges { cursor node { uniqueName interactions(first: 5) { nodes { data } } } } "
    "pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }",
    f'sessions(first: 9) {{ nodes {{ sid interactions(first: 5, filter: {{ participantSid: "{bodies.sid("KP", 1)}" }}) '
    f"{{ {MESSAGES} }} }} }}",
]


@pytest.mark.parametrize("query", ONE_STATEMENT)
async def test_nested_pages_are_read_with_their_parents(edge_case_archive: Archive, query: str) -> None:
    result = await planned(edge_case_archive, f"{{ {query} }}")
    assert result.statements == 1


@pytest.mark.parametrize(
    "inner",
    [
        "interactions(first: 3) { edges { node { sid } cursor } }",
        "interactions(first: 3) { totalCount totalCountCapped }",
        "interactions(first: 3) { nodes { sid } pageInfo { endCursor } }",
        "interactions(last: 3) { nodes { sid } }",
        # PostgreSQL includes these.
        *(
            pytest.param(inner, marks=pytest.mark.of_a_file)
            for inner in (
                "participants { sid interactions(first: 3) { nodes { sid } } }",
                "interactions(first: 3) { nodes { sid } totalCount }",
                "interactions(first: 3) { __typename } service { sid }",
                "interactions(first: 3) { nodes { sid service { sid } } }",
                "interactions(first: 3) { nodes { sid } } service { uniqueName }",
            )
        ),
    ],
)
async def test_nested_pages_that_no_statement_can_include_are_read_afterwards(
    edge_case_archive: Archive, inner: str
) -> None:
    result = await planned(edge_case_archive, f"{{ sessions(first: 9) {{ nodes {{ sid {inner} }} }} }}")
    assert result.statements > 1


async def test_a_cursor_of_another_parent_is_an_error_in_nested_pages_too(edge_case_archive: Archive) -> None:
    one = f'interactions(first: 1, filter: {{ sessionSid: "{bodies.sid("KC", 1)}" }}) {{ edges {{ cursor }} }}'
    cursor = (await planned(edge_case_archive, f"{{ {one} }}")).encoded().split(b'"')[-2].decode()
    query = (
        f'{{ sessions(first: 2) {{ nodes {{ interactions(first: 1, after: "{cursor}") {{ nodes {{ sid }} }} }} }} }}'
    )
    results = [
        await execute(Request(query), Context(edge_case_archive), UNLIMITED, plans) for plans in (PlanCache(), None)
    ]
    assert results[0].encoded() == results[1].encoded()
    assert "errors" in results[0].response


async def test_texts_with_colons_are_not_parsed_as_parameters(edge_case_archive: Archive) -> None:
    """A withheld column is :null in the row's format, beside the parameters of the statement."""
    inner = "sid data body sessionSid serviceSid accountSid dateCreated dateUpdated"
    query = f"{{ sessions(first: 9) {{ nodes {{ interactions(first: 9) {{ nodes {{ {inner} }} }} }} }} }}"
    result = await planned(edge_case_archive, query, Access("reader", frozenset({Scope.READ})))
    assert result.encoded().count(b'"data":null,"body":null') > 9
    assert result.statements == 1
