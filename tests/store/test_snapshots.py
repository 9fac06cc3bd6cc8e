"""An export's snapshot: one state of the archive, for a limited time, without rows that are erased meanwhile."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

import bodies
from bodies import sid
from databases import value
from exporting import exported, wanted
from gateway.export.resources import resources
from gateway.export.run import ExportProgress, RowsErased, export
from store.archive import snapshot
from store.engine.database import Address, Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.errors import SnapshotExpired
from store.exports import snapshots
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.queries.pages import Page

ALL: Page[Any] = Page(resources()["interactions"].spec.relation)
SID = "interaction.sid"
HELD = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
""".strip()


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "ROWS_PER_READ", 2)


@pytest.fixture
async def filled(archive: Archive) -> Archive:
    await bodies.put(archive, *(bodies.interaction(number) for number in range(1, 10)))
    return archive


async def test_rows_that_are_written_meanwhile_are_not_in_the_export(
    filled: Archive, database: Database, tmp_path: Path
) -> None:
    loop, written = asyncio.get_running_loop(), []

    def show(done: ExportProgress) -> None:
        if done.rows == 2:
            changed = bodies.interaction(8, data='{"body": "changed"}')
            work = bodies.put(filled, changed, bodies.interaction(10), bodies.session(2))
            asyncio.run_coroutine_threadsafe(work, loop).result()
            written.append(done)

    content = await asyncio.to_thread(exported, database, tmp_path / "all.jsonl", show=show)
    rows = [orjson.loads(line) for line in content.splitlines()]
    assert written
    assert [(row["sid"], row["body"]) for row in rows] == [
        (sid("KI", number), f"text {number}") for number in range(1, 10)
    ]
    assert len(exported(database, tmp_path / "all.jsonl").splitlines()) == 10


async def test_a_file_with_rows_that_were_erased_meanwhile_is_not_written(
    filled: Archive, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "CLEANING_SECONDS", 0)
    loop, file = asyncio.get_running_loop(), tmp_path / "all.jsonl"

    async def erase() -> None:
        (found,) = await filled.reader().read(Lookup(Interaction), [sid("KI", 1)])
        assert found
        await erasure.request(filled, found, "a test")
        await erasure.erase(filled, sid("KI", 1))

    def show(done: ExportProgress) -> None:
        if done.rows == 2:
            asyncio.run_coroutine_threadsafe(erase(), loop).result()

    with pytest.raises(RowsErased, match="1 of its rows were erased"):
        await asyncio.to_thread(exported, database, file, show=show)
    assert not file.exists()
    # What was erased before, or isn't in the export, stops none.
    others = {"--resource-sid": [sid("SM", 5)]}
    assert len(exported(database, file).splitlines()) == 8
    assert len(exported(database, file, given=others).splitlines()) == 1


async def test_a_snapshot_ends_at_its_limit_even_if_nobody_reads_the_rows(filled: Archive, database: Database) -> None:
    with snapshot(database, 600) as state:
        pages = state.rows(ALL, [SID], [])
        assert next(pages)[0][0] == sid("KI", 1)
        await bodies.put(filled, bodies.interaction(10))
        assert is_state_held(database)
        state.expire()
        state.wait()
        wait_until_released(database)
        with pytest.raises(SnapshotExpired, match="The export was stopped after 600 seconds"):
            list(pages)


async def test_a_timer_enforces_the_limit(filled: Archive, database: Database, tmp_path: Path) -> None:
    with pytest.raises(SnapshotExpired, match="stopped after 1e-06 seconds"):
        await asyncio.to_thread(run_until_expired, database, tmp_path / "all.jsonl")
    assert not (tmp_path / "all.jsonl").exists()


def run_until_expired(database: Database, file: Path) -> None:
    """The timer's thread may need a moment until it runs; then no export is finished."""
    while True:
        export(wanted(database, file, seconds=1e-6), lambda _: None)
        file.unlink()


def is_state_held(database: Database) -> bool:
    """Whether a reader keeps an earlier state, so that the bytes of what was erased since can't be removed.

    On SQLite it keeps the log from being emptied, on PostgreSQL the rows from VACUUM.
    """
    if isinstance(database, Address):
        return bool(value(database, HELD))
    with closing(sqlite3.connect(database)) as connection:
        ((held, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return bool(held)


def wait_until_released(database: Database) -> None:
    """PostgreSQL's process may need a moment to end, after its connection was closed."""
    deadline = time.monotonic() + 30
    while is_state_held(database):
        assert time.monotonic() < deadline


async def test_a_closed_snapshot_holds_no_state(filled: Archive, database: Database) -> None:
    with snapshot(database, 600) as state:
        assert state.count(ALL) == 9
        await bodies.put(filled, bodies.interaction(10))
        assert is_state_held(database)
        assert state.count(ALL) == 9
    wait_until_released(database)
