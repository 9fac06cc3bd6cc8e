"""What was erased is removed from the files of PostgreSQL, of the primary and of a standby, stage by stage.

Each test looks for the bytes in every file of the data directories, and finds them before.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import asyncpg
import pytest

import postgresql
from canaries_in_clusters import erase, erase_person, files_with, fill, stages
from postgresql import Cluster, catch_up
from store.archive import open_archive
from store.engine.database import Address, Replicas
from store.errors import DatabaseUnreachable
from store.postgresql.purging import rewriting, waits
from store.postgresql.purging import stages as purging
from store.postgresql.purging.pooled_sessions import POOLED
from store.postgresql.purging.stages import Purge

ERASED = [1, 2, 77, 150, 250, 290]
PERSON = 900_003
BY_COPY, IN_PLACE = 0, 16_000_000
WAITS_FOR = "SELECT DISTINCT coalesce(waits_for, '') FROM deletion"


@pytest.fixture(scope="module")
def primary(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A primary whose log's segments are removed, or are recycled."""
    with postgresql.cluster(wal_recycle=getattr(request, "param", "off"), full_page_writes="on") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def standby(primary: Cluster) -> Iterator[Cluster]:
    with postgresql.standby(primary) as cluster:
        yield cluster


@pytest.fixture
async def name(primary: Cluster, standby: Cluster) -> AsyncIterator[str]:
    """A database of which canaries are in the pages, indexes and log of both; some rows were moved and vacuumed."""
    name = primary.database()
    await fill(primary, name, 300, persons=20, large=3)
    for statement in (
        "ANALYZE",
        "UPDATE interaction SET extra = '{}' WHERE sid < 'KI" + "0" * 30 + "c0'",
        "VACUUM",
        "UPDATE interaction SET extra = NULL WHERE sid < 'KI" + "0" * 30 + "80'",
        "CHECKPOINT",
    ):
        primary.sql(statement, name)
    erase(primary, name, *ERASED)
    erase_person(primary, name, PERSON)
    catch_up(standby, primary)
    standby.sql("CHECKPOINT")
    for cluster in (primary, standby):
        assert files_with(cluster, *ERASED, folders=("base",))
        assert files_with(cluster, PERSON, folders=("base",))
        assert files_with(cluster, *ERASED, folders=("pg_wal",))
    yield name
    primary.drop(name)


def purge(name: str, primary: Cluster, *standbys: Cluster, small_bytes: int = BY_COPY) -> Purge:
    addresses = [Address(cluster.url(name)) for cluster in standbys]
    return Purge(Address(primary.url(name)), addresses, small_bytes)


@pytest.mark.parametrize("small_bytes", [BY_COPY, IN_PLACE])
@pytest.mark.parametrize("primary", ["off", "on"], indirect=True, scope="module")
async def test_each_stage_is_recorded_once_no_file_of_it_has_a_byte(
    primary: Cluster, standby: Cluster, name: str, small_bytes: int
) -> None:
    primary.sql("SELECT pg_create_physical_replication_slot('late', true)")
    purging_them = purge(name, primary, standby, small_bytes=small_bytes)
    assert "the replication slot late" in str(await purging_them.advance(at_once=True))
    assert set(stages(primary, name)) == {"purged"}
    assert "the replication slot late" in primary.sql(WAITS_FOR, name), "the ledger says what it waits for"
    for cluster in (primary, standby):
        assert not files_with(cluster, *ERASED, PERSON, folders=("base", "global", "pg_xact")), "tables and indexes"
    assert files_with(primary, *ERASED, PERSON, folders=("pg_wal",))
    primary.sql("SELECT pg_drop_replication_slot('late')")
    assert await purging_them.advance(at_once=True) is None
    assert set(stages(primary, name)) == {"closed"}
    assert primary.sql(WAITS_FOR, name) == ""
    for cluster in (primary, standby):
        assert not files_with(cluster, *ERASED, PERSON), "no file of the data directory has it"
        assert cluster.sql("SELECT count(*) FROM interaction", name) == str(300 - len(ERASED))


