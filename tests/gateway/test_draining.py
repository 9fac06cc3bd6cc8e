"""A graceful shutdown under load, with real processes: readiness ends first, and no request is lost."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest

from bodies import put, service, session
from checkout import ROOT
from running_commands import ENVIRONMENT
from store.archive import open_archive
from store.engine.database import Database

pytestmark = pytest.mark.processes

QUERY = {"query": "{ services { totalCount } }"}
DATA = b'{"data":{"services":{"totalCount":1}}}'
A_SECOND = 500
AT_ONCE = 40
TIMEOUT = 60


class Server(NamedTuple):
    """A server in its own process."""

    process: asyncio.subprocess.Process
    address: str


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    file = tmp_path / "archive.db"
    async with open_archive(file) as archive:
        await put(archive, service(1), session(1))
    return file


@asynccontextmanager
async def served(database: Database, *more: str) -> AsyncIterator[Server]:
    arguments = ["-u", "-m", "gateway", "serve", "--database", str(database), "--port", "0", "--drain", "1", *more]
    environment = ENVIRONMENT | {"COLUMNS": "200", "PROXYGRAPH_MAX_CONCURRENT": "1000"}
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, env=environment, stdout=PIPE)
    try:
        assert process.stdout
        while not (found := re.search(rb"(http://127\.0\.0\.1:\d+)/graphql", await process.stdout.readline())):
            assert process.returncode is None
        yield Server(process, found[1].decode())
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), TIMEOUT)


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A load balancer, which keeps idle connections for much less time than a server drains."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE, keepalive_timeout=0.3)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(TIMEOUT)) as session:
        yield session


async def ready(session: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with session.get(f"{address}/readyz") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def until_ready(session: aiohttp.ClientSession, address: str) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not await ready(session, address):
            await asyncio.sleep(0.01)


@asynccontextmanager
async def load(session: aiohttp.ClientSession, address: Callable[[], str]) -> AsyncIterator["Counter[str]"]:
    """Sends 500 requests a second, or as many as the machine can, and counts the outcomes."""
    outcomes: Counter[str] = Counter()
    free, loop = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop()

    async def ask() -> None:
        try:
            async with session.post(f"{address()}/graphql", json=QUERY) as response:
                answered = (response.status, await response.read())
                outcomes["answered" if answered == (200, DATA) else str(answered)] += 1
        except aiohttp.ClientError as error:
            outcomes[repr(error)] += 1
        finally:
            free.release()

    async def keep_asking() -> None:
        begun = loop.time()
        async with asyncio.TaskGroup() as group:
            for number in range(A_SECOND * TIMEOUT):
                await asyncio.sleep(max(begun + number / A_SECOND - loop.time(), 0))
                await free.acquire()
                if stopping.is_set():
                    free.release()
                    return
                group.create_task(ask())

    stopping = asyncio.Event()
    asking = asyncio.create_task(keep_asking())
    try:
        yield outcomes
    finally:
        stopping.set()
        await asking


async def workers(process: asyncio.subprocess.Process) -> set[int]:
    """The worker processes, without multiprocessing's own process."""
    listing = await asyncio.create_subprocess_exec("ps", "-A", "-ww", "-o", "pid=,ppid=,args=", stdout=PIPE)
    lines = [line.split(maxsplit=2) for line in (await listing.communicate())[0].decode().splitlines()]
    return {int(pid) for pid, parent, command in lines if int(parent) == process.pid and "spawn_main" in command}


async def test_the_server_is_not_ready_before_it_stops_accepting(database: Database) -> None:
    async with served(database) as server, client() as session:
        await until_ready(session, server.address)
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            while await ready(session, server.address):
                await asyncio.sleep(0.01)
        async with session.post(f"{server.address}/graphql", json=QUERY) as response:
            assert (response.status, await response.read(), response.headers["Connection"]) == (200, DATA, "close")
        async with session.get(f"{server.address}/livez") as response:
            assert response.status == 200
        assert await asyncio.wait_for(server.process.wait(), TIMEOUT) == 0


async def test_ctrl_c_stops_without_draining(database: Database) -> None:
    async with served(database, "--drain", "1000") as server, client() as session:
        await until_ready(session, server.address)
        server.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(server.process.wait(), TIMEOUT) == 0


async def test_a_second_sigterm_ends_the_draining(database: Database) -> None:
    async with served(database, "--drain", "1000") as server, client() as session:
        await until_ready(session, server.address)
        server.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(TIMEOUT):
            while await ready(session, server.address):
                await asyncio.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(server.process.wait(), TIMEOUT) == 0


async def test_a_rolling_restart_by_readiness_loses_no_request(database: Database) -> None:
    """Two servers, replaced one after the other; requests go to the one that was last ready."""
    serving = [served(database, "--drain", "3") for _ in range(3)]
    async with serving[0] as first, serving[1] as second, serving[2] as third, client() as session:
        servers = [first, second]
        for server in (first, second, third):
            await until_ready(session, server.address)
        async with load(session, lambda: servers[0].address) as outcomes:
            for leaving, coming in ((first, second), (second, third)):
                before = outcomes["answered"]
                while outcomes["answered"] < before + 100:
                    await asyncio.sleep(0.01)
                leaving.process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(TIMEOUT):
                    while await ready(session, leaving.address):
                        await asyncio.sleep(0.01)
                servers[0] = coming
                assert await asyncio.wait_for(leaving.process.wait(), TIMEOUT) == 0
        assert list(outcomes) == ["answered"], outcomes


async def test_restarting_the_workers_one_by_one_loses_no_request(database: Database) -> None:
    """SIGHUP: each worker is replaced by a new one, on the same socket."""
    async with served(database, "--workers", "2", "--drain", "3") as server, client() as session:
        await until_ready(session, server.address)
        async with load(session, lambda: server.address) as outcomes:
            old = await workers(server.process)
            assert len(old) == 2
            server.process.send_signal(signal.SIGHUP)
            async with asyncio.timeout(2 * TIMEOUT):
                while old & await workers(server.process):
                    await asyncio.sleep(0.1)
        assert list(outcomes) == ["answered"], outcomes


def sockets_of(process: int) -> int:
    links = []
    for file in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # Closed since it was listed.
            links.append(str(file.readlink()))
    return sum(link.startswith("socket:") for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Only Linux tells so which process has a connection.")
async def test_concurrent_connections_are_spread_over_the_workers(database: Database) -> None:
    """With one shared socket, the worker that is awake would accept all connections."""
    async with served(database, "--workers", "2") as server, client() as session:
        await until_ready(session, server.address)
        both = await workers(server.process)
        before = {process: sockets_of(process) for process in both}
        address = urlsplit(server.address)
        opened = [await asyncio.open_connection(address.hostname, address.port) for _ in range(80)]
        async with asyncio.timeout(TIMEOUT):
            while min(sockets_of(process) - before[process] for process in both) < 10:
                await asyncio.sleep(0.01)
        for _, writer in opened:
            writer.close()
