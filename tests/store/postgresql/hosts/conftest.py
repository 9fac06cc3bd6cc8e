"""A primary and its standby, which these tests may kill, with a database in both for each test."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

import bodies
import postgresql
from hosts import Pair
from postgresql import Cluster
from store.archive import open_archive

INTERACTIONS = 400


@pytest.fixture(scope="session")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    with postgresql.cluster() as primary, postgresql.standby(primary) as standby:
        yield primary, standby


@pytest.fixture
async def pair(clusters: tuple[Cluster, Cluster]) -> AsyncIterator[Pair]:
    """A database with one Interaction in a primary and its standby."""
    primary, standby = clusters
    made = await filled(Pair(primary, standby, primary.database()), 1)
    yield made
    standby.thaw()
    standby.sql("SELECT pg_wal_replay_resume()")
    primary.drop(made.name)


@pytest.fixture
async def spare() -> AsyncIterator[Pair]:
    """The same with more Interactions and clusters of its own, since a promoted standby can't go back."""
    with postgresql.cluster() as primary, postgresql.standby(primary) as standby:
        yield await filled(Pair(primary, standby, primary.database()), INTERACTIONS)


@pytest.fixture
def sids() -> list[str]:
    """The Interactions of ``spare``."""
    return [bodies.sid("KI", number) for number in range(1, INTERACTIONS + 1)]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as opened:
        yield opened


async def filled(pair: Pair, interactions: int) -> Pair:
    async with open_archive(pair.address) as archive:
        rows = [bodies.interaction(number) for number in range(1, interactions + 1)]
        await bodies.put(archive, bodies.service(1), bodies.session(1), *rows)
    postgresql.catch_up(pair.standby, pair.primary)
    return pair
