"""A purge waits for all that fetches the log of PostgreSQL, and removes none that a standby may still need."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

import postgresql
from canaries_in_clusters import erase, files_with, fill, stages
from hosts import Pair
from postgresql import Cluster, catch_up
from store.engine.database import Address
from store.postgresql.purging import rewriting, waits, wal
from store.postgresql.purging.stages import Purge

SEGMENTS = "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"


@pytest.fixture(scope="module")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    settings = {"wal_recycle": "off", "max_prepared_transactions": "5", "wal_level": "logical"}
    slow = {"hot_standby_feedback": "on", "max_standby_streaming_delay": "-1", "wal_receiver_status_interval": "1s"}
    with postgresql.cluster(**settings) as primary, postgresql.standby(primary, **slow) as standby:
        yield primary, standby


@pytest.fixture
async def pair(clusters: tuple[Cluster, Cluster]) -> AsyncIterator[Pair]:
    """A primary and its standby with an erased message in both."""
    made = Pair(*clusters, clusters[0].database())
    await fill(made.primary, made.name, 20)
    erase(made.primary, made.name, 7)
    catch_up(made.standby, made.primary)
    yield made
    if made.standby.process is None:
        made.standby.start()
    made.primary.drop(made.name)


@contextmanager
def archiving(primary: Cluster, folder: Path) -> Iterator[None]:
    """pg_receivewal, which copies the log of the primary into ``folder``."""
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    for each in (folder.parent, *folder.parent.parents[:3]):
        each.chmod(each.stat().st_mode | 0o755)
    command = primary.command("pg_receivewal", "-D", folder, "-h", primary.folder, "-p", str(primary.port))
    process = subprocess.Popen([*command, "-U", postgresql.USER], stderr=subprocess.DEVNULL, cwd=primary.folder)
    try:
        streams = "SELECT count(write_lsn) FROM pg_stat_replication WHERE application_name = 'pg_receivewal'"
        until = time.monotonic() + 30
        while primary.sql(streams) != "1":
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait()


async def finish(purge: Purge) -> None:
    """Purges until nothing is left to do. A standby that sends feedback says only each second what it still needs."""
    async with asyncio.timeout(60):
        while await purge.advance(at_once=True):
            await asyncio.sleep(0.05)


async def test_a_program_that_only_archives_the_log_is_not_taken_for_a_standby(pair: Pair, tmp_path: Path) -> None:
    with archiving(pair.primary, tmp_path / "archive"):
        await finish(Purge(pair.address))
    assert stages(pair.primary, pair.name) == ["closed"]


async def test_a_standby_that_the_url_names_is_waited_for_and_finds_its_log_when_it_is_back(pair: Pair) -> None:
    pair.standby.kill()
    pair.primary.sql("SELECT pg_logical_emit_message(true, 'a test', 'more')", pair.name)
    oldest = pair.primary.sql(SEGMENTS)
    assert f"127.0.0.1:{pair.standby.port}" in str(await Purge(pair.both).advance(at_once=True))
    assert stages(pair.primary, pair.name) == ["erased"]
    assert pair.primary.sql(SEGMENTS) == oldest
    pair.standby.start()
    catch_up(pair.standby, pair.primary)
    assert files_with(pair.standby, 7, folders=("pg_wal",))
    await finish(Purge(pair.both))
    assert stages(pair.primary, pair.name) == ["closed"]
    for cluster in (pair.primary, pair.standby):
        assert not files_with(cluster, 7)


async def test_no_log_is_removed_that_a_slow_standby_which_nobody_named_has_not_fetched(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "STANDBY_SECONDS", 0.2)
    pair.primary.sql("SELECT pg_create_physical_replication_slot('late', true)")
    purge = Purge(pair.address)
    async with asyncio.timeout(60):
        while stages(pair.primary, pair.name) != ["purged"]:
            assert await purge.advance(at_once=True)
    pair.standby.freeze()
    pair.primary.sql("SELECT pg_drop_replication_slot('late')")
    oldest = pair.primary.sql(SEGMENTS)
    for _ in range(2):
        pair.primary.sql("SELECT pg_logical_emit_message(false, 'a test', 'more')", pair.name)
        pair.primary.sql("SELECT pg_switch_wal()")
    try:
        assert "has not yet fetched the log" in str(await purge.advance(at_once=True))
        assert pair.primary.sql(SEGMENTS) == oldest
    finally:
        pair.standby.thaw()
    catch_up(pair.standby, pair.primary)
    await finish(purge)
    assert not files_with(pair.primary, 7)


async def test_writing_over_much_recycled_log_loses_no_standby(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the last recycled file is 80 segments ahead, which is more than PostgreSQL makes a checkpoint after."""
    log_of, last = wal.log_of, (await log(pair)).current + 80

    async def far_ahead(connection: asyncpg.Connection) -> wal.Log:
        return (await log_of(connection))._replace(newest=last)

    monkeypatch.setattr(wal, "log_of", far_ahead)
    await finish(Purge(pair.address))
    assert stages(pair.primary, pair.name) == ["closed"]
    assert (await log(pair)).current > last
    catch_up(pair.standby, pair.primary)


