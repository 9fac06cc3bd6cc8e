"""A restored backup brings back what was lost, and nothing that somebody has decided to be gone since.

These tests are of SQLite's file, so they run on no other engine.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import MESSAGES, NUMBER, canary, content, copy_files, erase, messages, put_canaries, sids
from store import keys
from store.archive import open_archive
from store.backups.backup import back_up
from store.backups.decisions import CARRIED
from store.backups.notes import noted
from store.backups.restore import restore
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger, participants
from store.errors import DatabaseError, DatabaseLocked, RestoreRefused
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sqlite import migrations
from store.sqlite.files import open_or_create
from store.sqlite.opening import prepare
from store.sqlite.scrub import unallocated
from store.sync.runs import start_run
from store.sync.state import keep_interaction, keep_session

pytestmark = pytest.mark.of_a_file


async def test_what_was_lost_comes_back_and_what_was_erased_does_not(database: Path, backup: Path) -> None:
    async with open_archive(database) as archive:
        await erase(archive, 3, 4)
        async with archive.writer.transaction() as transaction:  # How rows get lost, and no erasure.
            await transaction.execute("DELETE FROM interaction WHERE sid = ?", (bodies.sid("KI", 9),))
    restored = restore(backup, database, sure=True)
    assert restored.erased_again.interactions == sorted(messages(3, 4))
    assert restored.counts.interactions == len(MESSAGES) - 2
    assert sids(database) == messages(*MESSAGES) - messages(3, 4)
    assert canary(9).encode() in content(database)
    assert canary(3).encode() not in content(database)
    async with open_archive(database) as archive:
        assert {(entry.sid, entry.state) for entry in await ledger.entries(archive)} == {
            (sid, "closed") for sid in messages(3, 4)
        }
        await put_canaries(archive, [3], Random(1))
    assert bodies.sid("KI", 3) not in sids(database)


async def test_an_erased_session_and_an_erased_person_do_not_come_back(database: Path, backup: Path) -> None:
    async with open_archive(database) as archive:
        async with archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE interaction SET inbound_participant_sid = NULL")
        await participants.request(archive, [bodies.sid("KP", 1)], "a test")
        await erasure.erase(archive, bodies.sid("KP", 1))
        await erasure.erase_deleted_at_twilio(archive, [], [bodies.sid("KC", 2)], "sync")
    restored = restore(backup, database, sure=True)
    assert restored.erased_again.participants == [bodies.sid("KP", 1)]
    assert restored.erased_again.sessions == [bodies.sid("KC", 2)]
    assert bodies.sid("KC", 2) not in sids(database, "session")
    assert bodies.sid("KP", 1) in sids(database, "participant")
    assert NUMBER.encode() not in content(database)
    assert NUMBER.encode() in backup.read_bytes()


def leave_copies(database: Path, text: bytes) -> int:
    """Puts ``text`` into unallocated space, where SQLite leaves copies of rows; returns into how many pages."""
    pages, number = bytearray(database.read_bytes()), 0
    for at in range(4096, len(pages), 4096):
        start, end = unallocated(bytes(pages[at : at + 4096])) or (0, 0)
        if end - start > len(text):
            pages[at + start : at + start + len(text)] = text
            number += 1
    database.write_bytes(pages)
    return number


async def test_no_byte_of_what_is_erased_again_is_left_in_any_page(database: Path, backup: Path) -> None:
    """A backup by other means, or of an older version, has copies of rows in pages that no deletion touches."""
    async with open_archive(database) as archive:
        await erase(archive, 3)
    assert leave_copies(backup, canary(3).encode()) > 20
    restore(backup, database, sure=True)
    assert canary(3).encode() not in content(database)


async def test_what_a_crash_left_in_the_log_is_replaced_with_the_archive_and_its_ledger_is_replayed(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    """SQLite would take the old log for that of the new file."""
    crashed = tmp_path / "crashed.db"
    async with open_archive(database) as archive:
        await put_canaries(archive, [100], Random(1))
        await erasure.request(archive, await stored(archive, 3), "a test")
        async with archive.writer.transaction() as transaction:
            await transaction.execute(erasure.ERASE, {"sids": json.dumps([bodies.sid("KI", 3)])})
            await ledger.mark_erased(transaction, [bodies.sid("KI", 3)])
        copy_files(database, crashed)
    assert crashed.with_name("crashed.db-wal").stat().st_size
    restored = restore(backup, crashed, sure=True)
    assert restored.erased_again.interactions == [bodies.sid("KI", 3)]
    async with open_archive(crashed) as archive:
        assert [tuple(row) for row in await archive.fetch("PRAGMA integrity_check")] == [("ok",)]
        assert {entry.state for entry in await ledger.entries(archive)} == {"closed"}
    assert sids(crashed) == messages(*MESSAGES) - messages(3)


async def stored(archive: Archive, number: int) -> Interaction:
    (found,) = await archive.reader().read(Lookup(Interaction), [bodies.sid("KI", number)])
    assert found
    return found


async def test_a_newer_archive_is_replaced_only_if_somebody_says_so(database: Path, backup: Path) -> None:
    async with open_archive(database) as archive:
        await put_canaries(archive, [100, 101], Random(1))
    before = database.read_bytes()
    with pytest.raises(
        RestoreRefused, match=r"is newer than .*: 2 of its interactions and 0 of its sessions are not in"
    ):
        restore(backup, database)
    assert database.read_bytes() == before
    assert restore(backup, database, sure=True).counts.interactions == len(MESSAGES)


async def test_an_archive_that_is_not_newer_is_replaced_without_a_question(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    assert restore(backup, database).counts.interactions == len(MESSAGES)
    older = tmp_path / "backups" / "older.db"
    shutil.copy(backup, older)
    async with open_archive(database) as archive:
        await start_run(archive, "full")
        await put_canaries(archive, [100], Random(1))
        await back_up(archive, backup)
    restore(older, database, sure=True)
    assert restore(backup, database).counts.interactions == len(MESSAGES) + 1


async def test_an_archive_that_somebody_has_open_is_not_replaced(database: Path, backup: Path) -> None:
    async with open_archive(database) as archive:
        with pytest.raises(DatabaseLocked, match=r"is open in another process, such as a server or a sync\. Stop it"):
            restore(backup, database, sure=True)
        await put_canaries(archive, [100], Random(1))
    assert sids(database) == messages(*MESSAGES, 100)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as reader:
        reader.execute("SELECT count(*) FROM interaction").fetchall()
        with pytest.raises(DatabaseLocked):
            restore(backup, database, sure=True)


async def test_nobody_opens_an_archive_that_is_being_replaced(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.sqlite.opening.WRITE_PRAGMAS", "PRAGMA busy_timeout=0;")
    opened = list[str]()

    async def look() -> None:
        try:
            async with open_archive(database):
                opened.append("opened")
        except DatabaseError as error:
            opened.append(type(error).__name__)

    def each(done: int, total: int) -> None:
        with pytest.raises(StopIteration):
            look().send(None)

    restore(backup, database, progress=each)
    assert set(opened) == {"DatabaseLocked"}


async def test_a_file_that_is_replaced_while_it_is_opened_is_not_used(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_then_restore(path: Path) -> int:
        file = open_or_create(path)
        shutil.copy(backup, path.with_name("other.db"))
        path.with_name("other.db").replace(path)
        return file

    monkeypatch.setattr("store.sqlite.opening.open_or_create", open_then_restore)
    with pytest.raises(DatabaseLocked, match="was replaced while it was being opened; try again"):
        async with open_archive(database):
            pass


async def test_every_table_is_of_twilio_or_derived_or_taken_over(archive: Archive) -> None:
    """A table by which somebody has decided something is not forgotten when a backup is restored."""
    of_twilio = {"service", "session", "participant", "interaction"}
    derived = {"session_kind", "participant_kind", "interaction_kind", "session_person"}
    of_the_sync = {"archive", "session_read", "session_listed", "service_sync", "sync_run", "left_out"}
    of_callbacks = {"callback_row", "callback_session"}  # What the backup knew; the next sync reads the rest.
    of_the_feed = {"change", "change_feed"}
    named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    tables = {name for (name,) in await archive.fetch(named)}
    assert tables == of_twilio | derived | of_the_sync | of_the_feed | of_callbacks | set(CARRIED)


async def test_the_changes_of_a_restored_archive_are_another_feed(database: Path, backup: Path) -> None:
    """Their numbers are given twice: once before the restore, and once after it."""
    epochs = []
    for _ in range(2):
        async with open_archive(database) as archive:
            epochs += [epoch for (epoch,) in await archive.fetch("SELECT epoch FROM change_feed")]
        restore(backup, database, sure=True)
    assert len(set(epochs)) == 2


async def test_keys_decisions_and_notes_of_the_replaced_archive_stay(database: Path, backup: Path) -> None:
    async with open_archive(database) as archive:
        await keys.create(archive, "console", ("read",), None)
        await back_up(archive, backup)
        await keys.create(archive, "newer", ("read",), None)
        await keys.revoke(archive, "console")
        await back_up(archive, backup.with_name("later.db"))
        async with archive.writer.transaction() as transaction:
            await keep_interaction(transaction, bodies.sid("KI", 5))
            await keep_session(transaction, bodies.sid("KC", 2))
            await transaction.execute("INSERT INTO legal_hold VALUES (?, '2026-01-01')", (bodies.sid("KI", 6),))
    restore(backup, database, sure=True)
    async with open_archive(database) as archive:
        assert [(key.name, key.revoked_at is not None) for key in await keys.keys(archive)] == [
            ("console", True),
            ("newer", False),
        ]
        assert {Path(note.path).name for note in await noted(archive)} == {"copy.db", "later.db"}
        for table, sid in (("interaction", bodies.sid("KI", 5)), ("session", bodies.sid("KC", 2))):
            kept = await archive.fetch(f"SELECT sid FROM {table} WHERE kept_at IS NOT NULL")
            assert [tuple(row) for row in kept] == [(sid,)]
        assert [tuple(row) for row in await archive.fetch("SELECT * FROM legal_hold")] == [
            (bodies.sid("KI", 6), "2026-01-01")
        ]


async def test_a_request_that_was_withdrawn_after_the_backup_is_not_revived(database: Path, backup: Path) -> None:
    async with open_archive(database) as archive:
        async with archive.writer.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO deletion"
                " (sid, session_sid, service_sid, account_sid, requested_by, intended_at, at_twilio)"
                " SELECT sid, session_sid, service_sid, account_sid, 'somebody', '2026-01-01T00:00:00.000Z', 1"
                " FROM interaction WHERE sid = ?",
                (bodies.sid("KI", 5),),
            )
        await back_up(archive, backup)
        await erasure.withdraw_request(archive, bodies.sid("KI", 5))
        await put_canaries(archive, [100], Random(1))
    restore(backup, database, sure=True)
    async with open_archive(database) as archive:
        assert await ledger.entries(archive) == []


@pytest.mark.parametrize("version", [5, 9])
async def test_a_backup_of_an_older_version_is_migrated_and_loses_what_was_erased_since(
    database: Path, backup: Path, tmp_path: Path, version: int
) -> None:
    folder, old = tmp_path / "migrations", tmp_path / "backups" / "old.db"
    folder.mkdir()
    for file in sorted(migrations.FOLDER.glob("*.sql"))[:version]:
        (folder / file.name).write_text(file.read_text("utf-8"))
    prepare(old, folder).close()
    with closing(sqlite3.connect(old)) as connection, closing(sqlite3.connect(backup)) as newer:
        for table in ("service", "session", "interaction"):
            columns = [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))]
            rows = newer.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
            places = ", ".join("?" for _ in columns)
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)
        connection.commit()
    async with open_archive(database) as archive:
        await erase(archive, 3)
    restored = restore(old, database, sure=True)
    assert restored.erased_again.interactions == [bodies.sid("KI", 3)]
    assert sids(database) == messages(*MESSAGES) - messages(3)
    assert canary(3).encode() not in content(database)
    assert [file.name for file in tmp_path.iterdir() if ".version-" in file.name] == []
    async with open_archive(database) as archive:
        assert [tuple(row) for row in await archive.fetch("PRAGMA user_version")] == [(migrations.latest(),)]
