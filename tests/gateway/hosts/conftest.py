"""A primary and its standby, and servers over them as processes of their own, all of which these tests may kill."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

import bodies
import postgresql
from hosts import Pair
from postgresql import Cluster
from store.archive import open_archive

INTERACTIONS = 400


@pytest.fixture
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    """New ones for each test, since a promoted standby can't go back."""
    with postgresql.cluster() as primary, postgresql.standby(primary) as standby:
        yield primary, standby
        standby.thaw()


@pytest.fixture
async def pair(clusters: tuple[Cluster, Cluster]) -> Pair:
    """A database with a Session of many Interactions in a primary and its standby."""
    primary, standby = clusters
    made = Pair(primary, standby, primary.database())
    async with open_archive(made.address) as archive:
        rows = [bodies.interaction(number) for number in range(1, INTERACTIONS + 1)]
        await bodies.put(archive, bodies.service(1), bodies.session(1), *rows)
    postgresql.catch_up(standby, primary)
    return made


@pytest.fixture
def sids() -> list[str]:
    return [bodies.sid("KI", number) for number in range(1, INTERACTIONS + 1)]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(60)) as opened:
        yield opened
