"""The backups that hold erased rows are found by reading the backups themselves.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import erase, put_canaries
from store.backups.backup import back_up
from store.backups.holders import Holds, holding
from store.engine.protocols import Archive
from store.errors import StoreError
from store.participants import Participant

pytestmark = pytest.mark.of_a_file

PERSON = {"identifier": "+12025550121", "proxy_identifier": "+12025550100"}


async def held_in(archive: Archive, *sids: str) -> dict[str, Holds]:
    return {Path(holder.path).name: holder.state for holder in await holding(archive, sids)}


async def test_the_backups_that_hold_an_erased_row_are_named_and_no_other(archive: Archive, tmp_path: Path) -> None:
    await back_up(archive, tmp_path / "before-it-came.db")
    await put_canaries(archive, [1, 2], Random(1))
    await back_up(archive, tmp_path / "holds-it.db")
    await erase(archive, 1)
    await back_up(archive, tmp_path / "after.db")
    assert await held_in(archive, bodies.sid("KI", 1)) == {"holds-it.db": Holds.HOLDS}
    assert await held_in(archive, bodies.sid("KI", 2)) == {"after.db": Holds.HOLDS, "holds-it.db": Holds.HOLDS}
    assert await held_in(archive, bodies.sid("KI", 3)) == {}
    assert len(await held_in(archive, bodies.sid("KC", 1))) == 3


async def test_no_clock_decides_what_a_backup_holds(archive: Archive, tmp_path: Path) -> None:
    await put_canaries(archive, [1], Random(1))
    await back_up(archive, tmp_path / "copy.db")
    async with archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE backup SET begun_at = '2099-01-01T00:00:00.000Z'")
    await erase(archive, 1)
    assert await held_in(archive, bodies.sid("KI", 1)) == {"copy.db": Holds.HOLDS}


async def test_a_participant_is_held_where_the_backup_has_what_names_the_person(
    archive: Archive, tmp_path: Path
) -> None:
    nameless = dict.fromkeys(Participant.personal)
    await bodies.put(archive, bodies.participant(1) | PERSON, bodies.participant(2) | nameless)
    await back_up(archive, tmp_path / "copy.db")
    assert await held_in(archive, bodies.sid("KP", 1)) == {"copy.db": Holds.HOLDS}
    assert await held_in(archive, bodies.sid("KP", 2)) == {}


async def test_a_backup_that_cant_be_looked_into_may_hold_anything(archive: Archive, tmp_path: Path) -> None:
    for name in ("foreign.db", "damaged.db", "moved.db"):
        await back_up(archive, tmp_path / name)
    (tmp_path / "foreign.db").write_text("something else")
    os.truncate(tmp_path / "damaged.db", 5_000)
    (tmp_path / "moved.db").rename(tmp_path / "elsewhere.db")
    assert await held_in(archive, bodies.sid("KI", 1)) == {
        "foreign.db": Holds.UNREADABLE,
        "damaged.db": Holds.UNREADABLE,
        "moved.db": Holds.GONE,
    }


async def test_an_interrupted_backup_that_cant_be_removed_is_named(archive: Archive, tmp_path: Path) -> None:
    async with archive.writer.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO backup (path, begun_at) VALUES (?, '2026-01-01T00:00:00.000Z')", (str(tmp_path / "copy.db"),)
        )
    assert await held_in(archive, bodies.sid("KI", 1)) == {}
    (tmp_path / "copy.db.incomplete").mkdir()
    assert await held_in(archive, bodies.sid("KI", 1)) == {"copy.db": Holds.UNREADABLE}
    with pytest.raises(StoreError):
        await back_up(archive, tmp_path / "other.db")


async def test_a_backup_that_is_being_made_over_an_older_one_is_named(archive: Archive, tmp_path: Path) -> None:
    """The older one, from before the row, says nothing of the copy that is under way."""
    await back_up(archive, tmp_path / "copy.db")
    await put_canaries(archive, [1], Random(1))
    loop, seen = asyncio.get_running_loop(), list[dict[str, Holds]]()

    def look(done: int, total: int) -> None:
        seen.append(asyncio.run_coroutine_threadsafe(held_in(archive, bodies.sid("KI", 1)), loop).result(60))

    await back_up(archive, tmp_path / "copy.db", progress=look)
    assert seen[0] == {"copy.db": Holds.UNREADABLE}
    assert await held_in(archive, bodies.sid("KI", 1)) == {"copy.db": Holds.HOLDS}


async def test_looking_into_a_backup_leaves_nothing_beside_it(archive: Archive, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    await back_up(archive, folder / "copy.db")
    folder.chmod(0o500)
    try:
        assert await held_in(archive, bodies.sid("KC", 1)) == {"copy.db": Holds.HOLDS}
    finally:
        folder.chmod(0o700)
    assert [file.name for file in folder.iterdir()] == ["copy.db"]
