"""A restored backup brings back what was lost, and nothing that somebody has decided to be gone since."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import MESSAGES, NUMBER, canary, content, erase, messages, put_canaries, sids
from store import keys
from store.archive import Archive, open_archive
from store.backups.backup import back_up
from store.backups.notes import noted
from store.backups.replay import CARRIED
from store.backups.restore import restore
from store.erasure import interactions as erasure
from store.erasure import ledger, participants
from store.errors import DatabaseError, DatabaseLocked, RestoreRefused
from store.sqlite.files import open_or_create
from store.sync.runs import start_run
from store.sync.state import keep_interaction, keep_session


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


async def test_no_byte_of_what_is_erased_again_is_left_in_any_page(
    database: Path, one_session: Path, tmp_path: Path
) -> None:
    """Rows that SQLite has moved between pages leave copies, which a backup by other means has too."""
    shutil.copy(one_session, database)
    pick, numbers = Random(5), list(range(1, 901))
    plain = tmp_path / "plain-copy.db"
    async with open_archive(database) as archive:
        await put_canaries(archive, numbers, pick)
        for _ in range(4):
            await put_canaries(archive, pick.sample(numbers, 500), pick)
        # A copy of the open files, by any program; SQLite reads the log that is in it.
        shutil.copy(database, plain)
        shutil.copy(database.with_name("archive.db-wal"), tmp_path / "plain-copy.db-wal")
        await erase(archive, *numbers[::3])
    restore(plain, database, sure=True)
    found = content(database)
    assert [number for number in numbers[::3] if canary(number).encode() in found] == []


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


async def test_nobody_goes_on_with_a_file_that_was_replaced_while_it_was_being_opened(
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
    tables = {name for (name,) in await archive.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert tables == of_twilio | derived | of_the_sync | set(CARRIED)


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
