"""Measures subscriptions: python tests/benchmarks/subscriptions.py [--subscribers 1000] [--peers].

Ten subscribers follow each session. A writer of its own process commits 100 changes a second; every client notes when
an event arrives at its socket. Then as many changes as possible are made, for the deliveries a second: those from the
first change's commit to the last event's arrival. With ``--peers`` GraphQL Yoga over server-sent events and mercurius
over WebSockets do the same with their in-process pub/sub.
"""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import quote

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(Path(__file__).parent)]

import typer
import uvloop

import contenders
from bodies import put, service, session, sid
from servers import Server, free_port, gateway, serving
from store.archive import open_archive

FOLLOWERS = 10
A_SECOND = 100
SECONDS = 10
AT_ONCE = 5_000
POINT_SECONDS = 4
NODE_PACKAGES = Path(tempfile.gettempdir(), "proxygraph-peers")
SESSION = sid("KC", 1)
SID = re.compile(rb'"sid":"(KI[0-9a-f]{32})"')
SETTLE_SECONDS = 1.0
DOCUMENT = """subscription Follow($session: ID!) {
  interactions(filter: {sessionSid: $session}) {
    cursor kind sid interaction { body dateCreated inbound { resourceStatus } outbound { resourceStatus } }
  }
}"""
PEERS_DOCUMENT = """subscription Follow($session: ID!) {
  interactions(session: $session) {
    cursor kind sid interaction { body dateCreated inbound { resourceStatus } outbound { resourceStatus } }
  }
}"""


class Subscriber(asyncio.Protocol):
    """One client, of few instructions: it only looks for SIDs in what arrives."""

    def __init__(self, arrivals: list[tuple[bytes, float]], opening: list[bytes]) -> None:
        self.arrivals, self.opening = arrivals, opening
        self.is_open = asyncio.get_running_loop().create_future()
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.opening.pop(0))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self.opening:
            self.transport.write(self.opening.pop(0))
        if not self.opening and not self.is_open.done():
            self.is_open.set_result(None)
        data, end = self._rest + data, 0
        for found in SID.finditer(data):
            self.arrivals.append((found[1], now))
            end = found.end()
        self._rest = data[end:][-60:]


def sse(document: str, session_sid: str, port: int) -> list[bytes]:
    body = json.dumps({"query": document, "variables": {"session": session_sid}}).encode()
    head = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n" % port
    return [head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body]


def websocket(document: str, session_sid: str, port: int) -> list[bytes]:
    payload = {"query": document, "variables": {"session": session_sid}}
    key = base64.b64encode(os.urandom(16))
    handshake = (
        b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    ) % (port, key)
    return [
        handshake,
        frame(json.dumps({"type": "connection_init"}).encode()),
        frame(json.dumps({"type": "subscribe", "id": "1", "payload": payload}).encode()),
    ]


def frame(text: bytes) -> bytes:
    """A masked text frame; a mask of zeros leaves the text as it is."""
    size = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + text


class Measured:
    """What one server did."""

    def __init__(self) -> None:
        self.kilobytes = self.p50 = self.p99 = self.rate = 0.0
        self.points = self.points_beside = 0.0
        self.missing = 0

    def row(self, name: str) -> list[str]:
        return [
            name,
            f"{self.kilobytes:.0f} kB",
            f"{self.p50 * 1000:.1f} ms",
            f"{self.p99 * 1000:.1f} ms",
            f"{self.rate:,.0f}",
            f"{self.points:,.0f} and {self.points_beside:,.0f}",
            str(self.missing),
        ]


async def measured(
    server: Server,
    opening: Callable[[str, str, int], list[bytes]],
    document: str,
    subscribers: int,
    change: "Changes",
    is_ours: bool = False,
) -> Measured:
    loop, result, arrivals = asyncio.get_running_loop(), Measured(), list[tuple[bytes, float]]()
    sessions = subscribers // FOLLOWERS
    before = server.memory() or 0
    clients = []
    for number in range(subscribers):
        messages = opening(document, sid("KC", 1 + number % sessions), server.port)
        made = partial(Subscriber, arrivals, messages)
        _, client = await loop.create_connection(made, "127.0.0.1", server.port)
        clients.append(client)
        if number % 50 == 49:
            await asyncio.gather(*(client.is_open for client in clients))
    await asyncio.sleep(SETTLE_SECONDS)
    result.kilobytes = ((server.memory() or 0) - before) * 1024 / subscribers
    committed = await change(1, A_SECOND * SECONDS, A_SECOND, sessions)
    await arrived(arrivals, len(committed) * FOLLOWERS)
    took = sorted(moment - committed[name.decode()] for name, moment in arrivals)
    result.missing = len(committed) * FOLLOWERS - len(arrivals)
    result.p50, result.p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    arrivals.clear()
    committed = await change(1 + A_SECOND * SECONDS, AT_ONCE, 0, sessions)
    await arrived(arrivals, len(committed) * FOLLOWERS)
    result.missing += len(committed) * FOLLOWERS - len(arrivals)
    result.rate = len(arrivals) / (arrivals[-1][1] - min(committed.values()))
    if is_ours and shutil.which("wrk"):
        result.points = await point_rate(server)
        start = 1 + A_SECOND * SECONDS + AT_ONCE
        changing = asyncio.ensure_future(change(start, A_SECOND * (POINT_SECONDS + 2), A_SECOND, sessions))
        result.points_beside = await point_rate(server)
        await changing
    for client in clients:
        client.transport.close()
    return result