async def test_a_standby_that_is_held_back_is_waited_for_and_the_tables_are_rewritten_once(
    primary: Cluster, standby: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "STANDBY_SECONDS", 0.1)
    standby.sql("SELECT pg_wal_replay_pause()")
    assert "A standby has not yet replayed" in str(await purge(name, primary, standby).advance(at_once=True))
    assert set(stages(primary, name)) == {"erased"}
    assert files_with(standby, *ERASED, folders=("base",))
    file = primary.sql("SELECT pg_relation_filepath('interaction')", name)
    standby.sql("SELECT pg_wal_replay_resume()")
    catch_up(standby, primary)
    monkeypatch.undo()
    assert await purge(name, primary, standby).advance(at_once=True) is None
    assert set(stages(primary, name)) == {"closed"}
    assert primary.sql("SELECT pg_relation_filepath('interaction')", name) == file
    assert not files_with(standby, *ERASED, PERSON)


async def test_a_standby_that_no_setting_names_is_waited_for_too(
    primary: Cluster, standby: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "STANDBY_SECONDS", 0.1)
    standby.sql("SELECT pg_wal_replay_pause()")
    assert "has not yet replayed the rewriting" in str(await purge(name, primary).advance(at_once=True))
    assert set(stages(primary, name)) == {"erased"}
    standby.sql("SELECT pg_wal_replay_resume()")
    catch_up(standby, primary)
    monkeypatch.undo()
    assert await purge(name, primary, standby).advance(at_once=True) is None


async def test_after_postgresql_was_killed_the_stages_continue(
    primary: Cluster, standby: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "STANDBY_SECONDS", 0.1)
    primary.sql("SELECT pg_create_physical_replication_slot('late', true)")
    standby.sql("SELECT pg_wal_replay_pause()")
    assert await purge(name, primary, standby).advance(at_once=True)
    primary.kill()
    primary.start()
    assert set(stages(primary, name)) == {"erased"}
    standby.sql("SELECT pg_wal_replay_resume()")
    catch_up(standby, primary)
    monkeypatch.undo()
    assert await purge(name, primary, standby).advance(at_once=True)
    assert set(stages(primary, name)) == {"purged"}
    primary.kill()
    primary.start()
    standby.kill()
    standby.start()
    primary.sql("SELECT pg_drop_replication_slot('late')")
    catch_up(standby, primary)
    assert await purge(name, primary, standby).advance(at_once=True) is None
    assert set(stages(primary, name)) == {"closed"}
    for cluster in (primary, standby):
        assert not files_with(cluster, *ERASED, PERSON)


async def test_a_transaction_from_before_the_erasure_is_waited_for(
    primary: Cluster, standby: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "WAIT_SECONDS", 0.1)
    reading = await asyncpg.connect(primary.url(name))
    transaction = reading.transaction(isolation="repeatable_read", readonly=True)
    await transaction.start()
    await reading.fetchval("SELECT 1")
    assert await purge(name, primary, standby, small_bytes=IN_PLACE).advance(at_once=True) == rewriting.OLDER_SNAPSHOT
    assert set(stages(primary, name)) == {"erased"}
    await transaction.rollback()
    await reading.close()
    assert await purge(name, primary, standby, small_bytes=IN_PLACE).advance(at_once=True) is None
    assert not files_with(primary, *ERASED, PERSON)


async def test_a_server_that_waits_for_another_purge_does_not_hold_it_up(
    primary: Cluster, standby: Cluster, name: str
) -> None:
    """A statement that waited for the lock would have a snapshot, which sees the erased rows."""
    another = await asyncpg.connect(primary.url(name))
    await another.execute("SELECT pg_advisory_lock($1)", purging.PURGE_LOCK)
    waiting = asyncio.create_task(purge(name, primary, standby, small_bytes=IN_PLACE).advance(at_once=True))
    has_tried = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%advisory_lock%' AND pid <> pg_backend_pid()"
    async with asyncio.timeout(20):
        while not await another.fetchval(has_tried):
            await asyncio.sleep(0.01)
    await another.fetchval("SELECT pg_current_xact_id()")  # A transaction that such a snapshot would be older than.
    await rewriting.rewrite(another, "interaction", partial(purging.writers_locked, another), IN_PLACE)
    await another.close()
    assert await waiting is None
    assert not files_with(primary, *ERASED, PERSON)


