"""The ledger closes an entry only when no byte of the row is left in SQLite's file, whatever fails before."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from random import Random
from shutil import copy

import pytest

import bodies
from canaries import copy_files, put_canaries
from crashing_process import crash, crashing
from store.archive import open_archive
from store.engine.protocols import Archive
from store.erasure import interactions, ledger
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sqlite import migrations, scrub

pytestmark = pytest.mark.of_a_file
NUMBERS = range(1, 901)


def traces(database: Path) -> set[int]:
    """The numbers of the rows whose bodies are in the files."""
    content = b"".join(file.read_bytes() for file in database.parent.iterdir() if file.name.startswith(database.name))
    return {int(digits) for digits in re.findall(rb"CANARY(\d{6})", content)}


def left_behind(database: Path) -> list[str]:
    """The rows of which a copy is in another page's unallocated space, once SQLite has moved its log by itself.

    Deleting such a row does not touch that page, so it has to be known that it was moved.
    """
    with closing(sqlite3.connect(database)) as other:
        other.execute("SELECT count(*) FROM interaction").fetchall()
    content, found = database.read_bytes(), set[int]()
    for at in range(4096, len(content), 4096):
        page = content[at : at + 4096]
        start, end = scrub.unallocated(page) or (0, 0)
        copies, own = (re.findall(rb"CANARY(\d{6})", part) for part in (page[start:end], page[:start] + page[end:]))
        found |= {int(digits) for digits in copies if digits not in own}
    return [bodies.sid("KI", number) for number in sorted(found)]


@pytest.fixture(scope="module", params=[(5, 0, 4), (3, 0.03, 4)], ids=["small", "large"])
def rebuilt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as left by a crash: its log has pages that SQLite has rebuilt, with copies of rows in them.

    The erasure of those rows is intended.
    """
    first_seed, large, rounds = request.param

    async def made(seed: int) -> Path | None:
        """The database by this seed; None if SQLite left no copy behind, which depends on the table's columns too."""
        database = tmp_path_factory.mktemp("rebuilt") / "archive.db"
        copy = database.with_name("rebuilt.db")
        pick, numbers = Random(seed), list(NUMBERS)
        pick.shuffle(numbers)
        async with open_archive(database) as archive:
            await bodies.put(archive, bodies.service(1), bodies.session(1))
            await put_canaries(archive, numbers, pick, large)
            for _ in range(rounds):
                await put_canaries(archive, pick.sample(numbers, 500), pick, large)
            moved = database.with_name("moved.db")
            copy_files(database, moved)
            sids = left_behind(moved)
            for found in await archive.reader().read(Lookup(Interaction), sids):
                assert found
                await interactions.request(archive, found, "a test")
            copy_files(database, copy)
        return copy if sids else None

    return next(path for seed in range(first_seed, first_seed + 20) if (path := asyncio.run(made(seed))))


async def demand_clean(database: Path) -> None:
    """Starts after a crash, checks that each entry is closed, and searches for every erased body."""
    async with open_archive(database, check_for_damage=False) as archive:
        await interactions.recover(archive)
        entries = await ledger.entries(archive)
        assert {entry.state for entry in entries} == {"closed"}
        held = {int(sid[2:], 16) for (sid,) in await archive.fetch("SELECT sid FROM interaction")}
        assert traces(database) == held & set(NUMBERS)
    assert traces(database) == held & set(NUMBERS)


@pytest.mark.processes
@pytest.mark.parametrize("what", ["erase", "write"])
async def test_no_byte_is_left_after_a_crash_at_any_line_of_the_cleaning(
    rebuilt: Path, tmp_path: Path, what: str
) -> None:
    """The lines include that between the checkpoint and the scrub; "write" is a write that makes the log too long."""
    outcomes: list[str] = []
    with crashing("crashing.py") as process:
        while not outcomes or outcomes[-1] == "killed":
            database = tmp_path / f"{len(outcomes)}.db"
            copy_files(rebuilt, database)
            outcomes.append(crash(process, database, what, len(outcomes) + 1))
            await demand_clean(database)
            for file in tmp_path.iterdir():
                file.unlink()
    assert outcomes[-1] == "done"
    assert len(outcomes) > 30


async def erase_the_rows(archive: Archive) -> None:
    """The part of an erasure before the cleaning."""
    async with archive.writer.transaction() as transaction:
        sids = [entry.sid for entry in await ledger.entries(archive)]
        await transaction.execute(interactions.ERASE, {"sids": json.dumps(sids)})
        await ledger.mark_erased(transaction, sids)


