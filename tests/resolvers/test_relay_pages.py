"""Pages and their PageInfo equal Relay's own algorithm for every window of a small list, on both paths.

https://relay.dev/graphql/connections.htm#sec-Pagination-algorithm
"""

from itertools import product
from typing import Any

import orjson
import pytest

import bodies
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway_under_test import UNLIMITED
from resolvers.context import Context
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive

ROWS = 5
EDGES = "edges { cursor node { sid } } "
INFO = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor } "


async def asked(archive: Archive, query: str) -> dict[str, Any]:
    """The response's data, checked to be byte for byte the same on both paths."""
    ordinary = await execute(Request(query), Context(archive), UNLIMITED)
    planned = await execute(Request(query), Context(archive), UNLIMITED, PlanCache())
    assert planned.encoded() == ordinary.encoded(), query
    assert planned.body is not None, query
    data: dict[str, Any] = orjson.loads(planned.body)["data"]
    return data


def by_relay(
    cursors: list[str], first: int | None, after: int | None, last: int | None, before: int | None
) -> tuple[list[str], bool, bool]:
    """The page's cursors, hasNextPage and hasPreviousPage; ``after`` and ``before`` are numbers of rows.

    A page without first or last is one with first: 50.
    """
    start = 0 if after is None else after + 1
    window = cursors[start : len(cursors) if before is None else max(before, start)]
    if last is not None:
        return window[max(len(window) - last, 0) :], before is not None, len(window) > last
    size = 50 if first is None else first
    return window[:size], len(window) > size, after is not None


def arguments(cursors: list[str], **given: Any) -> str:
    ends = {name: f'"{cursors[number]}"' for name, number in given.items() if name in ("after", "before")}
    return ", ".join(f"{name}: {ends.get(name, value)}" for name, value in given.items())


SIZES: list[dict[str, int]] = [{}, *({name: size} for name in ("first", "last") for size in (0, 1, 2, 5, 6))]
ENDS = [None, *range(ROWS)]


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_a_page_equals_the_result_of_relays_algorithm(database: Database, size: dict[str, int]) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), *map(bodies.session, range(1, ROWS + 1)))
        cursors = [
            edge["cursor"] for edge in (await asked(archive, f"{{ sessions {{ {EDGES} }} }}"))["sessions"]["edges"]
        ]
        for after, before in product(ENDS, ENDS):
            ends = {name: end for name, end in (("after", after), ("before", before)) if end is not None}
            page, following, preceding = by_relay(cursors, size.get("first"), after, size.get("last"), before)
            given = arguments(cursors, **size, **ends)
            listed = f"sessions({given})" if given else "sessions"
            for selected in (EDGES + INFO, INFO, INFO + "nodes { sid service { sid } }"):
                found = (await asked(archive, f"{{ {listed} {{ {selected} }} }}"))["sessions"]
                assert found["pageInfo"] == {
                    "hasNextPage": following,
                    "hasPreviousPage": preceding,
                    "startCursor": page[0] if page else None,
                    "endCursor": page[-1] if page else None,
                }, given
                if "edges" in found:
                    assert [edge["cursor"] for edge in found["edges"]] == page
                if "nodes" in found:
                    assert len(found["nodes"]) == len(page)


@pytest.mark.parametrize("argument", ["first", "last"])
@pytest.mark.parametrize("selected", ["totalCount", "nodes { sid }", "edges { node { sid } }", EDGES, EDGES + INFO])
async def test_an_empty_page_works_in_nested_connections_too(database: Database, argument: str, selected: str) -> None:
    async with open_archive(database) as archive:
        talks = [bodies.interaction(number, 1 + number % 3) for number in range(1, 7)]
        await bodies.put(archive, bodies.service(1), *map(bodies.session, range(1, 4)), *talks)
        inner = f"interactions({argument}: 0) {{ {selected} totalCount }}"
        found = await asked(archive, f"{{ sessions(first: 3) {{ nodes {{ sid {inner} }} }} }}")
        for session in found["sessions"]["nodes"]:
            assert session["interactions"]["totalCount"] == 2
            assert not session["interactions"].get("nodes")
            assert not session["interactions"].get("edges")


@pytest.mark.parametrize("size", ["first: -1", "last: -1", "first: 101", "last: 101"])
async def test_a_negative_or_too_large_size_is_an_error(archive: Archive, size: str) -> None:
    for plans in (None, PlanCache()):
        result = await execute(Request(f"{{ services({size}) {{ totalCount }} }}"), Context(archive), UNLIMITED, plans)
        assert "from 0 to 100" in result.response["errors"][0]["message"]


async def test_following_next_pages_ends(database: Database) -> None:
    """Between two cursors, without new rows: the page after the last one is empty, and has no next page."""
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), *map(bodies.session, range(1, ROWS + 1)))
        cursors = [
            edge["cursor"] for edge in (await asked(archive, f"{{ sessions {{ {EDGES} }} }}"))["sessions"]["edges"]
        ]
        after, pages = cursors[0], 0
        while True:
            query = f'{{ sessions(first: 2, after: "{after}", before: "{cursors[3]}") {{ {INFO} nodes {{ sid }} }} }}'
            info = (await asked(archive, query))["sessions"]["pageInfo"]
            pages += 1
            if not info["hasNextPage"]:
                break
            after = info["endCursor"]
        assert pages == 1


async def test_a_text_that_looks_like_the_start_of_an_edge_moves_no_cursor(database: Database) -> None:
    """Neither in an edge's own node, nor in a nested list whose alias and texts imitate edges."""
    async with open_archive(database) as archive:
        sessions = [bodies.session(number) for number in range(1, 4)]
        await bodies.put(archive, bodies.service(1), *sessions)
        plain = (
            "{ sessions(first: 2) { edges { cursor node { sid } } pageInfo { hasNextPage startCursor endCursor } } }"
        )
        expected = (await asked(archive, plain))["sessions"]["pageInfo"]
        imitation = expected["endCursor"][:9]
        names = [f',{{"cursor":"{imitation}', f'"}},{{"cursor":"{imitation}"', f'\\,{{"cursor":\\"{imitation}']
        renamed = [session | {"unique_name": name} for session, name in zip(sessions, names, strict=True)]
        talks = [
            bodies.interaction(number, 1 + number % 3, data=f"{imitation}{bodies.time(number)}")
            for number in range(1, 13)
        ]
        await bodies.put(archive, *renamed, *talks)
        for selected in ("uniqueName", "interactions(first: 3) { nodes { cursor: data } }"):
            found = await asked(archive, plain.replace("node { sid }", f"node {{ {selected} }}"))
            assert found["sessions"]["pageInfo"] == expected
            assert len(found["sessions"]["edges"]) == 2
