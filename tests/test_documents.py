"""The generated documents say all that the schema lets them, and the awkward archive answers every one of them."""

import os
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLSchema, build_schema, parse, validate

import awkward
import bodies
from conftest import UNLIMITED, asker
from document_coverage import Said, sayable
from document_values import Place, Pool
from documents import Document, Documents
from gateway.execution import Request, execute
from resolvers.context import Context
from schema.build import EXECUTABLE
from store.archive import open_archive

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
PRINTED_BY_A_PROCESS = """
from hashlib import sha256
from test_documents import some
print(sha256(repr([(one.text, one.operation_name, one.variables) for one in some(50)]).encode()).hexdigest())
"""
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
    ids = {kind.__name__: [bodies.sid(prefix, number) for number in (1, 2)] for prefix, kind in bodies.KINDS.items()}
    made = Pool(ids, {}, {"": ["word", *awkward.TEXTS]}, ["2026-05-04T09:30:00.000Z"])
    made.keep(Place("Query.sessions", "", ""), "00000000.2026-05-04T09:30:00.000Z.KC" + "0" * 32)
    return made


def some(number: int, seed: int = 1, schema: GraphQLSchema = EXECUTABLE) -> list[Document]:
    return list(islice(Documents(seed, schema, pool()), number))


def test_the_same_seed_gives_the_same_documents_in_every_process() -> None:
    def printed(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", PRINTED_BY_A_PROCESS]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return ran.stdout

    assert printed("1") == printed("2")
    assert some(20, seed=1) != some(20, seed=2)


@pytest.mark.parametrize("schema", [EXECUTABLE, WITH_INPUTS], ids=["ours", "with inputs"])
def test_a_document_is_valid_just_where_it_says_so(schema: GraphQLSchema) -> None:
    documents = some(500, schema=schema)
    for document in documents:
        try:
            errors = validate(schema, parse(document.text))
        except GraphQLError as error:
            errors = [error]
        assert bool(errors) is not document.valid, (document.text, errors)
    shares = Counter((document.valid, document.wrong) for document in documents)
    assert 5 <= shares[False, False] <= 30
    assert 50 <= shares[True, True] <= 100


@pytest.mark.parametrize(("schema", "forms"), [(EXECUTABLE, FORMS), (WITH_INPUTS, INPUT_FORMS)], ids=["ours", "inputs"])
def test_whatever_the_schema_lets_a_query_say_is_said(schema: GraphQLSchema, forms: set[str]) -> None:
    said = Said(schema)
    for document in some(1_500, schema=schema):
        if document.valid:
            said.add(document)
    assert not {*sayable(schema)} - said.coordinates.keys()
    assert not [form for form in sorted(forms) if said.forms[form] < 5]


async def test_every_document_is_answered_without_a_server_error_and_in_few_rows(database: Path) -> None:
    async with open_archive(database) as archive:
        await awkward.fill(archive)
        documents = Documents(1, EXECUTABLE, await awkward.pool_of(archive))
        outcomes: Counter[str] = Counter()
        for document in islice(documents, 400):
            request = Request(document.text, document.operation_name, document.variables)
            response = (await execute(request, Context(archive), UNLIMITED)).response
            codes = {error["extensions"]["code"] for error in response.get("errors", ())}
            assert "INTERNAL_SERVER_ERROR" not in codes, document
            assert objects(response.get("data")) < 2_000
            outcomes.update(codes or ["none"])
            documents.learn(document, response)
    assert outcomes["none"] > 300
    assert outcomes["BAD_USER_INPUT"] > 10
    assert outcomes["GRAPHQL_VALIDATION_FAILED"] > 1
    assert outcomes["GRAPHQL_PARSE_FAILED"] > 1


def objects(data: Any) -> int:
    items = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return isinstance(data, dict) + sum(map(objects, items))


async def test_cursors_of_answers_are_used_where_they_belong(database: Path) -> None:
    async with open_archive(database) as archive:
        await awkward.fill(archive)
        pool = await awkward.pool_of(archive)
        documents = Documents(1, EXECUTABLE, pool)
        used = 0
        for document in islice(documents, 400):
            request = Request(document.text, document.operation_name, document.variables)
            response = (await execute(request, Context(archive), UNLIMITED)).response
            known = [cursor for cursors in pool.cursors.values() for cursor in cursors]
            if not document.wrong and "errors" not in response:
                given = f"{document.text} {document.variables}"
                used += any(cursor in given for cursor in known)
            documents.learn(document, response)
    assert used > 5


async def test_awkward_texts_come_back_and_lone_surrogates_as_the_replacement_character(database: Path) -> None:
    async with open_archive(database) as archive:
        await awkward.fill(archive)
        answer = await asker(archive)("{ sessions(first: 100) { nodes { participants { friendlyName } } } }")
    people = [person for session in answer["data"]["sessions"]["nodes"] for person in session["participants"]]
    names = {person["friendlyName"] for person in people}
    cut = {"\ufffd", "\ufffd tail", "half an emoji \ufffd", "\ufffd\ufffd", "\U0001f600"}
    assert names == {*awkward.TEXTS, *cut}


@pytest.mark.parametrize(
    ("field", "of"),
    [
        ("ttl", "session(sid: $sid)"),
        ("durationSeconds", "interaction(sid: $sid)"),
        ("service { id }", "interaction(sid: $sid)"),
        ("body", "interaction(sid: $sid)"),
    ],
)
async def test_what_no_way_into_the_archive_lets_through_is_a_server_error(database: Path, field: str, of: str) -> None:
    sids = {"ttl": ("KC", 20), "durationSeconds": ("KI", 20), "service { id }": ("KI", 40), "body": ("KI", 41)}
    async with open_archive(database) as archive:
        await awkward.fill(archive)
        await awkward.damage(archive)
        answer = await asker(archive)(f"query ($sid: ID!) {{ {of} {{ {field} }} }}", sid=bodies.sid(*sids[field]))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL_SERVER_ERROR"]
