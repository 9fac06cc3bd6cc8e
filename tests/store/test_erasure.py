"""An erased Interaction leaves no byte, and never comes back."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import canary, erase, put_canaries
from databases import held
from store import interactions
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.queries.pages import Count
from store.sqlite import migrations
from store.sqlite.opening import prepare
from store.sqlite.scrub import unallocated

LONG = 0.03
"""The share of the messages that are longer than a page of the database."""


def traces(database: Database, numbers: list[int]) -> list[int]:
    """Which of the canaries the database holds."""
    found = {int(digits) for digits in re.findall(rb"CANARY(\d{6})", held(database))}
    return [number for number in numbers if number in found]


async def test_no_byte_of_an_erased_body_is_left(archive: Archive, database: Database) -> None:
    await put_canaries(archive, [1, 2, 3], Random(1), LONG)
    assert traces(database, [1, 2, 3]) == [1, 2, 3]
    await erase(archive, 2)
    assert traces(database, [1, 2, 3]) == [1, 3]


@pytest.mark.of_a_file
async def test_no_byte_is_left_where_pages_were_rebuilt(archive: Archive, database: Path) -> None:
    """Growing and erasing rows makes SQLite move rows between pages; see store/sqlite/scrub.py."""
    pick = Random(7)
    numbers = list(range(1, 2_001))
    pick.shuffle(numbers)
    await put_canaries(archive, numbers, pick, LONG)
    for _ in range(3):
        await put_canaries(archive, pick.sample(numbers, 1_000), pick, LONG)
    doomed = pick.sample(numbers, 1_400)
    for start in range(0, len(doomed), 200):
        await erase(archive, *doomed[start : start + 200])
        assert traces(database, doomed[: start + 200]) == []
    (left,) = await archive.reader().read(Count(interactions.ALL), [None])
    assert left == 600
    assert [tuple(row) for row in await archive.fetch("PRAGMA integrity_check")] == [("ok",)]


@pytest.mark.of_a_file
async def test_a_migration_leaves_no_copies_behind(database: Path, tmp_path: Path) -> None:
    """At the next start, the log left by a crash is checkpointed."""
    pick, numbers = Random(7), list(range(1, 2_001))
    for file in migrations.FOLDER.glob("*.sql"):
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / f"{migrations.latest(tmp_path) + 1:04d}_note.sql").write_text(
        "ALTER TABLE archive ADD COLUMN note TEXT;"
    )
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1))
        await put_canaries(archive, numbers, pick, LONG)
        for _ in range(3):
            await put_canaries(archive, pick.sample(numbers, 1_000), pick, LONG)
        crashed = database.with_name("crashed.db")
        crashed.write_bytes(database.read_bytes())
        crashed.with_name("crashed.db-wal").write_bytes(database.with_name(f"{database.name}-wal").read_bytes())
    prepare(crashed, tmp_path).close()
    content = crashed.read_bytes()
    for number in range(len(content) // 4096):
        page = content[number * 4096 :][:4096]
        start, end = unallocated(page, 100 if number == 0 else 0) or (0, 0)
        assert not any(page[start:end])


async def test_an_erased_row_that_is_written_again_stays_out(archive: Archive) -> None:
    await put_canaries(archive, [1], Random(1), LONG)
    await erase(archive, 1)
    await put_canaries(archive, [1, 2], Random(1), LONG)
    found = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", 1), bodies.sid("KI", 2)])
    assert [row and row.sid for row in found] == [None, bodies.sid("KI", 2)]


async def test_the_ledger_has_the_deletion_without_its_content(archive: Archive) -> None:
    await put_canaries(archive, [1], Random(1), LONG)
    await erase(archive, 1)
    (entry,) = [tuple(row) for row in await archive.fetch("SELECT * FROM deletion")]
    assert entry[:9] == (
        bodies.sid("KI", 1),
        bodies.sid("KC", 1),
        bodies.sid("KS", 1),
        bodies.ACCOUNT,
        bodies.sid("SM", 1),
        "message",
        bodies.sid("MM", 1),
        "message",
        "a test",
    )
    moments = entry[9 : 12 if archive.writer.cleans_at_once else 11]
    assert all(moments), "intended, erased and closed each have their moment"
    assert "CANARY" not in repr(entry)


@pytest.mark.of_a_file
async def test_copies_made_before_a_migration_are_deleted_by_an_erasure(archive: Archive, database: Path) -> None:
    await put_canaries(archive, [1], Random(1), LONG)
    copy = database.with_name(f"{database.name}.version-0")
    copy.write_text(canary(1))
    await erase(archive, 1)
    assert not copy.exists()


@pytest.mark.of_a_file
async def test_a_reader_that_blocks_the_checkpoint_keeps_the_entry_open_until_it_ends(
    archive: Archive, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_canaries(archive, [1, 2], Random(1), LONG)
    monkeypatch.setattr(erasure, "CLEANING_SECONDS", 0)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM interaction").fetchall()
        await erase(archive, 1)
        (entry,) = await ledger.entries(archive)
        assert (entry.sid, entry.state) == (bodies.sid("KI", 1), "erased")
        assert "still reads an earlier state" in (entry.waits_for or "")
        other.execute("COMMIT")
    assert await erasure.recover(archive) == 1
    assert traces(database, [1, 2]) == [2]
    (entry,) = await ledger.entries(archive)
    assert (entry.state, entry.waits_for) == ("closed", None)
    assert await erasure.recover(archive) == 0


async def test_a_deletion_requested_before_a_crash_is_finished_at_the_next_start(database: Database) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1))
        await put_canaries(archive, [1, 2], Random(1), LONG)
        (found,) = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", 1)])
        assert found
        await erasure.request(archive, found, "a test")
    async with open_archive(database) as archive:
        assert await erasure.recover(archive) == 1
        assert traces(database, [1, 2]) == [2]
