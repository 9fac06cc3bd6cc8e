"""The limits on by default: which requests pass, the errors of the others, and that measuring is fast and exact."""

import asyncio
import re
import time
from typing import Any

import aiohttp
import pytest
from graphql import Lexer, Source, TokenKind, get_introspection_query, parse

from bodies import interaction, put, service, session, sid
from checkout import ROOT
from gateway.graphiql import FIRST_QUERY
from gateway.limits.document_size import Measures, measure
from gateway.limits.tokens import tokens_in
from gateway_under_test import origin_of, serving
from store.archive import open_archive
from store.engine.database import Database

README = (ROOT / "README.md").read_text("utf-8")
on_both_paths = pytest.mark.usefixtures("both_paths")
RESPONSE = {"Accept": "application/graphql-response+json"}

CHAIN = "{ ...f0 } " + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(24))
CHAIN += " fragment f24 on Query { __typename }"
"""An exponential chain of fragments: 2**24 spreads of one field."""
DOUBLING = "{ ...f0 } " + " ".join(
    f"fragment f{n} on Query {{ a: x {{ ...f{n + 1} }} b: x {{ ...f{n + 1} }} }}" for n in range(24)
)
DOUBLING += " fragment f24 on Query { __typename }"
"""The same through fields: the response would have 2**25 - 2 aliases."""

FOUR_LEVELS = """
{ services(first: 20) { edges { cursor node { id uniqueName sessions(first: 10) { totalCount edges { node { id status
  participants { friendlyName identifier }
  interactions(first: 10) { totalCount pageInfo { hasNextPage endCursor } edges { cursor node { id type body dateCreated
    inbound { resourceStatus participant { id friendlyName session { id } } }
    outbound { resourceStatus participant { id friendlyName } } } } } } } } } } } }
"""
SENSIBLE = [
    get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True, input_value_deprecation=True
    ),
    FIRST_QUERY,
    FOUR_LEVELS,
    *re.findall(r"```graphql\n(.*?)```", README, re.DOTALL),
]


@pytest.mark.parametrize("query", SENSIBLE, ids=range(len(SENSIBLE)))
@on_both_paths
async def test_usual_queries_pass_the_default_limits(client: aiohttp.ClientSession, query: str) -> None:
    async with client.post("/graphql", json={"query": query}, headers=RESPONSE) as response:
        assert (response.status, "errors" in await response.json()) == (200, False)


def nested(levels: int) -> str:
    return "{ services { nodes " + "{ session(sid: 1) { service " * levels + "{ sid }" + "} }" * levels + " } }"


TOO_LARGE: list[tuple[str, str, int, int]] = [
    ("tokens", "{ services { nodes {" + " sid" * 1_000 + " } } }", 1_000, 1_008),
    ("depth", nested(7), 16, 17),
    ("aliases", "{ services { " + " ".join(f"a{n}: totalCount" for n in range(101)) + " } }", 30, 101),
    ("directives", "{ services " + "@include(if: true) " * 60 + "{ totalCount } }", 50, 60),
    ("root_fields", "{" + " __typename" * 500 + " }", 20, 500),
    ("repeated_fields", "{ services { " + " totalCount" * 500 + " } }", 50, 499),
    ("depth", DOUBLING, 16, 25),
]


@pytest.mark.parametrize(("limit", "query", "maximum", "actual"), TOO_LARGE)
@on_both_paths
async def test_the_error_names_the_limit_its_maximum_and_the_actual_value(
    client: aiohttp.ClientSession, limit: str, query: str, maximum: int, actual: int
) -> None:
    async with client.post("/graphql", json={"query": query}, headers=RESPONSE) as response:
        answer = await response.json()
        assert (response.status, set(answer)) == (422, {"errors"})
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": limit, "maximum": maximum, "actual": actual}
    assert f"up to {maximum:,} " in error["message"]
    assert f"{actual:,}" in error["message"]


@on_both_paths
async def test_each_limit_is_a_setting(database: Database) -> None:
    async with open_archive(database) as archive:
        await put(archive, service(1))
    query = "{ services(first: 2) { nodes { a: sid @include(if: true) sid sid } } node: __typename }"
    least = {"tokens": 28, "depth": 3, "aliases": 2, "directives": 1, "root_fields": 2, "repeated_fields": 1}
    least |= {"page_size": 2, "cost": 9, "statements": 1}
    for name, value in least.items():
        answer = await answered(database, query, {f"max_{name}": value})
        assert "errors" not in answer, name
        if value > 1:
            (error,) = (await answered(database, query, {f"max_{name}": value - 1}))["errors"]
            assert (error["extensions"]["limit"], error["extensions"]["maximum"]) == (name, value - 1)


@on_both_paths
@pytest.mark.parametrize(
    ("limits", "variables", "limit"),
    [
        ({}, {"first": 101}, "page_size"),
        ({"max_cost": 3_000}, {"first": 50}, "cost"),
        ({"max_statements": 2}, {"first": 1, "deep": True}, "statements"),
    ],
)
async def test_a_cached_document_is_refused_with_larger_variables(
    database: Database, limits: dict[str, int], variables: dict[str, Any], limit: str
) -> None:
    """The cached plan of a document must not bypass its limits, which depend on the variables."""
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1), interaction(1))
    query = "query ($first: Int, $deep: Boolean = false) { services(first: $first) { nodes { sid "
    query += "sessions @include(if: $deep) { nodes { interactions { nodes { sid } } } } } } }"
    async with serving(database, limits) as client:
        for _ in range(3):
            async with client.post("/graphql", json={"query": query, "variables": {"first": 1}}) as response:
                assert "errors" not in await response.json()
            async with client.post("/graphql", json={"query": query, "variables": variables}) as response:
                (error,) = (await response.json())["errors"]
                assert error["extensions"]["limit"] == limit


