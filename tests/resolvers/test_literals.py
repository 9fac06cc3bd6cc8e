"""The response to a document depends only on its own literals, whatever other clients sent before."""

from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bodies
import edge_case_rows
from documents import Documents
from gateway.endpoint import documents
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway_under_test import UNLIMITED
from resolvers.context import Context
from resolvers.plans.literals import cut
from schema.build import EXECUTABLE
from store.engine.protocols import Archive

DOCUMENTS = [
    "{ a: services(first: %s) { nodes { sid } } b: services(first: %s) { nodes { sid } } }",
    "{ a: services(first: %s) { nodes { sid } } a: services(first: %s) { nodes { sid } } }",
    "{ sessions { nodes { a: interactions(first: %s) { totalCount } b: interactions(last: %s) { totalCount } } } }",
    "{ session(sid: %s) { sid } node(id: %s) { id } }",
    "{ nodes(ids: %s) { id } more: nodes(ids: [%s]) { id } }",
    "{ sessions(filter: { status: %s, uniqueName: %s }) { totalCount } }",
    "{ interactions(filter: { dateCreated: { from: %s, before: %s } }, first: 1) { totalCount } }",
    "{ interactions(filter: { dateCreated: { from: %s } }, first: %s) @skip(if: true) { __typename } __typename }",
    "query ($first: Int = %s, $from: DateTime = %s) { services(first: $first) @skip(if: true) { totalCount }"
    " interactions(filter: { dateCreated: { from: $from } }) @skip(if: true) { totalCount } __typename }",
    "query ($sid: ID = %s) { interaction(sid: $sid) { sid } services(first: 1, after: %s) { totalCount } }",
    '"%s" query { services { totalCount } } query B { services(first: %s) { totalCount } }',
]
LITERALS = ["0", "-0", "1", "1.0", "2", "-1", "100", "999999999", "9999999999", "2147483648", "20260105"]
LITERALS += [
    '""',
    '"a"',
    r'"\u0061"',
    '"""a"""',
    '"0"',
    '"1"',
    "#0#\n1",
    "#1#\n",
    '"nonsense"',
    '"2026-01-05"',
    '"\ud800"',
]
LITERALS += [
    "null",
    "true",
    "OPEN",
    "[OPEN, CLOSED]",
    "[]",
    "{}",
    f'"{bodies.sid("KC", 1)}"',
    f'["{bodies.sid("KC", 2)}"]',
]

one = st.tuples(st.sampled_from(DOCUMENTS), st.sampled_from(LITERALS), st.sampled_from(LITERALS))


async def answer(archive: Archive, text: str, plans: PlanCache | None, operation_name: str | None = None) -> bytes:
    return (await execute(Request(text, operation_name), Context(archive), UNLIMITED, plans)).encoded()


async def cold(archive: Archive, text: str, operation_name: str | None = None) -> bytes:
    documents.REMEMBERED.clear()
    return await answer(archive, text, PlanCache(), operation_name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.lists(one, min_size=2, max_size=8))
async def test_a_server_with_cached_plans_answers_like_a_cold_one(
    edge_case_archive: Archive, asked: list[tuple[str, str, str]]
) -> None:
    texts = [document % literals for document, *given in asked for literals in [tuple(given)]]
    named = [(text, "B" if "query B" in text else None) for text in texts]
    expected = [await cold(edge_case_archive, text, name) for text, name in named]
    documents.REMEMBERED.clear()
    plans = PlanCache()
    assert [await answer(edge_case_archive, text, plans, name) for text, name in named] == expected


async def test_generated_documents_are_answered_like_by_a_cold_server_in_any_order(edge_case_archive: Archive) -> None:
    documents = list(islice(Documents(11, EXECUTABLE, await edge_case_rows.pool_of(edge_case_archive)), 150))
    plans = PlanCache()
    for document in documents + documents[::-1]:
        asked = Request(document.text, document.operation_name, document.variables)
        warm = await execute(asked, Context(edge_case_archive), UNLIMITED, plans)
        alone = await execute(asked, Context(edge_case_archive), UNLIMITED, PlanCache())
        assert warm.encoded() == alone.encoded(), document


