"""The benchmark measures the same work everywhere: its documents are the schema's, and the peers answer as we do."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from graphql import parse, validate

import answers
from contenders import OURS, PEERS_OF_OURS, Contender, Place
from gateway.demo.seeding import Seed, seed_archive
from schema.build import EXECUTABLE
from works import LONG, WORKS, Work

SMALL = Seed(seed=1, services=3, sessions=22, interactions=21)
"""Just more than a page of sessions and of interactions, and less than one of services."""

IN_PYTHON = [peer for peer in PEERS_OF_OURS if not peer.is_node]


@pytest.fixture
async def place(database: Path, tmp_path: Path) -> Place:
    await seed_archive(database, SMALL, lambda _: None)
    return Place(database, 0, tmp_path)


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_every_benchmark_query_is_valid(work: Work) -> None:
    assert not validate(EXECUTABLE, parse(work.document))


@pytest.mark.parametrize("peer", IN_PYTHON, ids=lambda peer: peer.name)
def test_the_python_servers_compared_answer_like_the_gateway(peer: Contender, place: Place) -> None:
    bodies: dict[Work, Sequence[str]] = {work: work.bodies(place.archive) for work in WORKS}
    refused = answers.compare([OURS, peer], bodies, place, lambda _: None)
    assert refused <= {LONG}


def test_only_the_text_of_cursors_may_differ() -> None:
    ours, same, other = (
        {"edges": [{"cursor": cursor, "node": {"sid": sid}}], "pageInfo": {"endCursor": cursor}}
        for cursor, sid in (("a", "KI1"), ("b", "KI1"), ("a", "KI2"))
    )
    assert answers.without_cursors(ours) == answers.without_cursors(same) != answers.without_cursors(other)
    assert answers.without_cursors({"endCursor": None}) != answers.without_cursors({"endCursor": "a"})
