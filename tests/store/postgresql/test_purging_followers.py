"""A purge waits for all that fetches the log of PostgreSQL, and removes none that a standby may still need."""

import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import postgresql
from canaries_in_clusters import erase, files_with, fill, stages
from hosts import Pair
from postgresql import Cluster, catch_up
from store.postgresql.purging import stages as purging
from store.postgresql.purging.stages import Purge

SEGMENTS = "SELECT min(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"


@pytest.fixture(scope="module")
def clusters() -> Iterator[tuple[Cluster, Cluster]]:
    with postgresql.cluster(wal_recycle="off") as primary, postgresql.standby(primary) as standby:
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


async def test_a_program_that_only_archives_the_log_is_not_taken_for_a_standby(pair: Pair, tmp_path: Path) -> None:
    with archiving(pair.primary, tmp_path / "archive"):
        assert await Purge(pair.address).advance(at_once=True) is None
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
    assert await Purge(pair.both).advance(at_once=True) is None
    assert stages(pair.primary, pair.name) == ["closed"]
    for cluster in (pair.primary, pair.standby):
        assert not files_with(cluster, 7)


async def test_no_log_is_removed_that_a_slow_standby_which_nobody_named_has_not_fetched(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "STANDBY_SECONDS", 0.2)
    pair.primary.sql("SELECT pg_create_physical_replication_slot('late', true)")
    assert "the replication slot late" in str(await Purge(pair.address).advance(at_once=True))
    assert stages(pair.primary, pair.name) == ["purged"]
    pair.standby.freeze()
    pair.primary.sql("SELECT pg_drop_replication_slot('late')")
    oldest = pair.primary.sql(SEGMENTS)
    for _ in range(2):
        pair.primary.sql("SELECT pg_logical_emit_message(false, 'a test', 'more')", pair.name)
        pair.primary.sql("SELECT pg_switch_wal()")
    try:
        assert "has not yet fetched the log" in str(await Purge(pair.address).advance(at_once=True))
        assert pair.primary.sql(SEGMENTS) == oldest
    finally:
        pair.standby.thaw()
    catch_up(pair.standby, pair.primary)
    assert await Purge(pair.address).advance(at_once=True) is None
    assert not files_with(pair.primary, 7)