@contextmanager
def reader(database: Path) -> Iterator[sqlite3.Connection]:
    """A program that reads the current state until the end of the block."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM interaction").fetchall()
        yield connection


async def test_small_writes_that_restart_the_log_during_a_read_lose_no_page(rebuilt: Path, tmp_path: Path) -> None:
    """A reader of the newest state prevents emptying the log, but not overwriting it from its start."""
    database = tmp_path / "archive.db"
    log = database.with_name("archive.db-wal")
    copy_files(rebuilt, database)
    async with open_archive(database, check_for_damage=False) as archive:
        await erase_the_rows(archive)
        with reader(database):
            assert await archive.writer.clean() is not None, "and the ledger says why, which is written to the log too"
        with reader(database):
            assert await archive.writer.clean() is not None
            others = reader(database)
            others.__enter__()
        length, salt = log.stat().st_size, log.read_bytes()[16:24]
        for number in range(160):
            await bodies.put(archive, bodies.interaction(4_000, url="u" * number))
        assert log.stat().st_size >= length
        assert log.read_bytes()[16:24] != salt, "the log was overwritten"
        assert {entry.state for entry in await ledger.entries(archive)} == {"erased"}
        others.__exit__(None, None, None)
    await demand_clean(database)


async def test_a_page_in_the_writers_cache_brings_nothing_back(rebuilt: Path, tmp_path: Path) -> None:
    """Rows are written to pages that were scrubbed in the file, but that SQLite may have cached unscrubbed."""
    database = tmp_path / "archive.db"
    copy_files(rebuilt, database)
    async with open_archive(database, check_for_damage=False) as archive:
        doomed = [entry.sid for entry in await ledger.entries(archive)]
        for sid in doomed:
            await interactions.erase(archive, sid)
            async with archive.writer.transaction() as transaction:
                await transaction.execute("UPDATE interaction SET url = ?", (f"v{sid[-1]}",))
            gone = {int(sid[2:], 16) for sid in doomed[: doomed.index(sid) + 1]}
            assert traces(database).isdisjoint(gone)


async def test_a_log_checkpointed_by_another_program_is_noticed(rebuilt: Path, tmp_path: Path) -> None:
    """For example, SQLite's shell opens the database after a crash; closing it checkpoints and deletes the log."""
    database, left = tmp_path / "archive.db", tmp_path / "left.db"
    copy_files(rebuilt, database)
    async with open_archive(database, check_for_damage=False) as archive:
        await erase_the_rows(archive)
        copy_files(database, left)
    with closing(sqlite3.connect(left)) as other:
        other.execute("SELECT count(*) FROM interaction").fetchall()
    assert not left.with_name("left.db-wal").exists()
    await demand_clean(left)


async def test_closing_during_a_read_leaves_the_log_to_the_next_start(rebuilt: Path, tmp_path: Path) -> None:
    database = tmp_path / "archive.db"
    copy_files(rebuilt, database)
    async with AsyncExitStack() as stack:
        archive = await stack.enter_async_context(open_archive(database, check_for_damage=False))
        await erase_the_rows(archive)
        with reader(database):
            await stack.aclose()
    assert database.with_name("archive.db-wal").stat().st_size
    await demand_clean(database)


async def test_closing_after_a_failed_cleaning_leaves_the_log_to_the_next_start(rebuilt: Path, tmp_path: Path) -> None:
    """SQLite would checkpoint the log when the last connection closes, and nobody would know which pages to scrub."""
    database = tmp_path / "archive.db"
    copy_files(rebuilt, database)
    page_list = database.with_name("archive.db-to-clean")
    page_list.unlink()
    page_list.mkdir()
    async with open_archive(database, check_for_damage=False) as archive:
        log = archive.log_bytes()
    assert database.with_name("archive.db-wal").stat().st_size == log > 0
    page_list.rmdir()
    await demand_clean(database)


async def test_an_entry_that_cant_be_cleaned_stays_open_and_says_why(
    archive: Archive, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "CLEANING_SECONDS", 0)
    await put_canaries(archive, list(NUMBERS[:200]), Random(1))
    page_list = database.with_name(f"{database.name}-to-clean")
    page_list.mkdir()
    await erase_number_one(archive)
    (entry,) = await ledger.entries(archive)
    assert entry.state == "erased"
    assert str(page_list) in (entry.waits_for or "")
    page_list.rmdir()
    with monkeypatch.context() as patched:
        patched.setattr(scrub, "unallocated", lambda page, header: None)
        assert await archive.writer.clean() is not None
    (entry,) = await ledger.entries(archive)
    assert "are damaged and can't be cleaned" in (entry.waits_for or "")
    assert await archive.writer.clean() is None
    (entry,) = await ledger.entries(archive)
    assert (entry.state, entry.waits_for) == ("closed", None)
    assert 1 not in traces(database)


async def test_a_copy_that_cant_be_removed_keeps_the_entry_open(
    archive: Archive, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactions, "CLEANING_SECONDS", 0)
    await put_canaries(archive, [1], Random(1))
    copy = database.with_name(f"{database.name}.version-3")
    copy.mkdir()
    await erase_number_one(archive)
    (entry,) = await ledger.entries(archive)
    assert entry.state == "erased"
    assert str(copy) in (entry.waits_for or "")


async def erase_number_one(archive: Archive) -> None:
    (found,) = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", 1)])
    assert found
    await interactions.request(archive, found, "a test")
    await interactions.erase(archive, found.sid)


@pytest.mark.parametrize(
    ("name", "neighbour"),
    [("[prod].db", "p.db"), ("a?c.db", "abc.db"), ("*.db", "x.db"), ("a.db", "a.db.version-1.db")],
)
async def test_a_copy_is_found_by_its_exact_name(one_session: Path, tmp_path: Path, name: str, neighbour: str) -> None:
    database = tmp_path / name
    copy(one_session, database)
    mine, others = tmp_path / f"{name}.version-1", tmp_path / f"{neighbour}.version-1"
    mine.write_text("CANARY000001")
    others.write_text("somebody else's")
    async with open_archive(database) as archive:
        await put_canaries(archive, [1], Random(1))
        assert migrations.copies(database) == [mine]
        await erase_number_one(archive)
    assert not mine.exists()
    assert others.read_text() == "somebody else's"