@pytest.mark.parametrize(
    ("document", "before", "literals"),
    [
        (DOCUMENTS[0], ("-0", "0"), ("1", "2")),
        (DOCUMENTS[0], ("0", "-0"), ("2", "1")),
        (DOCUMENTS[2], ("-0", "0"), ("1", "2")),
        (DOCUMENTS[1], ("1", "1"), ("1", "2")),
        ("{ session(sid: %s) { interactions(first: %s) { totalCount } } }", ('"KC"', "5"), ('"KC"', "9999999999")),
        (DOCUMENTS[7], ('"2026-01-05"', "1"), ('"nonsense"', "1")),
        (DOCUMENTS[8], ("5", '"2026-01-05"'), ("5", '"nonsense"')),
        (DOCUMENTS[3], (f'"{bodies.sid("KC", 1)}"', '"0"'), ('"0"', '"1"')),
    ],
)
async def test_another_clients_document_changes_no_response(
    edge_case_archive: Archive, document: str, before: tuple[str, str], literals: tuple[str, str]
) -> None:
    expected = await cold(edge_case_archive, document % literals)
    plans = PlanCache()
    await answer(edge_case_archive, document % before, plans)
    assert await answer(edge_case_archive, document % literals, plans) == expected


async def test_a_text_that_looks_like_another_documents_placeholders_has_its_own_plan(
    edge_case_archive: Archive,
) -> None:
    plans, sid = PlanCache(), bodies.sid("KC", 1)
    await answer(edge_case_archive, f'{{ session(sid: "{sid}") {{ sid }} }}', plans)
    assert b"errors" in await answer(edge_case_archive, '{ session(sid: "0") { sid } }', plans)


async def test_documents_that_differ_in_their_literals_share_one_plan(edge_case_archive: Archive) -> None:
    plans = PlanCache()
    for number in range(1, 40):
        sid = bodies.sid("KI", number)
        query = f'{{ interaction(sid: "{sid}") {{ sid }} services(first: {number}) {{ nodes {{ sid }} }} }}'
        planned = await execute(Request(query), Context(edge_case_archive), UNLIMITED, plans)
        assert planned.body == await answer(edge_case_archive, query, None)
    assert len(plans) == 1


async def test_literals_that_were_equal_and_now_differ_do_not_share_a_plan(edge_case_archive: Archive) -> None:
    """Two fields under one response key are only valid with the same arguments."""
    plans = PlanCache()
    for sids in (("KI", 1, 1), ("KI", 1, 2)):
        one, other = (bodies.sid("KI", number) for number in sids[1:])
        query = f'{{ a: interaction(sid: "{one}") {{ sid }} a: interaction(sid: "{other}") {{ sid }} }}'
        assert await answer(edge_case_archive, query, plans) == await answer(edge_case_archive, query, None)


@pytest.mark.parametrize(
    ("text", "key", "literals"),
    [
        ('{ a(b: "x", c: 5, d: "x") }', '{ a(b: "0", c: #1#, d: "0") }', ("x", 5)),
        ("{ a1: b(c: -7) }", "{ a1: b(c: #0#) }", (-7,)),
        ("{ a(b: 1.5, c: 1e9, d: 0) }", "{ a(b: 1.5, c: 1e9, d: #0#) }", (0,)),
        ("{ a(b: 12345678901) }", "{ a(b: 12345678901) }", ()),
        ('{ a(b: "x\\n") }', '{ a(b: "x\\n") }', ()),
        ('{ a(b: 5) } # "5"', '{ a(b: 5) } # "5"', ()),
        ('{ a(b: """5""") }', '{ a(b: """5""") }', ()),
        ("query ($n5: Int = 5) { a(b: $n5) }", "query ($n5: Int = #0#) { a(b: $n5) }", (5,)),
    ],
)
def test_literals_are_no_part_of_a_plans_key(text: str, key: str, literals: tuple[Any, ...]) -> None:
    assert cut(text) == (key, literals)
