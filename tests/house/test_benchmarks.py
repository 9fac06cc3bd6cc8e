"""The benchmark is fair: its documents are valid, and the peers give the same answers as the gateway."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from graphql import parse, validate

import answers
import postgraphile
from contenders import ON_POSTGRESQL, ON_SQLITE, OURS, OURS_ON_POSTGRESQL, Contender, Setup
from gateway.demo.seeding import Seed, seed_archive
from schema.build import EXECUTABLE
from store.engine.database import Address
from workloads import LONG, NESTED, POINT, WIDE, WORKLOADS, Workload

SMALL = Seed(seed=1, services=3, sessions=22, interactions=21)
"""Slightly more than a page of sessions and of interactions, and less than a page of services."""

IN_PYTHON = [peer for peer in ON_SQLITE if not peer.is_node]


@pytest.fixture
async def setup(tmp_path: Path) -> Setup:
    database = tmp_path / "archive.db"
    await seed_archive(database, SMALL, lambda _: None)
    return Setup(database, 0, tmp_path)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_every_benchmark_query_is_valid(workload: Workload) -> None:
    assert not validate(EXECUTABLE, parse(workload.document))


@pytest.mark.processes
@pytest.mark.parametrize("peer", IN_PYTHON, ids=lambda peer: peer.name)
def test_the_python_servers_compared_answer_like_the_gateway(peer: Contender, setup: Setup) -> None:
    bodies: dict[Workload, Sequence[str]] = {workload: workload.bodies(setup.archive) for workload in WORKLOADS}
    refused = answers.compare([OURS, peer], bodies, setup, lambda _: None)
    assert refused <= {LONG}


@pytest.mark.processes
async def test_the_python_servers_compared_on_postgresql_answer_like_the_gateway(
    setup: Setup, empty_postgresql: str
) -> None:
    await seed_archive(Address(empty_postgresql), SMALL, lambda _: None)
    bodies: dict[Workload, Sequence[str]] = {each: each.bodies(setup.archive) for each in (POINT, NESTED, WIDE)}
    compared = [OURS_ON_POSTGRESQL, *(peer for peer in ON_POSTGRESQL if not peer.is_node)]
    setup = setup._replace(ours=OURS_ON_POSTGRESQL, address=empty_postgresql)
    assert not answers.compare(compared, bodies, setup, lambda _: None)


def test_postgraphiles_legs_and_words_are_compared_as_the_gateway_writes_them() -> None:
    columns = {f"inbound{name}": name for name in ("ParticipantSid", "ResourceSid", "ResourceType", "ResourceUrl")}
    none = dict.fromkeys(f"outbound{name[7:]}" for name in (*columns, "inboundResourceStatus"))
    row = {"type": "message", "inboundResourceStatus": "in-progress", **columns, **none}
    assert postgraphile.answer({"interactions": {"nodes": [row]}}) == {
        "interactions": {
            "nodes": [
                {
                    "type": "MESSAGE",
                    "inbound": {
                        "participantSid": "ParticipantSid",
                        "resourceSid": "ResourceSid",
                        "resourceStatus": "IN_PROGRESS",
                        "resourceType": "RESOURCETYPE",
                        "resourceUrl": "ResourceUrl",
                    },
                    "outbound": None,
                }
            ]
        }
    }


def test_only_the_text_of_cursors_may_differ() -> None:
    ours, same, other = (
        {"edges": [{"cursor": cursor, "node": {"sid": sid}}], "pageInfo": {"endCursor": cursor}}
        for cursor, sid in (("a", "KI1"), ("b", "KI1"), ("a", "KI2"))
    )
    assert answers.without_cursors(ours) == answers.without_cursors(same) != answers.without_cursors(other)
    assert answers.without_cursors({"endCursor": None}) != answers.without_cursors({"endCursor": "a"})