async def point_rate(server: Server) -> float:
    """Point queries a second, by wrk over eight connections."""
    query = quote(f'{{ session(sid: "{SESSION}") {{ sid uniqueName status }} }}')
    command = ["wrk", "-t1", "-c8", f"-d{POINT_SECONDS}s", f"{server.url}?query={query}"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    printed, _ = await process.communicate()
    found = re.search(rb"Requests/sec:\s+([\d.]+)", printed)
    return float(found[1]) if found else 0.0


async def arrived(arrivals: list[tuple[bytes, float]], wanted: int) -> None:
    """Waits until all have arrived, or nothing has for some seconds."""
    last, idle = -1, 0
    while len(arrivals) < wanted and idle < 50:
        idle = idle + 1 if len(arrivals) == last else 0
        last = len(arrivals)
        await asyncio.sleep(0.1)


Changes = Callable[[int, int, int, int], "asyncio.Future[dict[str, float]]"]


def by_writing(database: Path) -> Changes:
    """Changes by a writer of its own process, as a sync is; it tells when each was committed."""

    async def change(start: int, number: int, a_second: int, sessions: int) -> dict[str, float]:
        command = [sys.executable, str(Path(__file__).with_name("writer.py")), str(database)]
        process = await asyncio.create_subprocess_exec(
            *command, *map(str, (start, number, a_second, sessions)), stdout=subprocess.PIPE
        )
        printed, _ = await process.communicate()
        committed: dict[str, float] = json.loads(printed)
        return committed

    return change  # type: ignore[return-value]


def by_request(server: Server) -> Changes:
    """Changes that a peer publishes itself, by its in-process pub/sub; it tells when each was."""

    async def change(start: int, number: int, a_second: int, sessions: int) -> dict[str, float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        path = f"/publish?start={start}&number={number}&second={a_second}&sessions={sessions}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        text = answer.partition(b"\r\n\r\n")[2]
        committed: dict[str, float] = json.loads(text[text.index(b"{") : text.rindex(b"}") + 1])
        return committed

    return change  # type: ignore[return-value]


def main(
    subscribers: Annotated[int, typer.Option(min=FOLLOWERS, help="How many subscribers there are.")] = 1_000,
    peers: Annotated[bool, typer.Option("--peers", help="Measure GraphQL Yoga and mercurius too.")] = False,
    node: Annotated[Path, typer.Option(metavar="FOLDER", help="A folder for Node's packages.")] = NODE_PACKAGES,
) -> None:
    """Measures the deliveries to many subscribers, and point queries beside them."""
    uvloop.run(_measure(subscribers, node if peers else None))


async def _measure(subscribers: int, node: Path | None) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for about, opening in (("Proxygraph, server-sent events", sse), ("Proxygraph, WebSockets", websocket)):
            database = folder / f"{opening.__name__}.db"
            async with open_archive(database) as archive:
                await put(archive, service(1), *(session(1 + n) for n in range(subscribers // FOLLOWERS)))
            with gateway(database, folder / "log") as server:
                result = await measured(server, opening, DOCUMENT, subscribers, by_writing(database), True)
                rows.append(result.row(about))
                print(*rows[-1], sep=" · ", flush=True)
        if node:
            packages = contenders.install_node_packages(contenders.PACKAGES[contenders.Engine.SQLITE], node)
            for script, opening in (("yoga_live.js", sse), ("mercurius_live.js", websocket)):
                port = free_port()
                environment = {"NODE_PATH": str(packages)}
                command = ["node", str(contenders.PEERS / script), str(port)]
                with ExitStack() as stack:
                    server = stack.enter_context(serving(command, port, "/", folder / "log", environment))
                    result = await measured(server, opening, PEERS_DOCUMENT, subscribers, by_request(server))
                    rows.append(result.row(script))
                    print(*rows[-1], sep=" · ", flush=True)
    print("server · memory of one subscriber · p50 · p99 · deliveries/s · point queries/s alone and beside · missing")


if __name__ == "__main__":
    typer.run(main)
