"""Measures filters and orders over 1,000,000 interactions: a page of 50, at the start and in the middle, over HTTP."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import asyncpg
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

import seeded
from contenders import Engine
from servers import HOST, ROOT, BenchmarkFailed, Server, gateway

sys.path.insert(0, str(ROOT))

from measured_lists import Asked, add_hotline, camel_case, everything_asked
from store.archive import open_archive
from store.engine.database import database_of
from store.engine.protocols import Archive
from store.lists.filters import Period

SIZES = {"services": 20, "sessions": 500, "interactions": 100}
NAME = "search.db"
INDEX_SIZES = {
    "sqlite": """
SELECT name, sum(pgsize) / 1048576.0 FROM dbstat WHERE name NOT LIKE 'sqlite_stat%'
GROUP BY name HAVING sum(pgsize) > 1048576 ORDER BY 2 DESC
""",
    "postgresql": """
SELECT relname, pg_relation_size(oid) / 1048576.0 FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 1048576 ORDER BY 2 DESC
""",
}

out = Console(highlight=False, soft_wrap=True, width=120)


class Timed(NamedTuple):
    """The milliseconds of each answer."""

    first: list[float]
    middle: list[float]


def main(
    requests: Annotated[int, typer.Option(min=2, help="How many requests for each filter, order and page.")] = 10,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="A folder where the database is kept for the next time.")
    ] = None,
    engine: Annotated[Engine, typer.Option(help="The engine of the database.")] = Engine.SQLITE,
    address: Annotated[
        str | None, typer.Option(help="A database of PostgreSQL that is kept for the next time, instead of a new one.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Measures only every so many-th list.")] = 1,
) -> None:
    """Measures every set of conditions in every order, and prints one table for each list."""
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch:
        try:
            with _database(keep or Path(scratch), engine, address) as database:
                _seed(database)
                asked, sizes = asyncio.run(_prepare(database))
                with gateway(database, Path(scratch) / "gateway.log") as server:
                    shown = track(asked[::every], "Asking …", console=Console(stderr=True))
                    measured_times = [(one, _time(server, one, requests)) for one in shown]
        except (BenchmarkFailed, subprocess.SubprocessError) as failure:
            raise SystemExit(str(failure)) from failure
        by_list: dict[str, list[tuple[Asked, Timed]]] = {}
        for one, timed in measured_times:
            by_list.setdefault(one.measured.field, []).append((one, timed))
        for field, measured in by_list.items():
            out.print(_table(field, measured))
        out.print(sizes)


@contextmanager
def _database(folder: Path, engine: Engine, address: str | None) -> Iterator[str]:
    """The database as a command's option names it; a new one of PostgreSQL ends with the block."""
    if address:
        yield address
    elif engine is Engine.POSTGRESQL:
        with seeded.cluster() as running:
            yield running.url(running.database())
    else:
        folder.mkdir(parents=True, exist_ok=True)
        yield str((folder / NAME).resolve())


async def _prepare(database: str) -> tuple[list[Asked], Table]:
    """What is asked, and a table of the sizes."""
    async with open_archive(database_of(database), check_for_damage=False) as archive:
        await add_hotline(archive)
        if archive.dialect.name == "postgresql":
            await _vacuum(database)
        return await everything_asked(archive), await _sizes(archive)


async def _vacuum(database: str) -> None:
    """Does now what autovacuum does some minutes after many rows were written: index-only scans need it."""
    connection = await asyncpg.connect(database)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _seed(database: str) -> None:
    begun = time.perf_counter()
    options = [argument for name, size in SIZES.items() for argument in (f"--{name}", str(size))]
    command = [sys.executable, "-m", "gateway", "seed", "--database", database, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1_800)
    if done.returncode:
        raise BenchmarkFailed(f"The database could not be filled: {done.stderr.strip()}")
    out.print(f"{done.stdout.strip().splitlines()[0]} {time.perf_counter() - begun:.0f} s")


def _time(server: Server, asked: Asked, requests: int) -> Timed:
    connection = HTTPConnection(HOST, server.port, timeout=60)
    try:
        # The first answer to each waits for the disk, where the file is larger than what the system has in memory.
        for after in (None, asked.deep):
            _ask(connection, asked, after)
        return Timed(
            [_ask(connection, asked, None) for _ in range(requests)],
            [_ask(connection, asked, asked.deep) for _ in range(requests)],
        )
    finally:
        connection.close()


def _ask(connection: HTTPConnection, asked: Asked, after: str | None) -> float:
    body = json.dumps({"query": asked.measured.query, "variables": {**_variables(asked), "after": after}})
    begun = time.perf_counter()
    connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
    answer = connection.getresponse().read()
    milliseconds = (time.perf_counter() - begun) * 1_000
    if b'"errors"' in answer:
        raise BenchmarkFailed(f"{asked} was answered with errors: {answer[:300]!r}.")
    return milliseconds


def _variables(asked: Asked) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in asked.filter.active():
        if isinstance(value, Period):
            given[camel_case(name)] = {"from": value.since, "before": value.before}
        elif isinstance(value, tuple) and not name.endswith("identifier"):
            given[camel_case(name)] = [word.upper().replace("-", "_") for word in value]
        else:
            given[camel_case(name)] = value
    return {"filter": given, "orderBy": asked.order}


def _table(field: str, measured: list[tuple[Asked, Timed]]) -> Table:
    table = Table(title=f"A page of 50 {field}, in ms at the HTTP boundary", title_justify="left")
    table.add_column("conditions")
    for column in ("first page, median", "p95", "in the middle, median", "p95", "slowest order"):
        table.add_column(column, justify="right")
    groups: dict[str, list[tuple[str, Timed]]] = {}
    for one, timed in measured:
        groups.setdefault(one.label, []).append((one.order, timed))
    for label, members in groups.items():
        slowest = max(members, key=lambda member: _p95([*member[1].first, *member[1].middle]))[0]
        figures = [
            *_worst([timed.first for _, timed in members]),
            *_worst([timed.middle for _, timed in members]),
        ]
        table.add_row(label, *figures, slowest)
    return table


def _worst(members: list[list[float]]) -> tuple[str, str]:
    """The highest median and the highest p95 of several measurements."""
    return f"{max(median(times) for times in members):.1f}", f"{max(map(_p95, members)):.1f}"


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1]


async def _sizes(archive: Archive) -> Table:
    table = Table("table or index", "MB", title="Sizes", title_justify="left")
    for name, size in await archive.fetch(INDEX_SIZES[archive.dialect.name]):
        table.add_row(name, f"{size:,.0f}")
    return table


if __name__ == "__main__":
    typer.run(main)
