"""Real parts for the tests: a database file, the schema over it, a server on loopback."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from shutil import copy

import aiohttp
import pytest

import edge_case_rows
import postgresql
from bodies import put, service, session
from gateway_under_test import SERVERS, Ask, asker, chosen, connections, serving
from store.archive import open_archive
from store.engine.protocols import Archive

# Tests start the gateway a hundred times, which need not compile itself as often.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Stand-ins are on this machine, where no proxy of a company's leads.
for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
    os.environ.pop(variable, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="Write tests/golden and the README's tables of settings anew."
    )
    parser.addoption("--documents", type=int, default=1_000, help="How many documents are answered both ways.")
    parser.addoption("--seed", type=int, default=20_261_124, help="Which documents those are.")
    parser.addoption(
        "--server", choices=SERVERS, default="own", help="What serves the application: its own connections, or others'."
    )
    parser.addoption("--kills", type=int, default=6, help="How often a sync is killed in the test of that.")


def pytest_configure(config: pytest.Config) -> None:
    chosen["server"] = config.getoption("--server")


def pytest_xdist_auto_num_workers() -> int:
    """One more process than cores, because tests that start a server spend a quarter of their time waiting."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def no_connection_outlives_the_tests() -> Iterator[None]:
    """Checks that all connections are closed: an open one keeps the process from ending.

    The thread of one that was just closed may take a moment to end.
    """
    yield
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            thread.join(5)
    assert connections() == []


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


@pytest.fixture(scope="session")
def one_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one Service and one Session, for tests to copy: copying is faster than migrating."""

    async def made() -> None:
        async with open_archive(file) as archive:
            await put(archive, service(1), session(1))

    file = tmp_path_factory.mktemp("one_session") / "archive.db"
    asyncio.run(made())
    return file


@pytest.fixture
async def archive(database: Path, one_session: Path) -> AsyncIterator[Archive]:
    """An archive with one Service and one Session."""
    copy(one_session, database)
    async with open_archive(database) as opened:
        yield opened


@pytest.fixture
async def edge_case_archive(database: Path) -> AsyncIterator[Archive]:
    """An archive of edge-case rows."""
    async with open_archive(database) as opened:
        await edge_case_rows.fill(opened)
        yield opened


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[postgresql.Cluster]:
    """A running PostgreSQL, one for each process of the tests."""
    with postgresql.cluster() as running:
        yield running


@pytest.fixture
def empty_postgresql(postgresql_cluster: postgresql.Cluster) -> Iterator[str]:
    """The address of an empty database of PostgreSQL."""
    name = postgresql_cluster.database()
    yield postgresql_cluster.url(name)
    postgresql_cluster.drop(name)


@pytest.fixture
def ask(archive: Archive) -> Ask:
    """Runs a document on the schema over the archive, as the server would."""
    return asker(archive)


@pytest.fixture(params=["true", "false"], ids=["planned", "ordinary"])
def both_paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test twice, against servers with plans and without."""
    monkeypatch.setenv("PROXYGRAPH_PLANS", request.param)


@pytest.fixture
async def client(database: Path, one_session: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server over an archive with one Service and one Session."""
    copy(one_session, database)
    async with serving(database) as client:
        yield client