async def test_no_byte_is_left_although_others_write_meanwhile(primary: Cluster, standby: Cluster, name: str) -> None:
    async def write() -> int:
        number = 0
        async with open_archive(Address(primary.url(name))) as archive:
            while not purged.done():
                number += 1
                async with archive.writer.transaction() as transaction:
                    await transaction.execute(
                        "UPDATE interaction SET extra = :extra WHERE sid >= 'KI' AND session_sid > ''",
                        {"extra": f'{{"number": {number}}}'},
                    )
                await asyncio.sleep(0.01)
        return number

    purged = asyncio.ensure_future(purge(name, primary, standby).advance(at_once=True))
    written = await write()
    assert await purged is None
    assert written > 1
    assert primary.sql("SELECT DISTINCT extra FROM interaction", name) == f'{{"number": {written}}}'
    for cluster in (primary, standby):
        assert not files_with(cluster, *ERASED, PERSON, folders=("base",))
        assert not files_with(cluster, *ERASED, PERSON, folders=("pg_wal",))


async def test_a_server_gathers_erasures_and_a_command_begins_at_once(
    primary: Cluster, standby: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "QUIET_SECONDS", 600.0)
    monkeypatch.setattr(purging, "LONGEST_GATHERING_SECONDS", 600.0)
    replicas = Replicas((Address(standby.url(name)),))
    async with open_archive(Address(primary.url(name)), replicas=replicas) as archive:
        assert await archive.writer.clean() == purging.NOT_YET
        assert await archive.writer.purge() == purging.NOT_YET
        assert set(stages(primary, name)) == {"erased"}
        assert await archive.writer.purge(at_once=True) is None
        assert await archive.writer.clean() is None


async def test_without_the_rights_to_see_the_log_the_ledger_says_what_to_grant(
    primary: Cluster, standby: Cluster, name: str
) -> None:
    primary.sql("CREATE ROLE owner LOGIN")
    primary.sql(f'GRANT ALL ON DATABASE "{name}" TO owner')
    for table in ("interaction", "participant", "session", "service", "deletion", "archive", "change", "change_feed"):
        primary.sql(f"ALTER TABLE {table} OWNER TO owner", name)
    primary.sql("GRANT ALL ON SCHEMA public TO owner; GRANT ALL ON ALL TABLES IN SCHEMA public TO owner", name)
    alone = Purge(Address(primary.url(name, "owner")))
    assert "GRANT pg_monitor" in str(await alone.advance(at_once=True))
    assert "GRANT pg_monitor" in primary.sql(WAITS_FOR, name)
    primary.sql("GRANT pg_monitor TO owner")
    reason = await alone.advance(at_once=True)
    assert reason is None or "next checkpoint" in reason
    primary.sql("CHECKPOINT")
    primary.sql("SELECT pg_switch_wal()")
    primary.sql("CHECKPOINT")
    assert await alone.advance(at_once=True) is None
    assert not files_with(primary, *ERASED, PERSON)
    primary.sql("REASSIGN OWNED BY owner TO proxygraph; DROP OWNED BY owner", name)
    primary.sql("DROP OWNED BY owner")
    primary.sql("DROP ROLE owner")


async def test_a_pool_that_shares_connections_is_told_from_the_server_itself(
    primary: Cluster, standby: Cluster, name: str, tmp_path: Path
) -> None:
    program = shutil.which("pgbouncer")
    if program is None:
        pytest.skip("PgBouncer isn't installed. To run this: apt-get install pgbouncer")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    settings = tmp_path / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={primary.port} user=proxygraph\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        f"ignore_startup_parameters = {', '.join(purging.SETTINGS)}\n"
    )
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    with (tmp_path / "log").open("wb") as log:
        pool = subprocess.Popen([program, *user, str(settings)], stdout=log, stderr=log)
    try:
        address = Address(f"postgresql://proxygraph@127.0.0.1:{port}/{name}")
        until = time.monotonic() + 30
        while True:
            try:
                assert await Purge(address).advance(at_once=True) == POOLED
                break
            except DatabaseUnreachable:
                assert time.monotonic() < until, (tmp_path / "log").read_text("utf-8")
                await asyncio.sleep(0.05)
    finally:
        pool.terminate()
        pool.wait()
    assert set(stages(primary, name)) == {"erased"}
    assert primary.sql(WAITS_FOR, name) == POOLED
