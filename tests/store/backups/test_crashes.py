"""A backup or a restore that is killed anywhere leaves what was there, or what it was to make, and never half of it.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import canary, erase, put_canaries
from crashing_process import crash, crashing
from store.archive import open_archive
from store.backups.backup import back_up
from store.backups.holders import Holds, holding
from store.backups.notes import noted

pytestmark = [pytest.mark.of_a_file, pytest.mark.processes]

MESSAGES = list(range(1, 31))
ERASED = 7


def is_whole(database: Path) -> bool:
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def rows(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        ((number,),) = connection.execute("SELECT count(*) FROM interaction").fetchall()
        return int(number)


@pytest.fixture
def made(one_session: Path, tmp_path: Path) -> Path:
    """A folder with an archive of some messages, its backup, and one message that was erased after it."""
    folder = tmp_path / "made"
    folder.mkdir()
    database = folder / "archive.db"
    shutil.copy(one_session, database)

    async def fill() -> None:
        async with open_archive(database) as archive:
            await put_canaries(archive, MESSAGES, Random(1), large=0.2)
            await back_up(archive, folder / "copy.db")
            await erase(archive, ERASED)
            await put_canaries(archive, [100, 101], Random(1))

    asyncio.run(fill())
    return folder


async def test_a_killed_backup_is_whole_or_not_there_and_an_erasure_removes_what_is_left(
    one_session: Path, tmp_path: Path
) -> None:
    outcomes: list[str] = []
    with crashing("crashing_backups.py") as process:
        while not outcomes or outcomes[-1] == "killed":
            folder = tmp_path / str(len(outcomes))
            folder.mkdir()
            database, file = folder / "archive.db", folder / "copy.db"
            shutil.copy(one_session, database)
            async with open_archive(database) as archive:
                await put_canaries(archive, MESSAGES, Random(1), large=0.2)
            outcomes.append(crash(process, "backup", database, file, len(outcomes) + 1))
            assert not file.exists() or (is_whole(file) and rows(file) == len(MESSAGES))
            async with open_archive(database) as archive:
                await erase(archive, ERASED)
                held = await holding(archive, [bodies.sid("KI", ERASED)])
                # Each copy that is left is known, and it is the whole one.
                assert [(holder.path, holder.state) for holder in held] == [(str(file), Holds.HOLDS)] * file.exists()
                assert all(note.finished_at for note in await noted(archive))
            left = [path.name for path in folder.iterdir() if canary(ERASED).encode() in path.read_bytes()]
            assert left == ["copy.db"] * file.exists()
            shutil.rmtree(folder)
    assert outcomes[-1] == "done"
    assert len(outcomes) > 60


async def test_a_restore_that_is_killed_anywhere_leaves_the_old_archive_or_the_new_one(
    made: Path, tmp_path: Path
) -> None:
    """And whichever is there, the erased message is in no file of it once it is opened."""
    outcomes: list[str] = []
    found: set[int] = set()
    with crashing("crashing_backups.py") as process:
        while not outcomes or outcomes[-1] == "killed":
            folder = tmp_path / str(len(outcomes))
            shutil.copytree(made, folder)
            database, file = folder / "archive.db", folder / "copy.db"
            outcomes.append(crash(process, "restore", database, file, len(outcomes) + 1))
            assert canary(ERASED).encode() not in database.read_bytes()
            found.add(rows(database))
            async with open_archive(database) as archive:
                assert list(await archive.fetch("SELECT count(*) FROM deletion WHERE closed_at IS NOT NULL")) == [(1,)]
                assert [tuple(row) for row in await archive.fetch("PRAGMA integrity_check")] == [("ok",)]
            holding_it = {path.name for path in folder.rglob("*") if path.is_file() and contains_it(path)}
            assert holding_it == {"copy.db"}
            assert not (folder / "archive.db.restoring").exists()
            shutil.rmtree(folder)
    assert outcomes[-1] == "done"
    assert len(outcomes) > 100
    assert found == {len(MESSAGES) + 1, len(MESSAGES) - 1}


def contains_it(path: Path) -> bool:
    return canary(ERASED).encode() in path.read_bytes()


def test_a_restore_that_is_killed_where_no_archive_was_leaves_none_or_the_new_one(made: Path, tmp_path: Path) -> None:
    outcomes: list[str] = []
    found: set[int] = set()
    with crashing("crashing_backups.py") as process:
        while not outcomes or outcomes[-1] == "killed":
            folder = tmp_path / str(len(outcomes))
            folder.mkdir()
            outcomes.append(crash(process, "restore", folder / "new.db", made / "copy.db", 3 * len(outcomes) + 1))
            asyncio.run(opened(folder / "new.db"))
            found.add(rows(folder / "new.db"))
            shutil.rmtree(folder)
    assert outcomes[-1] == "done"
    assert found == {0, len(MESSAGES)}


async def opened(database: Path) -> None:
    """Opens the archive, as the next start does."""
    async with open_archive(database):
        pass
