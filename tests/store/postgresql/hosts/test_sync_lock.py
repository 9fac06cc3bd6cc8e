"""One process syncs an archive of PostgreSQL at a time, by a lock that dies with its connection."""

import asyncio

import pytest

from hosts import Pair
from store.archive import open_archive
from store.engine.protocols import Archive
from store.errors import SyncAlreadyRunning, SyncSuperseded

HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = x'50785379'::int AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_only_one_process_at_a_time_holds_the_lock(pair: Pair) -> None:
    async with open_archive(pair.address) as first, open_archive(pair.address) as second:
        async with first.sync_lock():
            with pytest.raises(SyncAlreadyRunning, match="is running already; let it finish, or stop it first"):
                async with second.sync_lock():
                    raise AssertionError("Both have the lock.")
        async with second.sync_lock():
            pass


async def test_a_process_that_loses_the_lock_is_stopped_and_another_gets_it(pair: Pair) -> None:
    async with open_archive(pair.address) as first, open_archive(pair.address) as second:
        with pytest.raises(SyncSuperseded, match="lost its connection"):
            await _lose(first, pair)
        async with second.sync_lock():
            pass


async def _lose(archive: Archive, pair: Pair) -> None:
    async with archive.sync_lock():
        pair.primary.sql(f"SELECT pg_terminate_backend(({HOLDER}))", pair.name)
        await asyncio.Event().wait()


async def test_the_lock_holds_through_a_transaction_pool_and_does_not_hold_vacuum_up(pair: Pair) -> None:
    async with open_archive(pair.address) as archive, archive.sync_lock():
        state = f"SELECT state, backend_xmin IS NULL FROM pg_stat_activity WHERE pid = ({HOLDER})"
        assert pair.primary.sql(state, pair.name) == "idle in transaction|t"