@on_both_paths
async def test_one_id_costs_as_a_list_of_one_does(database: Database) -> None:
    """The cost of a plan is computed from coerced values, that of the ordinary path from the values as sent."""
    request = {
        "query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }",
        "variables": {"ids": sid("KI", 1)},
    }
    async with serving(database, {"max_cost": 3}) as client, client.post("/graphql", json=request) as response:
        assert await response.json() == {"data": {"nodes": [None]}}


async def answered(database: Database, query: str, limits: dict[str, Any]) -> dict[str, Any]:
    async with serving(database, limits) as client, client.post("/graphql", json={"query": query}) as response:
        answer: dict[str, Any] = await response.json()
        return answer


def test_a_chain_of_fragments_is_measured_in_milliseconds_and_exactly() -> None:
    once = Measures(depth=1, aliases=0, directives=0, root_fields=1, repeated_fields=0)
    twice = Measures(depth=25, aliases=2**25 - 2, directives=0, root_fields=2, repeated_fields=0)
    for document, expected in ((CHAIN, once), (DOUBLING, twice)):
        parsed = parse(document)
        begun = time.process_time()
        assert measure(parsed) == expected
        assert time.process_time() - begun < 1  # Exponential, it would be most of a minute.


@on_both_paths
async def test_the_chain_of_fragments_is_answered(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json={"query": CHAIN}) as response:
        assert await response.json() == {"data": {"__typename": "Query"}}


@on_both_paths
async def test_cyclic_fragments_are_refused(client: aiohttp.ClientSession) -> None:
    for query in (
        "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
        "{ services { nodes { ...a } } } fragment a on Service { sessions { nodes { service { ...a } } } }",
    ):
        async with client.post("/graphql", json={"query": query}) as response:
            (error,) = (await response.json())["errors"]
            assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


@on_both_paths
async def test_a_document_with_many_errors_gets_a_few_of_them(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json={"query": "{ __typename" + " @aa" * 10 + " }"}) as response:
        assert len((await response.json())["errors"]) == 6


@on_both_paths
async def test_circular_introspection_is_refused(client: aiohttp.ClientSession) -> None:
    query = "{ __schema { types " + "{ fields { type " * 4 + "{ name }" + "} }" * 4 + " } }"
    async with client.post("/graphql", json={"query": query}) as response:
        (error,) = (await response.json())["errors"]
        assert error["message"] == "Maximum introspection depth exceeded"


@pytest.mark.parametrize(
    "text",
    [
        *SENSIBLE,
        CHAIN,
        "",
        '{ a(b: "x \\" # y", c: -1.5e+3, d: [$e, true]) @f ... on G { h } # a comment "\n }',
        '"""a \\""" b""" query Q($v: [I!]! = 1) { a & | }',
        "\ufeff{ a, b,, c }",
    ],
    ids=range(len(SENSIBLE) + 5),
)
def test_tokens_are_counted_as_the_parser_does(text: str) -> None:
    lexer, tokens = Lexer(Source(text)), 0
    while lexer.advance().kind is not TokenKind.EOF:
        tokens += 1
    assert tokens_in(text) == tokens


@on_both_paths
@pytest.mark.parametrize(
    ("query", "maximum"),
    [
        ("{ services { nodes { sessions { nodes { interactions { nodes { sid } } } } } } }", 2),
        ("{ sessions(first: 5) { nodes { interactions(first: 5) { nodes { sid } } } } }", 1),
    ],
    ids=["levels", "small pages, which a plan reads together"],
)
async def test_statements_over_the_limit_do_not_run(database: Database, query: str, maximum: int) -> None:
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1), interaction(1))
    async with serving(database, {"max_statements": maximum}) as client:
        async with client.post("/graphql", json={"query": query}, headers=RESPONSE) as response:
            answer = await response.json()
            assert (response.status, set(answer)) == (422, {"errors"})
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": "statements", "maximum": maximum}
        async with client.get("/metrics") as response:
            assert "proxygraph_sql_statements_total" in await response.text()


@on_both_paths
async def test_a_query_that_runs_too_long_is_interrupted_and_the_next_one_runs(database: Database) -> None:
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1))
    query = {"query": "{ services { nodes { sessions { totalCount } } } }"}
    async with serving(database, {"max_seconds": 0.000_001}) as client:
        async with client.post("/graphql", json=query, headers=RESPONSE) as response:
            answer = await response.json()
            assert (response.status, set(answer)) == (422, {"errors"})
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "limit": "seconds", "maximum": 0.000_001}
        async with client.get("/readyz") as response:
            assert response.status == 200


HEAD = b"POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


async def test_a_body_of_100_mb_is_refused_before_it_is_read(database: Database, client: aiohttp.ClientSession) -> None:
    address = await origin_of(client)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(HEAD + b"Content-Length: 100000000\r\n\r\n")
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_body_of_100_mb_in_chunks_is_not_kept(client: aiohttp.ClientSession) -> None:
    address = await origin_of(client)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(5):
        writer.write(b"186a0\r\n" + b" " * 100_000 + b"\r\n")
    assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 413 ")
    writer.close()
