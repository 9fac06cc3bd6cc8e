"""Transactions are atomic and run one at a time among all processes; the data version changes with them."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

import bodies
from databases import New
from store import interactions
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import DatabaseLocked, WriteFailed
from store.queries.pages import Count
from store.sqlite import writer
from store.sqlite.writer import SQLiteWriter

REFUSED = (sqlite3.IntegrityError, WriteFailed)


async def count(archive: Archive) -> int:
    (found,) = await archive.reader().read(Count(interactions.ALL), [None])
    return found


async def test_an_exception_in_a_transaction_rolls_it_back(archive: Archive) -> None:
    version = await archive.data_version()

    async def fail_half_way() -> None:
        async with archive.writer.transaction() as transaction:
            await transaction.put([bodies.record(bodies.interaction(1))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert (await count(archive), await archive.data_version()) == (0, version)


async def test_every_write_that_changes_an_answer_changes_the_data_version(archive: Archive) -> None:
    versions = [await archive.data_version()]
    for body in (
        bodies.interaction(1),
        bodies.interaction(1, url="u"),
        bodies.participant(1),
        bodies.service(1, url="u"),
    ):
        await bodies.put(archive, body)
        versions.append(await archive.data_version())
    assert len(set(versions)) == len(versions)
    await bodies.put(archive, body)
    assert await archive.data_version() == versions[-1]


@pytest.mark.of_a_file
async def test_every_table_that_answers_are_read_from_changes_the_data_version(archive: Archive) -> None:
    """By triggers, whoever writes. Other tables change no response that a client may cache."""
    of_no_answer = {
        "archive",
        "deletion",
        "access_key",
        "session_read",
        "session_listed",
        "service_sync",
        "sync_run",
        "left_out",
        "erasure_case",
        "erasure_run",
        "erasure_case_item",
        "legal_hold",
        "twilio_record",
        "backup",
        "archive_copy",
        "change",
        "change_feed",
        "callback_row",
        "callback_session",
    }
    tables = {name for (name,) in await archive.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    moving = "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%SET data_version = random()%'"
    triggers = [name for (name,) in await archive.fetch(moving)]
    assert Counter(triggers) == dict.fromkeys(tables - of_no_answer, 3)


async def test_the_data_version_never_repeats_after_a_backup_is_restored(
    new_database: New, one_session: Database
) -> None:
    seen = []
    for _ in range(3):
        async with open_archive(new_database(one_session)) as archive:
            for number in range(1, 4):
                await bodies.put(archive, bodies.interaction(number))
                seen.append(await archive.data_version())
    assert len(set(seen)) == len(seen)


async def test_a_row_that_is_written_again_is_replaced(archive: Archive) -> None:
    await bodies.put(archive, bodies.interaction(1), bodies.interaction(1, outbound_resource_status="failed"))
    assert [tuple(row) for row in await archive.fetch("SELECT outbound_resource_status FROM interaction")] == [
        ("failed",)
    ]


async def test_a_child_without_its_parent_is_refused(archive: Archive) -> None:
    with pytest.raises(REFUSED, match=r"(?i)foreign ?key"):
        await bodies.put(archive, bodies.interaction(1, of=99))


async def test_reading_continues_during_a_write(archive: Archive) -> None:
    async with archive.writer.transaction() as transaction:
        await transaction.put([bodies.record(bodies.interaction(1))])
        assert await count(archive) == 0
    assert await count(archive) == 1


async def test_writers_of_several_archives_on_one_file_take_turns(archive: Archive, database: Database) -> None:
    async with open_archive(database) as second:
        await asyncio.gather(
            *(
                bodies.put(writing, bodies.interaction(number))
                for number, writing in enumerate([archive, second] * 10, start=1)
            )
        )
        assert (await count(archive), await count(second)) == (20, 20)


@pytest.mark.of_a_file
async def test_a_file_locked_by_another_program_gives_a_sentence(
    archive: Archive, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(archive.writer, SQLiteWriter)
    await archive.writer._connection.execute("PRAGMA busy_timeout=1")
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseLocked, match="is locked by another process"):
            await bodies.put(archive, bodies.interaction(1))
        other.execute("ROLLBACK")
    await bodies.put(archive, bodies.interaction(1))
    assert await count(archive) == 1


@pytest.mark.of_a_file
async def test_a_long_log_is_checkpointed(archive: Archive, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = database.with_name(f"{database.name}-wal")
    await bodies.put(archive, bodies.interaction(1))
    assert log.stat().st_size > 0
    monkeypatch.setattr(writer, "WAL_LIMIT_BYTES", 1)
    await bodies.put(archive, bodies.interaction(2))
    assert log.stat().st_size == 0


@pytest.mark.of_a_file
async def test_no_connection_checkpoints_by_itself(archive: Archive, database: Path) -> None:
    """By default SQLite checkpoints a log of more than 1,000 pages, and nobody would know which pages to scrub."""
    before = database.read_bytes()
    for start in range(1, 400, 100):
        rows = [bodies.interaction(number, data="x" * 20_000) for number in range(start, start + 100)]
        await bodies.put(archive, *rows)
    assert archive.log_bytes() > 1_500 * 4096
    assert await count(archive) == 400
    assert database.read_bytes() == before


async def test_a_write_cancelled_at_any_point_leaves_the_writer_usable(archive: Archive) -> None:
    """The task is cancelled after each possible number of turns of the loop."""
    written = 0
    for turns in range(40):
        task = asyncio.create_task(bodies.put(archive, bodies.interaction(turns + 1)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        await bodies.put(archive, bodies.interaction(1_000 + turns))
        written += 1
    assert await count(archive) >= written


@pytest.mark.of_a_file
async def test_a_cancelled_checkpoint_is_finished_first(archive: Archive, database: Path) -> None:
    log = database.with_name(f"{database.name}-wal")
    for turns in range(12):
        await bodies.put(archive, bodies.interaction(turns + 1))
        task = asyncio.create_task(archive.writer.clean())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await archive.writer.clean() is None
        assert log.stat().st_size == 0


@pytest.mark.of_a_file
async def test_only_a_transaction_of_mirrored_rows_doesnt_wait_for_the_disk(archive: Archive) -> None:
    normal, full = 1, 2

    async def synchronous(**options: bool) -> int:
        async with archive.writer.transaction(**options) as transaction:
            ((level,),) = await transaction.fetch("PRAGMA synchronous")
        return int(level)

    assert [await synchronous(), await synchronous(is_mirrored=True), await synchronous()] == [full, normal, full]
    with pytest.raises(ZeroDivisionError):
        async with archive.writer.transaction(is_mirrored=True):
            raise ZeroDivisionError
    assert await synchronous() == full
