"""Transactions on PostgreSQL are atomic and run one at a time among all servers."""

import asyncio

import asyncpg
import msgspec
import pytest

import bodies
from archive_rows import execute, rows
from bodies import sid
from links import link
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive
from store.errors import (
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    StoreError,
    Unavailable,
    WriteFailed,
)
from store.postgresql import writer


async def test_an_exception_in_a_transaction_rolls_it_back(archive: Archive) -> None:
    version = await archive.data_version()

    async def fail_half_way() -> None:
        async with archive.writer.transaction() as transaction:
            await transaction.put([bodies.record(bodies.interaction(1))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_half_way()
    assert await rows(archive, "SELECT count(*) FROM interaction") == [(0,)]
    assert await archive.data_version() == version


async def test_records_are_counted_as_new_changed_or_unchanged(archive: Archive) -> None:
    records = [bodies.record(bodies.interaction(number)) for number in range(1, 5)]
    async with archive.writer.transaction() as transaction:
        assert await transaction.put(records[:2]) == (2, 0, 0)
        await transaction.execute(
            "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, erased_at) "
            "VALUES (:sid, '', '', '', '', '', '')",
            {"sid": records[3].sid},
        )
        changed = bodies.record(bodies.interaction(2, data='{"body": "other"}'))
        assert await transaction.put([records[0], changed, *records[2:]]) == (1, 1, 1)
    assert await rows(archive, "SELECT sid, body FROM interaction ORDER BY sid") == [
        (records[0].sid, "text 1"),
        (records[1].sid, "other"),
        (records[2].sid, "text 3"),
    ]


async def until(archive: Archive, question: str) -> None:
    """Waits until the answer in the database is TRUE."""
    async with asyncio.timeout(20):
        while await rows(archive, question) != [(True,)]:
            await asyncio.sleep(0.01)


async def test_a_write_that_is_cancelled_while_it_waits_for_its_turn_leaves_the_writer_usable(
    address: Address, postgresql_cluster: Cluster
) -> None:
    waits = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    database = address.url.rpartition("/")[2]
    async with link(postgresql_cluster) as network, open_archive(network.address(database)) as archive:
        async with open_archive(address) as another, another.writer.transaction():
            waiting = asyncio.create_task(bodies.put(archive, bodies.interaction(1)))
            await until(another, waits)
            # PostgreSQL's answer to the cancelled statement comes only later.
            network.cut()
            waiting.cancel()
            for _ in range(100):
                await asyncio.sleep(0)
            network.mend()
            assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
            await until(another, f"SELECT NOT ({waits})")
        await bodies.put(archive, bodies.interaction(2))
        assert await rows(archive, "SELECT sid FROM interaction") == [(sid("KI", 2),)]


async def test_transactions_of_two_servers_run_one_after_another(address: Address) -> None:
    async with open_archive(address) as one, open_archive(address) as other:
        waiting = asyncio.Event()

        async def write(archive: Archive, number: int) -> None:
            waiting.set()
            await bodies.put(archive, bodies.interaction(number))

        async with one.writer.transaction() as transaction:
            task = asyncio.create_task(write(other, 2))
            await waiting.wait()
            await transaction.put([bodies.record(bodies.interaction(1))])
        await task
        feed = await rows(one, "SELECT sid FROM change WHERE type = 'INTERACTION' ORDER BY number")
        assert feed == [(sid("KI", 1),), (sid("KI", 2),)]


async def test_a_write_that_waits_too_long_for_another_server_says_so(
    address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BEGIN", writer.BEGIN.replace("'5s'", "'100ms'"))
    async with open_archive(address) as one, open_archive(address) as other:
        async with one.writer.transaction():
            with pytest.raises(DatabaseLocked, match="is being written by another process"):
                await bodies.put(other, bodies.interaction(1))
        await bodies.put(other, bodies.interaction(1))


async def test_a_write_by_hand_waits_for_the_writer(archive: Archive, address: Address) -> None:
    connection = await asyncpg.connect(address.url)
    try:
        async with archive.writer.transaction() as transaction:
            await transaction.put([bodies.record(bodies.interaction(1))])
            await connection.execute("SET lock_timeout = '100ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await connection.execute("DELETE FROM session")
        await connection.execute("DELETE FROM session")
    finally:
        await connection.close()


async def test_a_cancelled_transaction_is_rolled_back_and_the_next_one_runs(archive: Archive) -> None:
    written = asyncio.Event()

    async def write() -> None:
        async with archive.writer.transaction() as transaction:
            await transaction.put([bodies.record(bodies.interaction(1))])
            written.set()
            await transaction.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(write())
    await written.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await bodies.put(archive, bodies.interaction(2))
    assert await rows(archive, "SELECT sid FROM interaction") == [(sid("KI", 2),)]


async def test_a_lost_connection_is_replaced_at_the_next_transaction(archive: Archive, address: Address) -> None:
    await bodies.put(archive, bodies.interaction(1))
    await end_connections(address)
    await bodies.put(archive, bodies.interaction(2))
    assert await rows(archive, "SELECT count(*) FROM interaction") == [(2,)]


async def test_a_nul_in_a_record_becomes_the_replacement_character(archive: Archive) -> None:
    record = bodies.record(bodies.interaction(1))
    async with archive.writer.transaction() as transaction:
        await transaction.put([msgspec.structs.replace(record, body="a\0b", extra="\0")])
    assert await rows(archive, "SELECT body, extra FROM interaction") == [("a\ufffdb", "\ufffd")]


@pytest.mark.parametrize(
    ("state", "expected", "sentence"),
    [
        ("53100", DatabaseFull, "Make room on it"),
        ("XX001", DatabaseCorrupt, "finds postgresql://.* damaged"),
        ("25006", DatabaseReadOnly, "can only be read"),
        ("42501", DatabaseReadOnly, "Grant it, or use another role"),
        ("57P01", Unavailable, "Try again"),
        ("22P02", WriteFailed, "A statement failed: InvalidTextRepresentationError 22P02"),
    ],
)
async def test_each_error_of_the_server_is_a_sentence(
    archive: Archive, state: str, expected: type[StoreError], sentence: str
) -> None:
    with pytest.raises(expected, match=sentence) as failed:
        await execute(archive, f"DO $$ BEGIN RAISE EXCEPTION 'as it is' USING ERRCODE = '{state}'; END $$")
    assert str(failed.value).endswith(".")
    await bodies.put(archive, bodies.interaction(1))


async def test_a_failed_statement_tells_nothing_of_the_row(archive: Archive) -> None:
    with pytest.raises(WriteFailed) as failed:
        await execute(archive, "INSERT INTO access_key (name) VALUES ('secret name')")
    assert str(failed.value) == "A statement failed: NotNullViolationError 23502."
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__


async def test_mirrored_rows_wait_for_the_disk_alone_and_all_else_for_standbys_too(archive: Archive) -> None:
    setting = "SELECT current_setting('synchronous_commit')"
    async with archive.writer.transaction(is_mirrored=True) as transaction:
        assert await transaction.fetch(setting) == [("local",)]
    async with archive.writer.transaction() as transaction:
        assert await transaction.fetch(setting) == [("on",)]


async def end_connections(address: Address) -> None:
    connection = await asyncpg.connect(address.url)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await connection.close()