async def log(pair: Pair) -> wal.Log:
    connection = await asyncpg.connect(pair.primary.url(pair.name))
    try:
        return await wal.log_of(connection)
    finally:
        await connection.close()


async def test_an_archive_that_pg_dump_brought_from_a_server_with_a_longer_log_is_purged_here(pair: Pair) -> None:
    pair.primary.sql("UPDATE deletion SET log_position = 9000000000000, purged_at = erased_at", pair.name)
    erase(pair.primary, pair.name, 8)
    await finish(Purge(pair.address))
    assert stages(pair.primary, pair.name) == ["closed", "closed"]
    assert not files_with(pair.primary, 7, 8)


@pytest.mark.parametrize("small_bytes", [0, 16_000_000])
async def test_a_prepared_transaction_keeps_no_byte_of_what_is_called_purged(
    pair: Pair, small_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "WAIT_SECONDS", 0.1)
    pair.primary.sql("BEGIN; SELECT pg_current_xact_id(); PREPARE TRANSACTION 'open'", pair.name)
    erase(pair.primary, pair.name, 9)
    purge = Purge(pair.address, small_bytes=small_bytes)
    await purge.advance(at_once=True)
    for number, stage in zip((7, 9), stages(pair.primary, pair.name), strict=True):
        assert stage == "erased" or not files_with(pair.primary, number, folders=("base",))
    pair.primary.sql("ROLLBACK PREPARED 'open'", pair.name)
    await finish(purge)
    assert not files_with(pair.primary, 7, 9)


async def test_an_erasure_is_purged_beside_writes_and_a_standby_that_sends_feedback(pair: Pair) -> None:
    """What the standby says of its snapshots is always older than the last write; the erasure is older than that."""
    writing = await asyncpg.connect(pair.primary.url(pair.name))

    async def write() -> None:
        while True:
            await writing.fetchval("SELECT pg_current_xact_id()")
            await asyncio.sleep(0.01)

    writes = asyncio.create_task(write())
    await finish(Purge(pair.address, [Address(pair.standby.url(pair.name))]))
    writes.cancel()
    await asyncio.gather(writes, return_exceptions=True)
    await writing.close()
    assert stages(pair.primary, pair.name) == ["closed"]
    for cluster in (pair.primary, pair.standby):
        assert not files_with(cluster, 7)


@pytest.mark.parametrize("small_bytes", [0, 16_000_000])
async def test_a_long_snapshot_on_a_standby_that_sends_feedback_reads_on_and_is_waited_for(
    pair: Pair, small_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "STANDBY_SECONDS", 0.5)
    monkeypatch.setattr(rewriting, "WAIT_SECONDS", 0.1)
    reading = await asyncpg.connect(pair.standby.url(pair.name))
    await reading.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    assert await reading.fetchval("SELECT count(*) FROM interaction") == 19
    erase(pair.primary, pair.name, 9)
    purge = Purge(pair.address, [Address(pair.standby.url(pair.name))], small_bytes)
    assert await purge.advance(at_once=True)
    assert stages(pair.primary, pair.name) == ["erased", "erased"]
    assert await reading.fetchval("SELECT count(*) FROM interaction") == 19
    await reading.close()
    await finish(purge)
    for cluster in (pair.primary, pair.standby):
        assert not files_with(cluster, 7, 9)
