"""A text in a row never becomes JSON structure, although anybody who can send an SMS can write it."""

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path

import orjson
import pytest

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway_under_test import UNLIMITED
from resolvers.context import Context
from store.archive import open_archive
from store.engine.protocols import Archive

EDGE = ',{"cursor":"'
ROOTS = ["sessions", "interactions", "services"]


async def cursors(archive: Archive) -> list[str]:
    """The rows' cursors in the lists at the root and under each session."""
    edges = "edges { cursor }"
    lists = f"interactions {{ {edges} }} services {{ {edges} }}"
    query = f"{{ sessions {{ {edges} nodes {{ interactions {{ {edges} }} }} }} {lists} }}"
    answer = (await execute(Request(query), Context(archive), UNLIMITED)).response["data"]
    found = [answer[root]["edges"] for root in ROOTS]
    found += [session["interactions"]["edges"] for session in answer["sessions"]["nodes"]]
    return [edge["cursor"] for each in found for edge in each]


@pytest.fixture
async def hostile(tmp_path: Path) -> AsyncIterator[Archive]:
    """Rows whose texts imitate the separators, cursors, fingerprints and keys of responses."""
    async with open_archive(tmp_path / "injection_rows.db") as archive:
        await bodies.put(archive, bodies.service(1), *(bodies.session(number) for number in range(1, 5)))
        await bodies.put(archive, *(bodies.interaction(number, of=1 + number % 4) for number in range(1, 9)))
        texts = []
        for cursor in await cursors(archive):
            fingerprint = cursor.split(".")[0]
            texts += [
                f"{fingerprint}.",
                f"{EDGE}{fingerprint}.",
                f'{EDGE}{cursor}","node":{{',
                f'{fingerprint}."',
                cursor,
            ]
        rows = [
            bodies.interaction(100 + number, of=1 + number % 4, data=orjson.dumps({"body": text}).decode())
            for number, text in enumerate(dict.fromkeys(texts))
        ]
        await bodies.put(archive, *rows)
        for number, text in enumerate(texts[:4], 1):
            await bodies.put(archive, bodies.session(number, unique_name=text, closed_reason=texts[-number]))
        yield archive


INNER = [
    "interactions(first: {n}) {{ nodes {{ cursor: body }} }}",
    "interactions(first: {n}) {{ edges {{ cursor: __typename node {{ cursor: body }} }} pageInfo {{ endCursor }} }}",
    "interactions(first: {n}) {{ nodes {{ node: body edges: data }} }}",
    "cursor: uniqueName node: closedReason",
]
OUTER = [
    "edges {{ cursor node {{ {inner} }} }} pageInfo {{ hasNextPage startCursor endCursor }}",
    "edges {{ node {{ {inner} }} cursor }} pageInfo {{ hasNextPage endCursor }} totalCount",
    "edges {{ cursor: __typename c: cursor node {{ {inner} }} }} pageInfo {{ endCursor }}",
    "edges {{ cursor node {{ own: sid {inner} }} }} pageInfo {{ edges: startCursor endCursor }}",
]


@pytest.mark.parametrize(("outer", "inner"), list(product(OUTER, INNER)))
async def test_a_text_in_a_row_never_becomes_json_structure(hostile: Archive, outer: str, inner: str) -> None:
    for first, below in product((1, 2, 3, 4, 10), (1, 2, 9, 100)):
        selected = outer.format(inner=inner.format(n=below))
        query = f"{{ sessions(first: {first}) {{ {selected} }} }}"
        ordinary = await execute(Request(query), Context(hostile), UNLIMITED)
        planned = await execute(Request(query), Context(hostile), UNLIMITED, PlanCache())
        assert planned.body is not None, query
        assert planned.body == ordinary.encoded(), query


@pytest.mark.parametrize("selected", ["cursor: body", "edges: body", "node: data", "cursor: body node: data"])
async def test_a_page_of_injection_rows_ends_at_the_right_row(hostile: Archive, selected: str) -> None:
    for first in range(1, 60):
        query = (
            f"{{ interactions(first: {first}) {{ edges {{ cursor node {{ {selected} }} }} "
            "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
        )
        ordinary = await execute(Request(query), Context(hostile), UNLIMITED)
        planned = await execute(Request(query), Context(hostile), UNLIMITED, PlanCache())
        assert planned.body == ordinary.encoded(), query
