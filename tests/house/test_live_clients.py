"""Client libraries of subscriptions, unmodified, over a real server: they miss nothing, through a restart too."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from bodies import interaction, put, service, session
from checkout import ROOT
from npm import CLIENTS, needs_npm
from running_commands import ENVIRONMENT
from store.archive import open_archive
from store.changes import read_feed
from store.engine.protocols import Archive
from store.queries.changes import FeedQuery

LIVE = CLIENTS / "live"
TOTAL, AT_ONCE = 120, 20
MOST_SECONDS = 300
"""A client that has not ended by then is killed: the test fails instead of waiting for ever."""

pytestmark = [pytest.mark.clients, needs_npm, pytest.mark.usefixtures("node_modules")]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def served(database: Path, port: int) -> Iterator[str]:
    """A server, ended by SIGTERM; that it can begin again on the same port shows that it has ended all connections."""
    command = [sys.executable, "-u", "-m", "gateway", "serve", "--database", str(database), "--port", str(port)]
    environment = ENVIRONMENT | {"PROXYGRAPH_DRAIN": "0.5", "PROXYGRAPH_ACCESS_LOG": "off"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        while not re.search(rf":{port}/graphql", line := process.stdout.readline()):
            assert line, "The server ended."
        try:
            yield f"http://127.0.0.1:{port}/graphql"
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def client(*command: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(["node", *command], cwd=LIVE, stdout=subprocess.PIPE, text=True) as process:
        killing = Timer(MOST_SECONDS, process.kill)
        killing.start()
        try:
            yield process
        finally:
            killing.cancel()
            process.kill()


def until(process: "subprocess.Popen[str]", wanted: str) -> None:
    assert process.stdout
    for line in process.stdout:
        if re.match(wanted, line):
            return
    raise AssertionError(f"The client ended before it printed {wanted}.")


async def write(archive: Archive, start: int) -> None:
    for number in range(start, start + AT_ONCE):
        await put(archive, interaction(number))


@pytest.mark.parametrize("name", ["graphql-sse", "graphql-ws", "apollo", "urql", "relay"])
async def test_a_client_misses_nothing_through_disconnections_and_a_restart(
    name: str, database: Path, port: int
) -> None:
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1))
        page = await read_feed(archive, FeedQuery(0, 0))
        await write(archive, 1)
        with ExitStack() as stack:
            with served(database, port) as url:
                process = stack.enter_context(client("run.js", name, url, f"{page.epoch}.{page.last}", str(TOTAL)))
                await write(archive, 1 + AT_ONCE)
                until(process, "40$")
            await write(archive, 1 + 2 * AT_ONCE)
            with served(database, port):
                until(process, "60$")
                for start in range(1 + 3 * AT_ONCE, TOTAL, AT_ONCE):
                    await write(archive, start)
                until(process, r"connected \d+ times")
                assert process.wait(30) == 0


@pytest.mark.parametrize("name", ["graphql-sse", "graphql-ws"])
async def test_libraries_connect_again_by_themselves_after_a_restart(name: str, database: Path, port: int) -> None:
    async with open_archive(database) as archive:
        await put(archive, service(1))
    with ExitStack() as stack:
        with served(database, port) as url:
            process = stack.enter_context(client("retry.js", name, url))
            until(process, "false")
        with served(database, port):
            until(process, "false")
            assert process.wait(30) == 0
