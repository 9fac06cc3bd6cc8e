"""The generated documents use every part of the schema, and each can be executed on the edge-case archive."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

import pytest
from graphql import GraphQLError, GraphQLSchema, build_schema, parse, validate

import bodies
import edge_case_rows
from checkout import ROOT
from document_coverage import Coverage, queryable_coordinates
from document_values import ConnectionKey, Pool
from documents import Document, Documents
from gateway.endpoint.execution import execute
from gateway.endpoint.results import CostMode, Request
from gateway_under_test import UNLIMITED, asker
from resolvers.context import Context
from schema.build import EXECUTABLE
from store.archive import open_archive
from store.columns import storable
from store.engine.database import Database

WITH_INPUTS = build_schema("""
interface Node { id: ID! }
scalar DateTime
enum Status { OPEN CLOSED }
enum Field { DATE_CREATED UNIQUE_NAME }
enum Direction { ASC DESC }
input Range { from: DateTime before: DateTime = "2026-01-01T00:00:00.000Z" }
input Order { field: Field! direction: Direction! = ASC }
input Key @oneOf { sid: ID name: String }
input Filter { serviceSid: ID status: [Status!] tags: [[String]] created: Range any: [Filter!] key: Key least: Float }
type Session implements Node {
  id: ID!
  status: Status
  sessions(filter: Filter, orderBy: [Order!]! = [], first: Int, last: Int, after: String, before: String): Sessions!
}
type Sessions { nodes: [Session!]! edges: [Edge!]! }
type Edge { cursor: String! node: Session! }
union Found = Session | Edge
type Query {
  node(id: ID!): Node
  found(text: String!, limit: Int = 5, exact: Boolean): [Found]
  sessions(filter: Filter!, first: Int, last: Int, after: String, before: String): Sessions!
}
""")
FORMS = {
    "alias", "anonymous operation", "block string", "comment", "directive on a fragment", "fragment on Interaction",
    "fragment on Node", "fragment on Query", "fragment spread twice", "inline fragment on Node",
    "inline fragment on Session", "inline fragment on nothing", "list", "null", "null for a variable",
    "operation named", "operation not there", "selections merged", "several operations", "single value for a list",
    "unicode escape", "variable in a list", "variable left out", "variable that can't be null",
    "variable with a default",
}  # fmt: skip
INPUT_FORMS = {"empty list", "object", "variable in an object"}


def pool() -> Pool:
    ids = {
        kind.__name__: [bodies.sid(prefix, number) for number in (1, 2)] for prefix, kind in bodies.RECORD_TYPES.items()
    }
    made = Pool(ids, {}, {"": ["word", *edge_case_rows.TEXTS]}, ["2026-05-04T09:30:00.000Z"])
    made.keep(ConnectionKey("Query.sessions", "", ""), "00000000.2026-05-04T09:30:00.000Z.KC" + "0" * 32)
    return made


def some(number: int, seed: int = 1, schema: GraphQLSchema = EXECUTABLE) -> list[Document]:
    return list(islice(Documents(seed, schema, pool()), number))


def fingerprint(documents: list[Document]) -> str:
    said = [(one.text, one.operation_name, one.variables) for one in documents]
    return sha256(repr(said).encode()).hexdigest()


def test_the_same_seed_gives_the_same_documents_in_every_process() -> None:
    """The order of sets and hashes differs between processes."""
    here = fingerprint(some(50))
    other_seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    environment = {**os.environ, "PYTHONHASHSEED": other_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", "import tests.resolvers.test_documents as t; print(t.fingerprint(t.some(50)))"]
    there = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert there.stdout.strip() == here
    assert some(20, seed=1) != some(20, seed=2)


def test_a_document_of_another_schema_is_valid_exactly_if_it_says_so() -> None:
    documents = some(500, schema=WITH_INPUTS)
    for document in documents:
        try:
            errors = validate(WITH_INPUTS, parse(document.text))
        except GraphQLError as error:
            errors = [error]
        assert bool(errors) is not document.valid, (document.text, errors)
    assert_some_are_wrong(documents)


def assert_some_are_wrong(documents: list[Document]) -> None:
    """A few percent are invalid, and about one in seven has wrong values."""
    shares = Counter((document.valid, document.wrong) for document in documents)
    assert 0.01 <= shares[False, False] / len(documents) <= 0.06
    assert 0.1 <= shares[True, True] / len(documents) <= 0.2


@pytest.mark.parametrize(
    ("schema", "forms", "number"), [(EXECUTABLE, FORMS, 3_500), (WITH_INPUTS, INPUT_FORMS, 500)], ids=["ours", "inputs"]
)
def test_the_documents_use_everything_in_the_schema(schema: GraphQLSchema, forms: set[str], number: int) -> None:
    said = Coverage(schema)
    for document in some(number, schema=schema):
        if document.valid:
            said.add(document)
    assert not {*queryable_coordinates(schema)} - said.coordinates.keys()
    assert not [form for form in sorted(forms) if said.forms[form] < 5]


class Answered(NamedTuple):
    """An executed document, its response, and whether it uses a known cursor."""

    document: Document
    response: dict[str, Any]
    has_known_cursor: bool


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> list[Answered]:
    """Random documents on the edge-case archive; some have wrong values on purpose, and partial responses."""

    async def executed() -> list[Answered]:
        async with open_archive(tmp_path_factory.mktemp("awkward") / "archive.db") as archive:
            await edge_case_rows.fill(archive)
            pool = await edge_case_rows.pool_of(archive)
            documents, found = Documents(3, EXECUTABLE, pool), []
            for document in islice(documents, 600):
                asked = Request(document.text, document.operation_name, document.variables, cost_mode=CostMode.REPORT)
                response = (await execute(asked, Context(archive), UNLIMITED)).response
                given = f"{document.text} {document.variables}"
                known = (cursor for cursors in pool.cursors.values() for cursor in cursors)
                found.append(Answered(document, response, any(cursor in given for cursor in known)))
                documents.learn(document, response)
            return found

    return asyncio.run(executed())


def test_a_document_is_valid_exactly_if_it_says_so(answered: list[Answered]) -> None:
    for document, response, _ in answered:
        codes = {error["extensions"]["code"] for error in response.get("errors", ())}
        refused = codes & {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
        assert bool(refused) is not document.valid, (document.text, codes)
    assert_some_are_wrong([one.document for one in answered])


def test_every_document_is_answered_without_a_server_error_and_in_few_rows(answered: list[Answered]) -> None:
    outcomes: Counter[str] = Counter()
    for document, response, _ in answered:
        codes = {error["extensions"]["code"] for error in response.get("errors", ())}
        assert "INTERNAL_SERVER_ERROR" not in codes, document
        assert objects(response.get("data")) < 2_000
        outcomes.update(codes or ["none"])
    assert outcomes["none"] > 450
    assert outcomes["BAD_USER_INPUT"] > 15
    assert outcomes["GRAPHQL_VALIDATION_FAILED"] > 1
    assert outcomes["GRAPHQL_PARSE_FAILED"] > 1


def objects(data: Any) -> int:
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return isinstance(data, dict) + sum(map(objects, items))


def test_cursors_of_responses_are_used_in_their_connection(answered: list[Answered]) -> None:
    fitting = [one for one in answered if not one.document.wrong and "errors" not in one.response]
    assert sum(one.has_known_cursor for one in fitting) > 8


def test_an_estimated_cost_is_never_below_the_counted_one(answered: list[Answered]) -> None:
    costs = [(one.document, one.response["extensions"]["cost"]) for one in answered if "extensions" in one.response]
    for document, cost in costs:
        assert cost["counted"] <= cost["estimated"], document
    assert len(costs) > 400
    assert max(cost["counted"] for _, cost in costs) > 100


async def test_edge_case_texts_come_back_and_lone_surrogates_become_replacement_characters(database: Database) -> None:
    async with open_archive(database) as archive:
        await edge_case_rows.fill(archive)
        answer = await asker(archive)("{ sessions(first: 100) { nodes { participants { friendlyName } } } }")
    people = [person for session in answer["data"]["sessions"]["nodes"] for person in session["participants"]]
    names = {person["friendlyName"] for person in people}
    cut = {"\ufffd", "\ufffd tail", "half an emoji \ufffd", "\ufffd\ufffd", "\U0001f600"}
    has_nuls = archive.dialect.name == "sqlite"  # Those of an older version; the mapping writes none.
    assert names == {*(text if has_nuls else storable(text) for text in edge_case_rows.TEXTS), *cut}


@pytest.mark.parametrize(
    ("field", "of"),
    [
        ("ttl", "session(sid: $sid)"),
        ("durationSeconds", "interaction(sid: $sid)"),
        ("service { id }", "interaction(sid: $sid)"),
        pytest.param("body", "interaction(sid: $sid)", marks=pytest.mark.of_a_file),  # a text that isn't UTF-8
    ],
)
async def test_a_value_that_the_mapping_never_writes_is_a_server_error(database: Database, field: str, of: str) -> None:
    sids = {"ttl": ("KC", 20), "durationSeconds": ("KI", 20), "service { id }": ("KI", 40), "body": ("KI", 41)}
    async with open_archive(database) as archive:
        await edge_case_rows.fill(archive)
        await edge_case_rows.damage(archive)
        answer = await asker(archive)(f"query ($sid: ID!) {{ {of} {{ {field} }} }}", sid=bodies.sid(*sids[field]))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL_SERVER_ERROR"]
