"""Measures the gateway and its alternatives: ``python -m tests.benchmarks --help``."""

import sys
from collections.abc import Collection
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from statistics import median
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))

import alone
import answers
import comparison
import contenders
import load
import seeded
import tables
from comparison import MIXED, MIXED_ABOUT, Effort
from contenders import OURS_ON, PACKAGES, PEERS_OF, Contender, Engine, Setup, Shape
from servers import BenchmarkFailed
from workloads import NESTED, POINT, WIDE, WORKLOADS, Workload

ABOUT = {workload.name: workload.about for workload in WORKLOADS} | {MIXED: MIXED_ABOUT} | alone.ABOUT
ON_POSTGRESQL = (POINT.name, NESTED.name, WIDE.name, MIXED, alone.START)
"""What is measured on PostgreSQL; the peers there answer nothing else."""
NARROWEST = 120

out = Console(highlight=False)
if out.width < NARROWEST:
    out.width = NARROWEST


def main(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="WORKLOAD", help=f"Only this one; may be repeated: {', '.join(ABOUT)}."),
    ] = None,
    peers: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Only these peers, with commas between: "
            + "; on ".join(", ".join(peer.name for peer in of) for of in PEERS_OF.values())
            + ".",
        ),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="The database that the gateway and its peers read.")] = Engine.SQLITE,
    address: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="An empty or seeded PostgreSQL database, postgresql://…. Otherwise a throw-away cluster is started.",
        ),
    ] = "",
    rounds: Annotated[int, typer.Option(min=1, help="How many times each workload is measured.")] = 3,
    seconds: Annotated[int, typer.Option(min=1, help="How long each load takes.")] = 4,
    keep: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="A folder to keep the archive and Node's packages in, or reuse them from."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port of the servers; 0 takes free ones.")] = 0,
    same_head: Annotated[
        bool,
        typer.Option(
            "--same-head",
            help="Send every request with the same headers. Otherwise each has a different traceparent, "
            "as load balancers and tracing clients send it.",
        ),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only compare the answers; measure nothing.")] = False,
    memory: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="REQUESTS",
            help="Also measure memory, over so many point requests with ten thousand different documents, "
            "such as 1000000.",
        ),
    ] = 0,
) -> None:
    """Measures the gateway and its peers, each alone, over one archive, and prints medians and ratios."""
    measurable = ON_POSTGRESQL if engine is Engine.POSTGRESQL else list(ABOUT)
    names = _chosen("workload", only or list(measurable), measurable)
    known = {peer.name: peer for peer in PEERS_OF[engine]}
    chosen = [known[name] for name in _chosen("peer", list(known) if peers is None else peers.split(","), known)]
    if same_head:
        load.LOAD_OPTIONS.add("same-head")
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch:
        folder = (keep or Path(scratch)).resolve()
        try:
            with ExitStack() as stack:
                if engine is Engine.POSTGRESQL and not address:
                    cluster = stack.enter_context(seeded.cluster())
                    address = cluster.url(cluster.database())
                setup = Setup(folder / seeded.NAME, port, Path(scratch), ours=OURS_ON[engine], address=address)
                _run(names, chosen, Effort(rounds, seconds), folder, setup, check, memory)
        except (BenchmarkFailed, TimeoutExpired) as failure:
            raise SystemExit(str(failure)) from failure


def _chosen(noun: str, wanted: list[str], known: Collection[str]) -> list[str]:
    for name in wanted:
        if name not in known:
            raise SystemExit(f"Expected one {noun} of {', '.join(known)}, but got {name!r}.")
    return wanted


def _run(
    names: list[str],
    peers: list[Contender],
    effort: Effort,
    folder: Path,
    setup: Setup,
    check: bool,
    memory: int,
) -> None:
    if not check:
        load.require_wrk()
    for peer, reason in contenders.left_out(peers).items():
        out.print(f"{peer.name} is left out: {reason}.")
        peers.remove(peer)
    engine = setup.ours.engine
    if any(peer.is_node for peer in peers):
        out.print("Installing the Node peers' packages, unless they are there …")
        suffix = "" if engine is Engine.SQLITE else f"-{engine}"
        packages = contenders.install_node_packages(PACKAGES[engine], folder / f"node{suffix}")
        setup = setup._replace(node_packages=packages)
    folder.mkdir(parents=True, exist_ok=True)
    out.print(f"Seeding {seeded.INTERACTIONS:,} interactions, unless they are there …")
    filling = f"filling {seeded.INTERACTIONS:,} interactions"
    rows = {filling: tables.seeding(seeded.seed(setup.archive))}
    if setup.address:
        rows[f"{filling} on PostgreSQL"] = tables.seeding(seeded.seed(setup.address))
        seeded.settle(setup.address)

    everyone = [setup.ours, *peers]
    needed = {*names, POINT.name, WIDE.name} if MIXED in names else set(names)
    chosen = [workload for workload in WORKLOADS if workload.name in needed]
    bodies = {workload: workload.bodies(setup.archive) for workload in chosen}
    refused = answers.compare(everyone, bodies, setup, out.print) if chosen else set()
    if check:
        return
    out.print(
        *(f"{name}: {ABOUT[name]}" for name in names), *(f"{one.name}: {one.about}" for one in everyone), sep="\n"
    )

    @cache
    def file_of(shape: Shape, workload: Workload) -> Path:
        file = setup.scratch / f"{workload.name}-{len(list(setup.scratch.iterdir()))}"
        file.write_text("\n".join(map(shape.body, bodies[workload])))
        return file

    if chosen:
        findings = comparison.compare(
            everyone,
            chosen,
            lambda one, workload: file_of(one.shape, workload),
            names,
            refused,
            setup,
            effort,
            out.print,
        )
        out.print(tables.medians(findings.medians(), everyone, effort, tables.versions(setup, everyone)))
        out.print(tables.ratios(findings.ratios(), peers))

    rows |= _alone(names, setup, effort, memory)
    out.print(tables.alone(rows))


def _alone(names: list[str], setup: Setup, effort: Effort, memory: int) -> dict[str, str]:
    """The measurements of the gateway without any peer."""
    rows: dict[str, str] = {}
    if alone.START in names:
        times = alone.starts_ms(setup)
        rows["from start to ready, median and slowest"] = f"{median(times):,.0f} ms, {max(times):,.0f} ms"
    if alone.WORKERS in names:
        one, two = alone.workers(setup, effort, out.print)
        rows["nested by one worker, by two"] = f"{one:.1f}/s, {two:.1f}/s: {two / one:.2f} ×"
    if alone.SEARCHES in names:
        for name, reads in zip(
            ("by themselves", "beside 8 searches"), alone.beside_searches(setup, effort.seconds), strict=True
        ):
            rows[f"point reads {name}"] = f"{reads.rate:,.0f}/s, p50 {reads.p50_ms:.1f} ms, p99 {reads.p99_ms:.1f} ms"
    if memory:
        grown = alone.growth(setup, memory, out.print)
        rows[f"memory over {grown.requests:,} requests"] = tables.growth(grown)
    return rows


if __name__ == "__main__":
    typer.run(main)
