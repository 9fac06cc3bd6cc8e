"""A purge where PostgreSQL archives its log: no file that is kept for the archive has what is called out of the log."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import postgresql
from canaries_in_clusters import erase, files_with, fill, stages
from postgresql import Cluster, catch_up
from store.engine.database import Address
from store.postgresql.purging.stages import Purge

COPY = "test ! -e ../is-down && mkdir -p ../archived && cp %p ../archived/%f"
ERASED = [3, 7, 19]


@contextmanager
def archiving(wal_recycle: str) -> Iterator[Cluster]:
    with postgresql.cluster(archive_mode="on", archive_command=COPY, wal_recycle=wal_recycle) as cluster:
        yield cluster


async def finish(cluster: Cluster, name: str) -> None:
    """Purges until nothing is left to do: PostgreSQL archives in its own time."""
    purge = Purge(Address(cluster.url(name)))
    async with asyncio.timeout(120):
        while reason := await purge.advance(at_once=True):
            assert "the archiver, which has not copied it yet" in reason
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("wal_recycle", ["off", "on"])
async def test_log_that_was_not_archived_yet_is_waited_for_and_then_no_file_has_a_byte(wal_recycle: str) -> None:
    with archiving(wal_recycle) as cluster:
        is_down = cluster.folder / "is-down"
        is_down.touch()
        name = cluster.database()
        await fill(cluster, name, 20, large=3)
        erase(cluster, name, *ERASED)
        reason = await Purge(Address(cluster.url(name))).advance(at_once=True)
        assert "the archiver, which has not copied it yet" in str(reason)
        assert set(stages(cluster, name)) == {"purged"}
        assert files_with(cluster, *ERASED, folders=("pg_wal",))
        is_down.unlink()
        await finish(cluster, name)
        assert set(stages(cluster, name)) == {"closed"}
        assert not files_with(cluster, *ERASED)


@pytest.mark.parametrize("wal_recycle", ["off", "on"])
async def test_the_segment_in_which_a_standby_was_promoted_is_waited_for(wal_recycle: str) -> None:
    """PostgreSQL renames it to ``*.partial``, archives it too, and keeps it for a checkpoint longer than others."""
    with archiving(wal_recycle) as primary, postgresql.standby(primary) as cluster:
        name = primary.database()
        await fill(primary, name, 20, large=3)
        catch_up(cluster, primary)
        primary.kill()
        cluster.sql("SELECT pg_promote()")
        partial = files_with(cluster, *ERASED, folders=("pg_wal",))
        assert any(file.endswith(".partial") for file in partial), partial
        erase(cluster, name, *ERASED)
        await finish(cluster, name)
        assert set(stages(cluster, name)) == {"closed"}
        assert not files_with(cluster, *ERASED)
