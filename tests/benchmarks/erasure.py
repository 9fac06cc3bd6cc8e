"""Measures erasure: how many deletions leave bytes in the file, with and without the scrub, and how long one takes."""

import asyncio
import json
import re
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median
from subprocess import TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.table import Table

import seeded
from servers import ROOT, BenchmarkFailed

sys.path.insert(0, str(ROOT))

from store import twilio_mapping
from store.archive import open_archive
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.services import Service
from store.sessions import Session
from store.sqlite.migrations import FOLDER

REWRITES = 3
LIMIT_SECONDS = 600
SERVICE, SESSION, ACCOUNT = "KS" + "0" * 32, "KC" + "0" * 32, "AC" + "0" * 32
COLUMNS = Interaction.__struct_fields__
WRITE = (
    f"INSERT INTO interaction ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "
    f"ON CONFLICT (sid) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS)}"
)

out = Console(highlight=False, soft_wrap=True)


class Workload(NamedTuple):
    """Rows to write in each transaction, and the numbers of the rows to delete afterwards, one by one."""

    writes: list[list[Interaction]]
    deletions: list[int]


def main(
    deletions: Annotated[int, typer.Option(min=1, help="How many deletions to check for remaining bytes.")] = 2_000,
    timed: Annotated[int, typer.Option(min=1, help="How many deletions to time in the big database.")] = 200,
    keep: Annotated[
        Path | None, typer.Option(file_okay=False, help="The benchmark's folder; only a copy is changed.")
    ] = None,
) -> None:
    """Measures erasure and prints one table."""
    with TemporaryDirectory(prefix="proxygraph-benchmark-") as name:
        scratch = Path(name)
        workload = _workload(deletions)
        out.print(f"Deleting {deletions:,} of {len(workload.writes[0]):,} interactions with secure_delete alone …")
        alone = _left_by_secure_delete(scratch / "alone.db", workload)
        out.print("Deleting the same through the store …")
        scrubbed = asyncio.run(_left_by_the_store(scratch / "scrubbed.db", workload))
        out.print(f"Timing {timed:,} deletions in {seeded.INTERACTIONS:,} interactions …")
        try:
            times = asyncio.run(_times(_copy_of_the_seeded(keep or scratch, scratch), timed))
        except (BenchmarkFailed, TimeoutExpired) as failure:
            raise SystemExit(str(failure)) from failure
    out.print(_table(alone, scrubbed, deletions, times), f"SQLite {sqlite3.sqlite_version}.")


def _workload(deletions: int) -> Workload:
    """Rows in random order, written again with other lengths, so that SQLite moves rows between pages."""
    pick = Random(7)
    numbers = list(range(deletions * 3 // 2))
    pick.shuffle(numbers)
    rewritten = [pick.sample(numbers, len(numbers) // 2) for _ in range(REWRITES)]
    writes = [[_interaction(number, pick) for number in batch] for batch in (numbers, *rewritten)]
    return Workload(writes, pick.sample(numbers, deletions))


def _interaction(number: int, pick: Random) -> Interaction:
    text = _mark(number) + "x" * pick.randrange(60 if pick.random() < 0.97 else 9_000)
    body = {
        "sid": _sid(number),
        "session_sid": SESSION,
        "service_sid": SERVICE,
        "account_sid": ACCOUNT,
        "type": "message",
        "data": json.dumps({"body": text}),
        "url": "u" * pick.randrange(200),
    }
    return twilio_mapping.record(Interaction, body)


def _sid(number: int) -> str:
    return f"KI{number:032x}"


def _mark(number: int) -> str:
    return f"MARK{number:08d}."


def _left(database: Path, workload: Workload) -> int:
    """How many of the deleted rows can still be found in the database's files."""
    content = b"".join(file.read_bytes() for file in database.parent.glob(f"{database.name}*"))
    found = {int(digits) for digits in re.findall(rb"MARK(\d{8})\.", content)}
    return len(found & set(workload.deletions))


def _left_by_secure_delete(database: Path, workload: Workload) -> int:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA secure_delete=ON; PRAGMA synchronous=OFF;")
        for migration in sorted(FOLDER.glob("*.sql")):
            connection.executescript(migration.read_text("utf-8"))
        for rows in workload.writes:
            connection.execute("BEGIN")
            connection.executemany(WRITE, map(msgspec.structs.astuple, rows))
            connection.execute("COMMIT")
        for number in workload.deletions:
            connection.execute("DELETE FROM interaction WHERE sid = ?", (_sid(number),))
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _left(database, workload)


async def _left_by_the_store(database: Path, workload: Workload) -> int:
    async with open_archive(database) as archive:
        async with archive.writer.transaction() as transaction:
            service = twilio_mapping.record(Service, {"sid": SERVICE, "account_sid": ACCOUNT})
            session = twilio_mapping.record(Session, {"sid": SESSION, "service_sid": SERVICE, "account_sid": ACCOUNT})
            await transaction.put([service, session])
        for rows in workload.writes:
            async with archive.writer.transaction() as transaction:
                await transaction.put(rows)
        await _erase(archive, [_sid(number) for number in workload.deletions])
        return _left(database, workload)


async def _erase(archive: Archive, sids: list[str]) -> list[float]:
    """The milliseconds that each erasure took, from its entry in the ledger until the interaction is erased."""
    times = []
    async with asyncio.timeout(LIMIT_SECONDS):
        for interaction in await archive.reader().read(Lookup(Interaction), sids):
            if interaction is None:
                raise BenchmarkFailed("An interaction that was to be deleted is not in the database.")
            begun = time.perf_counter()
            await erasure.request(archive, interaction, "a benchmark")
            await erasure.erase(archive, interaction.sid)
            times.append((time.perf_counter() - begun) * 1_000)
    return times


def _copy_of_the_seeded(folder: Path, scratch: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    database, copy = (folder / seeded.NAME).resolve(), scratch / "copy.db"
    seeded.seed(database)
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


async def _times(database: Path, count: int) -> list[float]:
    async with open_archive(database) as archive:
        sids = [sid for (sid,) in await archive.fetch("SELECT sid FROM interaction ORDER BY sid LIMIT ?", (count,))]
        return await _erase(archive, sids)


def _table(alone: int, scrubbed: int, deletions: int, times: list[float]) -> Table:
    table = Table(title="Erasure", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("deletions that leave bytes, with SQLite's secure_delete alone", f"{alone:,} of {deletions:,}")
    table.add_row("deletions that leave bytes, through the store, which scrubs", f"{scrubbed:,} of {deletions:,}")
    big = f"a deletion in {seeded.INTERACTIONS:,} interactions"
    table.add_row(f"{big}, median of {len(times):,}", f"{median(times):.1f} ms")
    table.add_row(f"{big}, slowest", f"{max(times):.1f} ms")
    return table


if __name__ == "__main__":
    typer.run(main)
