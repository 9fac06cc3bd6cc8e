"""Databases of PostgreSQL with an archive, made of a template."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from bodies import put, service, session
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive


@pytest.fixture(scope="session")
def one_session_of_postgresql(postgresql_cluster: Cluster) -> Iterator[str]:
    """The name of a database with one Service and one Session, for tests to copy."""

    async def made() -> None:
        async with open_archive(Address(postgresql_cluster.url(name))) as archive:
            await put(archive, service(1), session(1))

    name = postgresql_cluster.database()
    asyncio.run(made())
    yield name
    postgresql_cluster.drop(name)


@pytest.fixture
def address(postgresql_cluster: Cluster, one_session_of_postgresql: str) -> Iterator[Address]:
    """A database with one Service and one Session."""
    name = postgresql_cluster.database(one_session_of_postgresql)
    yield Address(postgresql_cluster.url(name))
    postgresql_cluster.drop(name)


@pytest.fixture
async def archive(address: Address) -> AsyncIterator[Archive]:
    """An archive of PostgreSQL with one Service and one Session."""
    async with open_archive(address) as opened:
        yield opened
