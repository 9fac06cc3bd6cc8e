"""A backup is a whole, checked copy of one moment, made while the archive is read and written, and it is noted.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import os
import re
import sqlite3
import stat
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import copy_files, erase, put_canaries
from gateway_under_test import asker
from store.archive import open_archive
from store.backups import backup as backups
from store.backups import online
from store.backups.backup import back_up
from store.backups.notes import Backup, noted
from store.engine.database import file_in
from store.engine.protocols import Archive
from store.errors import BackupRefused, BackupRunning, CopyDamaged, DatabaseError, DatabaseUnreachable
from store.sqlite.cleaning import ANY_UNCLOSED
from store.sqlite.copies.unfinished import backup_lock, incomplete
from store.sqlite.scrub import unallocated

pytestmark = pytest.mark.of_a_file

TABLES = ("archive", "service", "session", "participant", "interaction", "deletion", "access_key", "sync_run")


def rows(database: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}


@pytest.fixture
async def filled(archive: Archive) -> Archive:
    """An archive with so many rows that its copy takes several steps."""
    await bodies.put(archive, bodies.participant(1), bodies.participant(2))
    await put_canaries(archive, list(range(1, 301)), Random(1), large=1)
    return archive


async def test_a_backup_has_every_row_and_is_a_complete_database(filled: Archive, tmp_path: Path) -> None:
    made = (await back_up(filled, tmp_path / "copy.db")).backup
    copy = tmp_path / "copy.db"
    assert rows(copy) == rows(file_in(filled.database))
    assert (made.services, made.sessions, made.participants, made.interactions) == (1, 1, 2, 300)
    assert (made.path, made.bytes) == (str(copy), copy.stat().st_size)
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("copy.db")] == ["copy.db"]
    async with open_archive(copy) as opened:
        (own,) = await noted(opened)
        assert (own.path, own.interactions, own.finished_at) == (made.path, 300, made.begun_at)
        assert (await asker(opened)("{ interactions { totalCount } }"))["data"]["interactions"]["totalCount"] == 300


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
async def test_a_backup_is_for_its_owner_alone_from_the_first_byte(filled: Archive, tmp_path: Path, umask: int) -> None:
    modes = set[int]()

    def look(done: int, total: int) -> None:
        modes.add(stat.S_IMODE(incomplete(tmp_path / "copy.db").stat().st_mode))

    before = os.umask(umask)
    try:
        await back_up(filled, tmp_path / "copy.db", progress=look)
    finally:
        os.umask(before)
    modes.add(stat.S_IMODE((tmp_path / "copy.db").stat().st_mode))
    assert modes == {0o600}


async def test_a_backup_is_of_one_moment_while_others_write_and_nobody_waits_for_it(
    filled: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write and read during the copy completes before the copy continues."""
    monkeypatch.setattr(online, "PAGES_AT_ONCE", 16)
    loop, steps = asyncio.get_running_loop(), 0

    async def write_and_read(number: int) -> int:
        await bodies.put(filled, bodies.interaction(number))
        answer = await asker(filled)("{ interactions { totalCount } }")
        return int(answer["data"]["interactions"]["totalCount"])

    def look(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        assert asyncio.run_coroutine_threadsafe(write_and_read(1_000 + steps), loop).result(60) == 300 + steps

    made = (await back_up(filled, tmp_path / "copy.db", progress=look)).backup
    assert steps > 10
    assert made.interactions == len(rows(tmp_path / "copy.db")["interaction"]) == 300


def erasing_at_the_first_step(archive: Archive) -> tuple[Callable[[int, int], None], list["Future[None]"]]:
    """A progress callback that erases row 7 at the first step; the cleaning runs during the copy."""
    loop, erasures = asyncio.get_running_loop(), list[Future[None]]()

    def look(done: int, total: int) -> None:
        if not erasures:
            erasures.append(asyncio.run_coroutine_threadsafe(erase(archive, 7), loop))
            with closing(sqlite3.connect(file_in(archive.database))) as watching:
                while not watching.execute(ANY_UNCLOSED).fetchone()[0]:
                    pass

    return look, erasures


async def test_a_backup_begins_again_where_an_erasure_waits_for_it(filled: Archive, tmp_path: Path) -> None:
    look, erasures = erasing_at_the_first_step(filled)
    made = (await back_up(filled, tmp_path / "copy.db", progress=look)).backup
    await asyncio.wrap_future(erasures[0])
    assert made.interactions == 299
    assert b"CANARY000007." not in (tmp_path / "copy.db").read_bytes()
    assert b"CANARY000008." in (tmp_path / "copy.db").read_bytes()


async def test_erasures_without_end_do_not_keep_a_backup_from_being_made(
    filled: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last attempt continues to its end; the erasure is complete after the copy."""
    monkeypatch.setattr(online, "MAX_RESTARTS", 0)
    look, erasures = erasing_at_the_first_step(filled)
    made = (await back_up(filled, tmp_path / "copy.db", progress=look)).backup
    await asyncio.wrap_future(erasures[0])
    assert made.interactions == 300
    assert list(await filled.fetch("SELECT closed_at IS NOT NULL FROM deletion")) == [(1,)]


async def test_no_copy_of_a_row_is_in_a_backups_unallocated_space(filled: Archive, tmp_path: Path) -> None:
    """The log has pages that were not scrubbed yet; an erased row must be gone from them too."""
    pick = Random(5)
    for _ in range(4):
        await put_canaries(filled, pick.sample(range(1, 901), 500), pick)
    copy_files(file_in(filled.database), tmp_path / "raw.db")
    with closing(sqlite3.connect(tmp_path / "raw.db")) as raw:
        raw.execute("SELECT count(*) FROM interaction").fetchall()
    await back_up(filled, tmp_path / "copy.db")
    assert [remains(tmp_path / name) for name in ("raw.db", "copy.db")] == [True, False]


def remains(database: Path) -> bool:
    content = database.read_bytes()
    for at in range(4096, len(content), 4096):
        start, end = unallocated(content[at : at + 4096]) or (0, 0)
        if re.search(rb"CANARY\d", content[at + start : at + end]):
            return True
    return False


async def test_a_damaged_archive_makes_no_backup_and_the_one_before_stays(filled: Archive, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    await back_up(filled, target)
    before = target.read_bytes()
    async with filled.writer.transaction() as transaction:
        # An index that lacks a row: what only the whole check finds.
        await transaction.execute("PRAGMA writable_schema=ON")
        await transaction.execute(
            "UPDATE sqlite_schema SET sql = sql || ' WHERE sid > ''' || ? || '''' WHERE name = ?",
            (bodies.sid("KI", 100), "interaction_by_date"),
        )
        await transaction.execute("PRAGMA writable_schema=OFF")
    with pytest.raises(CopyDamaged, match="interaction_by_date"):
        await back_up(filled, target)
    assert target.read_bytes() == before
    assert not incomplete(target).exists()
    assert [backup.finished_at is not None for backup in await noted(filled)] == [True]


async def test_a_copy_with_other_rows_than_the_archive_is_no_backup(
    filled: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_a_row(connection: sqlite3.Connection, file: int, numbers: set[int]) -> None:
        connection.execute("DELETE FROM interaction WHERE sid = ?", (bodies.sid("KI", 1),))

    monkeypatch.setattr(backups, "clean_copy", lose_a_row)
    with pytest.raises(CopyDamaged, match=r"Expected .* 300 interactions in .*, but got .* 299 interactions\."):
        await back_up(filled, tmp_path / "copy.db")
    assert await noted(filled) == []
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.parametrize("name", ["archive.db", "archive.db-wal", "archive.db-lock"])
async def test_a_backup_never_gets_the_name_of_a_file_of_the_archive(filled: Archive, name: str) -> None:
    with pytest.raises(BackupRefused, match="is a file of the archive itself"):
        await back_up(filled, file_in(filled.database).with_name(name))


async def test_a_backup_replaces_a_backup_and_nothing_else(filled: Archive, tmp_path: Path) -> None:
    somebodys = tmp_path / "letter.txt"
    somebodys.write_text("precious")
    with pytest.raises(BackupRefused, match="is no backup that this archive has made"):
        await back_up(filled, somebodys)
    assert somebodys.read_text() == "precious"
    for number in (1, 2):
        await bodies.put(filled, bodies.interaction(1_000 + number))
        await back_up(filled, tmp_path / "copy.db")
    assert [backup.interactions for backup in await noted(filled)] == [302]
    assert len(rows(tmp_path / "copy.db")["interaction"]) == 302


async def test_a_place_that_cant_be_written_is_a_sentence(filled: Archive, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnreachable, match="There is no folder"):
        await back_up(filled, tmp_path / "missing" / "copy.db")
    assert await noted(filled) == []


async def test_only_one_backup_of_an_archive_is_made_at_a_time(filled: Archive, tmp_path: Path) -> None:
    with backup_lock(file_in(filled.database)), pytest.raises(BackupRunning, match=r"Another backup of .* is running"):
        await back_up(filled, tmp_path / "copy.db")


async def test_a_cancelled_backup_leaves_nothing(filled: Archive, tmp_path: Path) -> None:
    loop, begun, cancelled = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def look(done: int, total: int) -> None:
        loop.call_soon_threadsafe(begun.set)
        cancelled.wait(30)

    online_pages = online.PAGES_AT_ONCE
    vars(online)["PAGES_AT_ONCE"] = 1
    try:
        making = asyncio.create_task(back_up(filled, tmp_path / "copy.db", progress=look))
        await begun.wait()
        making.cancel()
        await asyncio.sleep(0)
        cancelled.set()
        with pytest.raises(asyncio.CancelledError):
            await making
    finally:
        vars(online)["PAGES_AT_ONCE"] = online_pages
    assert await noted(filled) == []
    assert not [file for file in tmp_path.iterdir() if file.name.startswith("copy.db")]


async def test_a_backup_that_was_whole_before_it_was_cancelled_is_noted(filled: Archive, tmp_path: Path) -> None:
    """Otherwise the archive would not know of a file that has what is erased later."""
    loop, copied, cancelled = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def look(done: int, total: int) -> None:
        if done == total:
            loop.call_soon_threadsafe(copied.set)
            cancelled.wait(30)

    making = asyncio.create_task(back_up(filled, tmp_path / "copy.db", progress=look))
    await copied.wait()
    making.cancel()
    await asyncio.sleep(0)
    cancelled.set()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert [backup.path for backup in await noted(filled) if backup.finished_at] == [str(tmp_path / "copy.db")]


async def test_a_folder_keeps_as_many_dated_backups_as_asked(filled: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "archive-20200101T000000Z.db").write_text("not ours")
    await back_up(filled, folder / "before-the-upgrade.db")
    for day in range(1, 5):
        path = folder / f"archive-2026010{day}T000000Z.db"
        await back_up(filled, path, keep=3 if day == 4 else None)
    assert {file.name for file in folder.iterdir()} == {
        "archive-20200101T000000Z.db",
        "before-the-upgrade.db",
        *(f"archive-2026010{day}T000000Z.db" for day in (2, 3, 4)),
    }
    assert len(await noted(filled)) == 4
    made = await back_up(filled, folder, keep=1)
    assert re.fullmatch(r"archive-\d{8}T\d{6}Z\.db", Path(made.backup.path).name)
    assert sorted(made.removed) == [str(folder / f"archive-2026010{day}T000000Z.db") for day in (2, 3, 4)]


async def test_a_file_that_may_not_be_written_makes_no_backup_that_nobody_knows_of(
    filled: Archive, tmp_path: Path
) -> None:
    """The note comes before the first row is copied."""
    seen = list[list[Backup]]()
    loop = asyncio.get_running_loop()

    def look(done: int, total: int) -> None:
        seen.append(asyncio.run_coroutine_threadsafe(noted(filled), loop).result(60))

    await back_up(filled, tmp_path / "copy.db", progress=look)
    assert [(note.path, note.finished_at) for note in seen[0]] == [(str(tmp_path / "copy.db"), None)]
    file_in(filled.database).chmod(0o400)
    with pytest.raises(DatabaseError):
        async with open_archive(file_in(filled.database)) as archive:
            await back_up(archive, tmp_path / "other.db")
    file_in(filled.database).chmod(0o600)
    assert not (tmp_path / "other.db").exists()
