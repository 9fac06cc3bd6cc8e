"""Measures how a backup slows reads and deletions down: one client over HTTP, alone and during a backup."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from seeded import NAME, seed
from servers import HOST, ROOT, BenchmarkFailed, Server, gateway

SOME = "SELECT sid FROM interaction ORDER BY random() LIMIT 3000"
READ = '{ interaction(sid: "%s") { body inbound { participantSid } } }'
ERASE = 'mutation { deleteInteraction(input: { sid: "%s" }) { erasure } }'
ALONE_SECONDS = 5

out = Console(highlight=False, soft_wrap=True, width=120)


class Latency(NamedTuple):
    """The milliseconds that answers to one client took."""

    median: float
    p99: float
    longest: float


def main(
    erasures: Annotated[int, typer.Option(min=1, help="How many interactions are erased, one in each backup.")] = 3,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="A folder where the database is kept for the next time.")
    ] = None,
) -> None:
    """Prints the latency of point reads alone and during a backup, and the time of deletions during a backup."""
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch:
        folder = keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        database, target = (folder / NAME).resolve(), Path(scratch) / "backup.db"
        try:
            seed(database)
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                sids = [sid for (sid,) in connection.execute(SOME)]
            with gateway(database, Path(scratch) / "gateway.log") as server:
                until = time.monotonic() + ALONE_SECONDS
                _tell("point reads, alone", _latency(server, sids, lambda: time.monotonic() < until))
                begun, backup = time.monotonic(), _backup(database, target)
                _tell("point reads, beside a backup", _latency(server, sids, lambda: backup.poll() is None))
                size = target.stat().st_size / 1e6
                out.print(f"the backup: {size:,.0f} MB in {time.monotonic() - begun:.1f} s")
                for number in range(erasures):
                    out.print(f"a deletion beside a backup: {_erase(server, database, target, sids[number]):.0f} ms")
        except BenchmarkFailed as error:
            out.print(str(error))
            raise typer.Exit(1) from error


def _backup(database: Path, target: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gateway", "backup", str(target), "--database", str(database)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _erase(server: Server, database: Path, target: Path, sid: str) -> float:
    """The milliseconds of a deletion whose request is sent while the backup is being copied."""
    backup = _backup(database, target)
    partial = target.with_name(f"{target.name}.incomplete")
    while backup.poll() is None and not (partial.exists() and partial.stat().st_size):
        pass
    begun = time.perf_counter()
    answer = server.answer(json.dumps({"query": ERASE % sid}))
    took = time.perf_counter() - begun
    if backup.wait() or answer["deleteInteraction"]["erasure"] != "COMPLETE":
        raise BenchmarkFailed(f"The deletion of {sid} beside a backup is not complete: {answer}.")
    return took * 1_000


def _latency(server: Server, sids: list[str], goes_on: Callable[[], bool]) -> Latency:
    times = sorted(_times(server, sids, goes_on))
    return Latency(times[len(times) // 2], quantiles(times, n=100)[-1], times[-1])


def _times(server: Server, sids: list[str], goes_on: Callable[[], bool]) -> Iterator[float]:
    with closing(HTTPConnection(HOST, server.port, timeout=60)) as connection:
        for sid in cycle(sids):
            if not goes_on():
                return
            body = json.dumps({"query": READ % sid})
            begun = time.perf_counter()
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            connection.getresponse().read()
            yield (time.perf_counter() - begun) * 1_000


def _tell(what: str, found: Latency) -> None:
    out.print(f"{what}: median {found.median:.2f} ms, 99 % {found.p99:.1f} ms, longest {found.longest:.0f} ms")


if __name__ == "__main__":
    typer.run(main)
