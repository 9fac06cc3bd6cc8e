"""Measures the gateway: seeding, starting, memory, and three queries beside a peer; ``--help`` shows the flags."""

import platform
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

import load
import seeded
import servers
from queries import QUERIES, Query, bodies, same
from servers import BenchmarkFailed, Memory, Server

STARTS = 5
COMPARED = 20
WARM_UP_SECONDS = 1

out = Console(highlight=False, soft_wrap=True)


class Loads(NamedTuple):
    """How the loads are made."""

    rounds: int
    seconds: int
    connections: int


class Rates(NamedTuple):
    """Answers a second of either server, one of each for a round."""

    ours: list[float]
    peers: list[float]

    @property
    def ratios(self) -> list[float]:
        return [ours / peers for ours, peers in zip(*self, strict=True)]


class Findings(NamedTuple):
    """All that was measured; None where it could not be."""

    seeding: float | None
    starts: list[float]
    rates: Mapping[Query, Rates]
    memory: Memory | None


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each query is loaded on each server.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, help="How long each load takes.")] = 4,
    connections: Annotated[int, typer.Option(min=1, help="How many connections ask at once.")] = 8,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="A folder to keep the database in, or to reuse it from.")
    ] = None,
) -> None:
    """Measures seeding, starting, memory and three queries, ours beside a peer's, and prints one table."""
    if find_spec("starlette") is None:
        raise SystemExit(
            "The peer needs Starlette, which is not installed: "
            "python -m pip install -r tests/benchmarks/requirements.txt"
        )
    loads = Loads(rounds, seconds, connections)
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch:
        try:
            findings = _measured(keep or Path(scratch), Path(scratch), loads)
        except (BenchmarkFailed, TimeoutExpired) as failure:
            raise SystemExit(str(failure)) from failure
    out.print(_table(findings, loads))


def _measured(folder: Path, scratch: Path, loads: Loads) -> Findings:
    out.print(f"Seeding {seeded.INTERACTIONS:,} interactions …")
    folder.mkdir(parents=True, exist_ok=True)
    database = (folder / seeded.NAME).resolve()
    seeding = seeded.seed(database)
    out.print(f"Starting the gateway {STARTS} times …")
    starts = [_start_ms(database, scratch) for _ in range(STARTS)]
    with (
        servers.gateway(database, scratch / "gateway.log") as ours,
        servers.peer(database, scratch / "peer.log") as peer,
    ):
        sids = _sids(database)
        out.print("Comparing the answers …")
        for query in QUERIES:
            _demand_same_answers(query, sids[query], ours, peer)
        rates = _rates(sids, ours, peer, scratch, loads)
        return Findings(seeding, starts, rates, ours.memory())


def _start_ms(database: Path, scratch: Path) -> float:
    with servers.gateway(database, scratch / "start.log") as server:
        return server.start_ms


def _sids(database: Path) -> dict[Query, list[str]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return {query: [sid for (sid,) in connection.execute(query.sids)] if query.sids else [] for query in QUERIES}


def _demand_same_answers(query: Query, sids: list[str], ours: Server, peer: Server) -> None:
    texts = (bodies(text, sids[:COMPARED]) for text in (query.ours, query.peers))
    for our_body, peers_body in zip(*texts, strict=True):
        if not same(ours.answer(our_body), peer.answer(peers_body)):
            raise BenchmarkFailed(f"The gateway and the peer answer differently to {query.about}: {our_body}")


def _rates(
    sids: Mapping[Query, list[str]], ours: Server, peer: Server, scratch: Path, loads: Loads
) -> dict[Query, Rates]:
    measured = {query: Rates([], []) for query in QUERIES}
    files = {query: (scratch / f"ours-{number}", scratch / f"peers-{number}") for number, query in enumerate(QUERIES)}
    for query, (our_file, peers_file) in files.items():
        our_file.write_text("\n".join(bodies(query.ours, sids[query])))
        peers_file.write_text("\n".join(bodies(query.peers, sids[query])))
        load.rate(ours.url, our_file, loads.connections, WARM_UP_SECONDS)
        load.rate(peer.url, peers_file, loads.connections, WARM_UP_SECONDS)
    for number in range(loads.rounds):
        out.print(f"Loading both with {load.generator()}, round {number + 1} of {loads.rounds} …")
        for query, (our_file, peers_file) in files.items():
            measured[query].ours.append(load.rate(ours.url, our_file, loads.connections, loads.seconds))
            measured[query].peers.append(load.rate(peer.url, peers_file, loads.connections, loads.seconds))
    return measured


def _table(findings: Findings, loads: Loads) -> Table:
    table = Table(title="Proxygraph", caption=_caption(loads), title_justify="left", caption_justify="left")
    table.add_column()
    for heading in ("gateway", "peer", "ratio (range)"):
        table.add_column(heading, justify="right")
    table.add_row(f"seeding {seeded.INTERACTIONS:,} interactions", *_seeding(findings.seeding))
    table.add_row(f"start to /readyz, median of {STARTS}", f"{median(findings.starts):,.0f} ms")
    table.add_row("start to /readyz, slowest", f"{max(findings.starts):,.0f} ms", end_section=True)
    for query, rates in findings.rates.items():
        ratios = rates.ratios
        spread = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
        table.add_row(query.about, _a_second(rates.ours), _a_second(rates.peers), spread)
    table.add_section()
    peak, now = map("{:.0f} MB".format, findings.memory) if findings.memory else ("no /proc here",) * 2
    table.add_row("memory after the loads, peak", peak)
    table.add_row("memory after the loads, now", now)
    return table


def _seeding(seconds: float | None) -> tuple[str, str, str]:
    if seconds is None:
        return "reused", "", "not timed"
    verdict = "under" if seconds < seeded.GOAL_SECONDS else "not under"
    return f"{seconds:.1f} s", "", f"{verdict} {seeded.GOAL_SECONDS} s"


def _a_second(rates: list[float]) -> str:
    return f"{median(rates):,.0f}/s" if median(rates) >= 100 else f"{median(rates):.1f}/s"


def _caption(loads: Loads) -> str:
    made = f"Answers a second to {loads.connections} connections, medians of {loads.rounds} × {loads.seconds} seconds"
    by = "wrk" if load.generator() == "wrk" else "aiohttp, whose own pace may bound the first query"
    return f"{made}, by {by}. Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."


if __name__ == "__main__":
    typer.run(main)
