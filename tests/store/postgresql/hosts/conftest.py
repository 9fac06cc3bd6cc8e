"""A primary and its standby, which these tests may kill, and a database in both for each test."""

from collections.abc import AsyncIterator, Iterator

import pytest

import bodies
import postgresql
from hosts import Pair
from postgresql import Cluster
from store.archive import open_archive


@pytest.fixture(scope="session")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    with postgresql.cluster() as primary, postgresql.standby(primary) as standby:
        yield primary, standby


@pytest.fixture
async def pair(clusters: tuple[Cluster, Cluster]) -> AsyncIterator[Pair]:
    """A database with one Interaction in a primary and its standby."""
    primary, standby = clusters
    name = primary.database()
    made = Pair(primary, standby, name)
    async with open_archive(made.address) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
    postgresql.catch_up(standby, primary)
    yield made
    standby.thaw()
    standby.sql("SELECT pg_wal_replay_resume()")
    primary.drop(name)
