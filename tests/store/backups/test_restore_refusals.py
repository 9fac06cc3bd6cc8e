"""What a restore refuses, so that no deletion is forgotten and nothing is replaced that is no archive.

These tests are of SQLite's file, so they run on no other engine.
"""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

import bodies
from canaries import MESSAGES, canary, content, erase, messages, sids
from store import keys
from store.archive import open_archive
from store.backups.backup import back_up
from store.backups.notes import noted
from store.backups.restore import Restored, restore
from store.erasure import ledger
from store.errors import CopyDamaged, DatabaseError, DatabaseForeign, RestoreRefused
from store.sqlite.copies.unfinished import staging

pytestmark = pytest.mark.of_a_file


@pytest.mark.parametrize("as_json", [True, False], ids=["printed", "archive"])
async def test_a_ledger_that_was_kept_elsewhere_is_replayed(
    database: Path, backup: Path, tmp_path: Path, as_json: bool
) -> None:
    """The disk is gone, and with it the archive."""
    elsewhere = tmp_path / "backups" / "ledger"
    async with open_archive(database) as archive:
        await erase(archive, 3)
        if as_json:
            elsewhere.write_bytes(msgspec.json.encode(await ledger.entries(archive)))
        else:
            await back_up(archive, elsewhere)
    for file in tmp_path.iterdir():
        if file.is_file():
            file.unlink()
    assert restore(backup, database).erased_again.interactions == []
    assert not restore(backup, database, sure=True).has_other_ledger
    restored = restore(backup, database, ledger=elsewhere, sure=True)
    assert restored.erased_again.interactions == [bodies.sid("KI", 3)]
    assert canary(3).encode() not in content(database)


async def test_a_key_that_any_ledger_knows_to_be_revoked_stays_revoked(database: Path, backup: Path) -> None:
    later = backup.with_name("later.db")
    async with open_archive(database) as archive:
        await keys.create(archive, "console", ("read",), None)
        await back_up(archive, backup)
        await keys.revoke(archive, "console")
        await back_up(archive, later)
        # As where the archive is itself a backup that was put back.
        async with archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE access_key SET revoked_at = NULL")
    restore(backup, database, ledger=later, sure=True)
    async with open_archive(database) as archive:
        assert [key.revoked_at is not None for key in await keys.keys(archive)] == [True]


async def test_a_ledger_of_another_account_or_none_at_all_is_refused(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    async with open_archive(database) as archive:
        await erase(archive, 3)
        entries = [msgspec.structs.replace(e, account_sid="AC" + "9" * 32) for e in await ledger.entries(archive)]
    other, none = tmp_path / "backups" / "other.json", tmp_path / "backups" / "letter.txt"
    other.write_bytes(msgspec.json.encode(entries))
    none.write_text("Dear Sir")
    with pytest.raises(RestoreRefused, match="Expected a ledger of the account AC0"):
        restore(backup, database, ledger=other, sure=True)
    with pytest.raises(RestoreRefused, match="which is neither"):
        restore(backup, database, ledger=none, sure=True)
    with pytest.raises(RestoreRefused, match="can't be read"):
        restore(backup, database, ledger=tmp_path / "missing", sure=True)
    assert sids(database) == messages(*MESSAGES) - messages(3)


async def test_a_damaged_archive_is_replaced_but_not_without_its_ledger(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    async with open_archive(database) as archive:
        await erase(archive, 3)
        printed = tmp_path / "backups" / "ledger.json"
        printed.write_bytes(msgspec.json.encode(await ledger.entries(archive)))
        ((root,),) = await archive.fetch("SELECT rootpage FROM sqlite_schema WHERE name = 'deletion'")
        ((page_size,),) = await archive.fetch("PRAGMA page_size")
    with database.open("r+b") as file:
        file.seek((root - 1) * page_size)
        file.write(b"\x55" * page_size)
    with pytest.raises(RestoreRefused, match="Add --yes to replace it"):
        restore(backup, database)
    with pytest.raises(RestoreRefused, match=r"The ledger of .* can't be read .* Name another ledger with --ledger"):
        restore(backup, database, sure=True)
    restored = restore(backup, database, ledger=printed, sure=True)
    assert (restored.has_ledger_of_archive, restored.erased_again.interactions) == (False, [bodies.sid("KI", 3)])
    assert sids(database) == messages(*MESSAGES) - messages(3)


async def test_a_backup_of_another_account_is_refused(database: Path, backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    async with open_archive(other) as archive, archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE archive SET account_sid = ?", ("AC" + "9" * 32,))
    with pytest.raises(RestoreRefused, match=r"is the archive of the account AC9+, but .* Restore it to another file"):
        restore(backup, other, sure=True)


async def test_what_is_no_archive_is_neither_restored_nor_replaced(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.db"
    foreign.write_text("something else" * 1_000)
    with pytest.raises(DatabaseForeign):
        restore(foreign, database, sure=True)
    with pytest.raises(DatabaseForeign):
        restore(backup, foreign, sure=True)
    with pytest.raises(RestoreRefused, match="is the archive itself"):
        restore(database, database, sure=True)
    assert foreign.read_text() == "something else" * 1_000


async def test_a_damaged_backup_is_not_restored(database: Path, backup: Path) -> None:
    before = database.read_bytes()
    with closing(sqlite3.connect(backup)) as connection:
        ((root,),) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'interaction_by_date'")
    with backup.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\x55" * 4096)
    with pytest.raises((CopyDamaged, DatabaseError), match="is damaged"):
        restore(backup, database, sure=True)
    assert database.read_bytes() == before
    assert not staging(database).exists()


async def test_the_archive_of_another_account_is_no_ledger_even_if_nothing_was_deleted_in_it(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    async with open_archive(other) as archive:
        await bodies.put(archive, bodies.service(1, account_sid="AC" + "9" * 32))
        await keys.create(archive, "other", ("read",), None)
    with pytest.raises(RestoreRefused, match=r"is of AC9+\. Name another file"):
        restore(backup, database, ledger=other, sure=True)
    async with open_archive(database) as archive:
        assert not await keys.has_keys(archive)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
async def test_the_archive_keeps_its_mode_and_a_new_one_is_private(
    database: Path, backup: Path, tmp_path: Path, mode: int
) -> None:
    database.chmod(mode)
    restore(backup, database)
    restore(backup, tmp_path / "new.db")
    found = [stat.S_IMODE(file.stat().st_mode) for file in (database, tmp_path / "new.db")]
    assert found == [mode, 0o600]


async def test_a_refused_restore_leaves_nothing_where_there_was_no_archive(backup: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (tmp_path / "wrong.json").write_text(json.dumps([{"sid": 1}]))
    with pytest.raises(RestoreRefused):
        restore(backup, folder / "archive.db", ledger=tmp_path / "wrong.json")
    assert list(folder.iterdir()) == []


async def test_a_backup_that_was_moved_is_noted_where_it_was_restored_from(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved.db"
    backup.rename(moved)
    assert isinstance(restore(moved, database), Restored)
    async with open_archive(database) as archive:
        assert {note.path for note in await noted(archive)} == {str(backup), str(moved)}
