"""Real parts for the tests: a database file, the schema over it, a server on loopback."""

import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import aiohttp
import pytest

import edge_case_rows
import postgresql
from bodies import put, service, session
from command_lines import command_line
from databases import ENGINES, POSTGRESQL, SQLITE, New, engine_of, filled, new_addresses, new_files
from gateway_under_test import SERVERS, Ask, asker, chosen, connections, serving
from in_memory import in_memory
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive

# Tests start the gateway a hundred times, which need not compile itself as often.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# A shell without job control starts what runs in the background with Ctrl-C ignored, which the commands would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
in_memory()
# Stand-ins are on this machine, where no proxy of a company's leads.
for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
    os.environ.pop(variable, None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-golden", action="store_true", help="Write tests/golden and the table of settings anew.")
    parser.addoption("--documents", type=int, default=1_000, help="How many documents are answered both ways.")
    parser.addoption("--seed", type=int, default=20_261_124, help="Which documents those are.")
    parser.addoption(
        "--server", choices=SERVERS, default="own", help="What serves the application: its own connections, or others'."
    )
    parser.addoption(
        "--engine",
        choices=(*ENGINES, "both"),
        help="The engine of the tests' databases; both if PostgreSQL is installed.",
    )
    parser.addoption(
        "--fresh-interpreters",
        action="store_true",
        help="Run each command in a fresh interpreter instead of by a fork of a process that has imported it.",
    )
    parser.addoption("--kills", type=int, default=6, help="How often a sync is killed in the test of that.")


def pytest_configure(config: pytest.Config) -> None:
    chosen["server"] = config.getoption("--server")
    command_line.fresh = config.getoption("--fresh-interpreters")
    if os.environ.get("CI") == "true" and POSTGRESQL in _left_out(config):
        raise pytest.UsageError(postgresql.HOW_TO_GET_IT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs a test of a database once on each engine."""
    if "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", ENGINES, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what needs another engine than the chosen ones. What needs none belongs to SQLite's tests."""
    engines = _engines(config)
    kept = [item for item in items if engine_of(item) in engines]
    config.hook.pytest_deselected(items=[item for item in items if engine_of(item) not in engines])
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if POSTGRESQL in _left_out(config):
        terminalreporter.write_line(postgresql.HOW_TO_GET_IT)


def _engines(config: pytest.Config) -> list[str]:
    """The engines that are asked for, or by default those that there are."""
    asked = config.getoption("--engine")
    if asked in ENGINES:
        return [asked]
    return list(ENGINES) if asked or postgresql.binaries() else [SQLITE]


def _left_out(config: pytest.Config) -> set[str]:
    """The engines whose tests are left out because they are not installed."""
    return set() if config.getoption("--engine") else {*ENGINES} - {*_engines(config)}


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


@pytest.fixture(scope="session", autouse=True)
def no_preloaded_process_outlives_the_tests() -> Iterator[None]:
    yield
    command_line.stop()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    """The engine of the test's databases. A test with the mark of_a_file runs on SQLite alone."""
    return str(request.param)


@pytest.fixture
def new_database(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[New]:
    """Makes databases: ``new_database()`` is empty, ``new_database(source)`` a copy of one that nobody has open."""
    cluster = request.getfixturevalue("postgresql_cluster") if engine == POSTGRESQL else None
    with new_addresses(cluster) if cluster else new_files(tmp_path) as new:
        yield new


@pytest.fixture
def database(new_database: New, request: pytest.FixtureRequest) -> Database:
    """An archive without rows; that of ``archive``, ``client`` or another fixture here in a test that uses one."""
    if "with_one_session" in request.fixturenames:
        return cast("Database", request.getfixturevalue("with_one_session"))
    copied = "edge_cases" if "edge_case_archive" in request.fixturenames else "no_rows"
    return new_database(request.getfixturevalue(copied))


@pytest.fixture
def empty_database(new_database: New) -> Database:
    """A database in which nobody has made an archive yet; a file that doesn't exist."""
    return new_database()


@pytest.fixture(scope="session")
def session_databases(
    engine: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[New]:
    """Makes databases that last as long as the process of the tests, which copy them: that is faster than migrating."""
    cluster = request.getfixturevalue("postgresql_cluster") if engine == POSTGRESQL else None
    with new_addresses(cluster) if cluster else new_files(tmp_path_factory.mktemp("copied")) as new:
        yield new


@pytest.fixture(scope="session")
def no_rows(session_databases: New) -> Database:
    """A closed archive without rows, for tests to copy."""
    return filled(session_databases(), put)


@pytest.fixture(scope="session")
def one_session(session_databases: New) -> Database:
    """A closed archive with one Service and one Session, for tests to copy."""
    return filled(session_databases(), lambda archive: put(archive, service(1), session(1)))


@pytest.fixture(scope="session")
def edge_cases(session_databases: New) -> Database:
    """A closed archive of edge-case rows, for tests to copy."""
    return filled(session_databases(), edge_case_rows.fill)


@pytest.fixture
def with_one_session(new_database: New, one_session: Database) -> Database:
    """A database with one Service and one Session."""
    return new_database(one_session)


@pytest.fixture
async def archive(with_one_session: Database) -> AsyncIterator[Archive]:
    """An archive with one Service and one Session."""
    async with open_archive(with_one_session) as opened:
        yield opened


@pytest.fixture
async def edge_case_archive(database: Database) -> AsyncIterator[Archive]:
    """An archive of edge-case rows."""
    async with open_archive(database) as opened:
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
async def client(with_one_session: Database) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server over an archive with one Service and one Session."""
    async with serving(with_one_session) as client:
        yield client
