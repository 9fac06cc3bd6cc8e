"""Real parts for the tests: a database file, the schema over it, a server on loopback."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import copy
from types import MappingProxyType
from typing import Any, cast

import aiohttp
import orjson
import pytest
import uvicorn

import awkward
from bodies import put, service, session
from gateway.app import Gateway
from gateway.endpoint.execution import Request, execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.mirror import TwilioSettings
from gateway.settings.server import Limits, Protocol, ServeSettings
from gateway.transport.connection import Connection
from resolvers.access import ANYBODY, Access
from resolvers.context import Context
from store.archive import Archive, open_archive
from store.sqlite.reader import Statement


class Answer(dict[str, Any]):
    """A response, with the statements that made it."""

    statements: list[Statement]


BOUNDS = ("cost", "tokens", "depth", "aliases", "directives", "root_fields", "repeated_fields", "statements")
UNLIMITED = Limits.of({f"max_{bound}": 10**12 for bound in BOUNDS})
"""For tests of what documents mean, however large they are."""
Ask = Callable[..., Awaitable[Answer]]
SERVERS = ("own", "httptools", "h11", "hypercorn")
chosen = {"server": "own"}
"""Which of the servers the tests' applications run under."""

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
    """One more than there are cores: tests that start a server wait for a quarter of their time."""
    return (os.cpu_count() or 1) + 1


def connections() -> list[str]:
    """The threads of aiosqlite's open connections: each keeps the process from ending."""
    return [thread.name for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]


@pytest.fixture(scope="session", autouse=True)
def no_connection_outlives_the_tests() -> Iterator[None]:
    """A process whose connections are not closed never ends."""
    yield
    assert connections() == []


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


@pytest.fixture(scope="session")
def one_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one Service and one Session, to be copied: migrating each test's own takes longer."""

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
async def awkwardly_filled(database: Path) -> AsyncIterator[Archive]:
    """An archive full of rows that are hard to show."""
    async with open_archive(database) as opened:
        await awkward.fill(opened)
        yield opened


@pytest.fixture
def ask(archive: Archive) -> Ask:
    """Runs a document on the schema over the archive, as the server would."""
    return asker(archive)


@pytest.fixture(params=["true", "false"], ids=["planned", "ordinary"])
def both_paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test twice, against servers with plans and without."""
    monkeypatch.setenv("PROXYGRAPH_PLANS", request.param)


def asker(archive: Archive, access: Access = ANYBODY, plans: PlanCache | None = None) -> Ask:
    async def run(query: str, **variables: Any) -> Answer:
        context = Context(archive, access=access)
        result = await execute(Request(query, variables=variables), context, UNLIMITED, plans)
        answer = Answer(orjson.loads(result.encoded()))
        answer.statements = context.reader.statements
        return answer

    return run


def patient(seconds: float) -> type[Connection]:
    """The server's HTTP, with a patience of its own."""
    return type("PatientForATest", (Connection,), {"seconds": seconds})


class PromptServer(uvicorn.Server):
    """Stops as soon as it is ``told`` to, where uvicorn looks ten times a second, and then waits for as long again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0)
        await asyncio.wait_for(self._wait_tasks_to_complete(), self.config.timeout_graceful_shutdown)
        await self.lifespan.shutdown()


@asynccontextmanager
async def address_of(
    database: Path,
    limits: Mapping[str, Any] = MappingProxyType({}),
    protocol: Mapping[str, Any] = MappingProxyType({}),
    twilio: TwilioSettings | None = None,
    jwt: JwtSettings | None = None,
    **access: Any,
) -> AsyncIterator[str]:
    """The address of a real server over ``database``, which stops at the end of the block; ``access`` are settings."""
    gateway = Gateway(
        ServeSettings.of({"database": database}),
        twilio,
        limits=Limits.of(limits),
        protocol=Protocol.of(protocol),
        access=AccessSettings.of(access),
        jwt=jwt,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = _hypercorn if chosen["server"] == "hypercorn" else _uvicorn
        async with server(gateway, listener, Limits.of(limits).read_seconds):
            yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def _uvicorn(gateway: Gateway, listener: socket.socket, read_seconds: float) -> AsyncIterator[None]:
    http = patient(read_seconds) if chosen["server"] == "own" else chosen["server"]
    config = uvicorn.Config(
        gateway, http=http, ws="none", loop="none", lifespan="on", log_config=None, timeout_graceful_shutdown=5
    )
    server = PromptServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.told.set()
        await task


@asynccontextmanager
async def _hypercorn(gateway: Gateway, listener: socket.socket, _: float) -> AsyncIterator[None]:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config, told = Config(), asyncio.Event()
    config.bind, config.graceful_timeout, config.errorlog = [f"fd://{listener.detach()}"], 1, None
    task = asyncio.create_task(serve(cast("Any", gateway), config, shutdown_trigger=told.wait))
    try:
        yield
    finally:
        told.set()
        await task


@asynccontextmanager
async def serving(database: Path, *arguments: Any, **settings: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a real server over ``database``, with the arguments of address_of."""
    timeout = aiohttp.ClientTimeout(total=10)
    async with (
        address_of(database, *arguments, **settings) as address,
        aiohttp.ClientSession(address, timeout=timeout) as client,
    ):
        yield client


@pytest.fixture
async def client(database: Path, one_session: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server over an archive with one Service and one Session."""
    copy(one_session, database)
    async with serving(database) as client:
        yield client
