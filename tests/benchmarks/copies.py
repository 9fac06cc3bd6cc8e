"""Measures ``copy``: an archive into PostgreSQL and back, in seconds, processor seconds and memory.

The copies are compared in that time, as each copy is. PostgreSQL is a throw-away cluster with fsync.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from seeded import cluster
from servers import ROOT, BenchmarkFailed

SERVICES, SESSIONS = 20, 100

out = Console(highlight=False, soft_wrap=True, width=120)


class Measured(NamedTuple):
    """One copy: elapsed seconds, processor seconds of the command and of the server, and the command's memory in MB."""

    seconds: float
    command: float
    server: float
    memory: float


def main(
    rows: Annotated[int, typer.Option(min=2_000, help="How many interactions are copied.")] = 200_000,
    keep: Annotated[Path | None, typer.Option(file_okay=False, help="Where the archive is kept for later.")] = None,
) -> None:
    """Prints the interactions per second, and per second of processor time of both sides, each way."""
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as name:
        scratch = Path(name)
        archive = ((keep or scratch) / f"copied-{rows}.db").resolve()
        archive.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fill(archive, rows)
            small = scratch / "small.db"
            _fill(small, SERVICES * SESSIONS)
            with cluster() as running:
                little = _measure(running, small, running.url(running.database()))
                address = running.url(running.database())
                there = _measure(running, archive, address)
                back = _measure(running, address, scratch / "back.db")
        except BenchmarkFailed as error:
            out.print(str(error))
            raise typer.Exit(1) from error
    out.print(_table({"into PostgreSQL": there, "back into a file": back}, rows))
    out.print(f"A copy of {SERVICES * SESSIONS:,} interactions has {little.memory:.0f} MB of memory.")
    out.print(f"Beside other work: the load average of the last minute is {os.getloadavg()[0]:.1f}.")


def _fill(archive: Path, rows: int) -> None:
    sizes = ("--services", SERVICES, "--sessions", SESSIONS, "--interactions", rows // SERVICES // SESSIONS)
    done = subprocess.run(
        [*_gateway("seed", *map(str, sizes)), "--database", str(archive)], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise BenchmarkFailed(f"The archive can't be filled: {done.stderr.strip()}")


def _gateway(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *arguments]


def _measure(running: Any, source: Path | str, target: Path | str) -> Measured:
    before, begun = _processor_seconds(), time.perf_counter()
    with subprocess.Popen(
        _gateway("copy", "--from", str(source), "--to", str(target)), cwd=ROOT, stdout=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    if process.returncode:
        raise BenchmarkFailed(f"The copy to {target} ended with {process.returncode}.")
    running.stop()  # The times of the server's processes count when they have ended.
    running.start()
    command = used.ru_utime + used.ru_stime
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return Measured(seconds, command, _processor_seconds() - before - command, used.ru_maxrss / per_mb)


def _processor_seconds() -> float:
    """That of all processes that this one has started and that have ended."""
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _table(found: dict[str, Measured], rows: int) -> Table:
    table = Table(title=f"{rows:,} interactions, copied and compared", title_justify="left")
    titles = (
        "",
        "seconds",
        "interactions/s",
        "processor s: command",
        "server",
        "interactions/processor s",
        "memory MB",
    )
    for title in titles:
        table.add_column(title, justify="right" if title else "left")
    for name, (seconds, command, server, memory) in found.items():
        per_second, per_processor_second = f"{rows / seconds:,.0f}", f"{rows / (command + server):,.0f}"
        table.add_row(
            name, f"{seconds:.1f}", per_second, f"{command:.1f}", f"{server:.1f}", per_processor_second, f"{memory:.0f}"
        )
    return table


if __name__ == "__main__":
    typer.run(main)
