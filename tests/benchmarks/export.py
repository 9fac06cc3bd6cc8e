"""Measures exports: rows per second and memory for each format, and of sqlite3's ``.mode csv`` on the same rows."""

import os
import subprocess
import sys
import time
from pathlib import Path
from shutil import which
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from servers import ROOT, BenchmarkFailed

sys.path.insert(0, str(ROOT))

from gateway.export.formats import Format
from gateway.export.resources import resources

SERVICES, SESSIONS = 20, 500
SQLITE = "sqlite3"
"""The SQLite shell's csv mode, with the columns and the order of the export."""

SELECT = """
SELECT {values} FROM interaction INDEXED BY interaction_by_date
LEFT JOIN participant AS inbound_participant ON inbound_participant.sid = interaction.inbound_participant_sid
LEFT JOIN participant AS outbound_participant ON outbound_participant.sid = interaction.outbound_participant_sid
ORDER BY interaction.date_created, interaction.sid;
""".strip()

out = Console(highlight=False, soft_wrap=True)


class Measured(NamedTuple):
    """One run: elapsed seconds, processor seconds, and the peak memory in MB."""

    seconds: float
    processor: float
    memory: float


def main(
    rows: Annotated[int, typer.Option(min=10_000, help="How many interactions are exported.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each export runs, in turn.")] = 3,
    keep: Annotated[Path | None, typer.Option(file_okay=False, help="Where the database is kept.")] = None,
) -> None:
    """Measures exports and prints one table: medians of interleaved rounds, and the peak memory."""
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as name:
        scratch = Path(name)
        database = ((keep or scratch) / f"export-{rows}.db").resolve()
        database.parent.mkdir(parents=True, exist_ok=True)
        out.print(f"Filling {database} with {rows:,} interactions …")
        seed = ["seed", "--services", str(SERVICES), "--sessions", str(SESSIONS)]
        _run([*_gateway(*seed), "--interactions", str(rows // SERVICES // SESSIONS), "--database", str(database)])
        found: dict[str, list[Measured]] = {}
        for _ in range(rounds):
            for wanted in Format:
                file = scratch / f"all.{wanted}"
                command = _gateway("export", "--to", str(file), "--database", str(database))
                found.setdefault(wanted, []).append(_run(command))
            if which(SQLITE):
                found.setdefault(SQLITE, []).append(_run([SQLITE, "-readonly", str(database)], scratch / "all.csv"))
        out.print(_table(found, rows))


def _gateway(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *arguments]


def _run(command: list[str], csv: Path | None = None) -> Measured:
    """Runs a command to its end; sqlite3 gets its statement, and writes ``csv``. Raises BenchmarkFailed."""
    values = ", ".join(column.sql for column in resources()["interactions"].columns)
    script = f".mode csv\n.headers on\n{SELECT.format(values=values)}\n" if csv else ""
    begun = time.perf_counter()
    with (csv or Path(os.devnull)).open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=output)
        assert process.stdin
        process.stdin.write(script.encode())
        process.stdin.close()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchmarkFailed(f"{' '.join(command)} ended with {process.returncode}.")
    per_mb = 2**20 if sys.platform == "darwin" else 2**10
    return Measured(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / per_mb)


def _table(found: dict[str, list[Measured]], rows: int) -> Table:
    table = Table(title=f"Exports of {rows:,} interactions", title_justify="left")
    for title in ("", "seconds", "rows/s", "of sqlite3", "processor s", "memory MB"):
        table.add_column(title, justify="right" if title else "left")
    seconds = {name: median(each.seconds for each in measured) for name, measured in found.items()}
    for name, measured in found.items():
        ratio = f"{seconds[SQLITE] / seconds[name]:.2f} ×" if SQLITE in seconds else "–"
        processor = median(each.processor for each in measured)
        memory = max(each.memory for each in measured)
        speed = f"{rows / seconds[name]:,.0f}"
        table.add_row(str(name), f"{seconds[name]:.1f}", speed, ratio, f"{processor:.1f}", f"{memory:.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
