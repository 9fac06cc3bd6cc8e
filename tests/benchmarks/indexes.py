"""Measures how much the indexes for filters and orders slow writing down: the same rows, with and without them."""

import asyncio
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer
from rich.console import Console
from rich.table import Table

from servers import ROOT

sys.path.insert(0, str(ROOT))

from gateway.demo.seeding import Seed, fill
from store.archive import open_archive

OF_FILTERS = (
    "interaction_by_kind",
    "interaction_by_kind_updated",
    "interaction_by_inbound_resource",
    "interaction_by_outbound_resource",
)
"""The indexes that store/sqlite/migrations/0003_search.sql added to interactions."""
OF_PERSONS = tuple(
    f"interaction_by_{leg}_person{kind}{order}"
    for leg in ("inbound", "outbound")
    for kind in ("", "_any")
    for order in ("", "_updated")
)
"""The indexes that 0012_persons.sql and 0014_persons_by_date.sql added to interactions."""

out = Console(highlight=False, soft_wrap=True)


class Written(NamedTuple):
    """The elapsed and the processor seconds to write all rows, and the file's size in bytes."""

    seconds: float
    processor: float
    size: int


def main(
    sessions: Annotated[int, typer.Option(min=1, help="How many Sessions, of 100 Interactions each.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, help="How many times each is measured.")] = 3,
) -> None:
    """Writes a made-up account with all indexes, and without those that only filters and orders use."""
    seed = Seed(1, 1, sessions, 100)
    found: dict[bool, list[Written]] = {True: [], False: []}
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as scratch:
        for number in range(rounds):
            for indexed, times in found.items():
                times.append(asyncio.run(_write(Path(scratch) / f"{indexed}-{number}.db", seed, indexed)))
    table = Table("", "seconds", "processor seconds", "MB", title=f"Writing {sessions * 100:,} Interactions")
    for indexed, times in found.items():
        seconds, processor, size = (median(values) for values in zip(*times, strict=True))
        label = "with all indexes" if indexed else "without those for filters and orders"
        table.add_row(label, f"{seconds:.1f}", f"{processor:.1f}", f"{size / 2**20:,.0f}")
    out.print(table)


async def _write(database: Path, seed: Seed, indexed: bool) -> Written:
    async with open_archive(database):
        pass
    if not indexed:
        with closing(sqlite3.connect(database)) as connection:
            for name in (*OF_FILTERS, *OF_PERSONS):
                connection.execute(f"DROP INDEX {name}")
    async with open_archive(database) as archive:
        begun, used = time.perf_counter(), time.process_time()
        await fill(archive, seed, lambda _: None)
        await archive.writer.clean()
        seconds, processor = time.perf_counter() - begun, time.process_time() - used
    return Written(seconds, processor, database.stat().st_size)


if __name__ == "__main__":
    typer.run(main)
