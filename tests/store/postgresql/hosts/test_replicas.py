"""Reads go to replicas, and nobody reads from one what the primary has no more, however far behind the replica is."""

import asyncio
import time

import pytest

import bodies
from hosts import Pair, aside, erase, port, read_from, stored, until
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive
from store.errors import DatabaseReadOnly, Unavailable
from store.sync.runs import start_run
from store.sync.status import StatusQuery


async def test_operations_read_from_the_replica_and_writes_go_to_the_primary(pair: Pair) -> None:
    async with pair.opened() as archive:
        assert await port(archive) == pair.standby.port
        assert await stored(archive)
        await erase(archive)
        assert not await stored(archive)


async def test_a_standby_that_is_named_as_the_database_refuses_each_write_with_a_sentence(pair: Pair) -> None:
    address = Address(pair.standby.url(pair.name))
    async with open_archive(address, create=False) as archive:
        with pytest.raises(DatabaseReadOnly, match=r"can only be read: it is a standby.* Name the primary\."):
            await erase(archive)
        assert await stored(archive)


async def test_what_was_deleted_is_not_read_from_a_replica_that_is_held_back(pair: Pair) -> None:
    async with pair.opened(lag=3600) as deleting, pair.opened(lag=3600) as another:
        pair.standby.sql("SELECT pg_wal_replay_pause()")
        assert await port(another) == pair.standby.port
        await erase(deleting)
        assert not await stored(deleting)
        assert not await stored(another)  # It has no word of the deletion but that of the primary.
        assert await port(another) == pair.primary.port
        pair.standby.sql("SELECT pg_wal_replay_resume()")
        await read_from(another, pair.standby)


async def test_what_was_deleted_is_not_read_from_a_replica_whose_setting_delays_it(pair: Pair) -> None:
    pair.standby.sql("ALTER SYSTEM SET recovery_min_apply_delay = '1h'")
    pair.standby.sql("SELECT pg_reload_conf()")
    try:
        async with pair.opened(lag=3600) as deleting, pair.opened(lag=3600) as another:
            await erase(deleting)
            assert pair.standby.sql("SELECT count(*) FROM interaction", pair.name) == "1"
            assert not await stored(another)
            assert not await stored(deleting)
            assert await port(another) == pair.primary.port
    finally:
        pair.standby.sql("ALTER SYSTEM RESET recovery_min_apply_delay")
        pair.standby.sql("SELECT pg_reload_conf()")


async def test_an_operation_that_is_cancelled_cancels_no_other_that_asked_the_primary_with_it(pair: Pair) -> None:
    async with pair.opened() as archive:
        asking = [asyncio.create_task(archive.version.current()) for _ in range(3)]
        await asyncio.sleep(0)  # All three have asked, and share one statement.
        asking[0].cancel()
        cancelled, one, other = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(cancelled, asyncio.CancelledError)
        assert one == other == await archive.version.current()


async def test_a_deletion_is_never_followed_by_an_answer_with_its_row(pair: Pair) -> None:
    sids = [bodies.sid("KI", number) for number in range(2, 60)]
    wrong = []
    async with pair.opened(lag=3600) as deleting, pair.opened(lag=3600) as another:
        await bodies.put(deleting, *(bodies.interaction(number) for number in range(2, 60)))
        for sid in sids:
            await erase(deleting, sid)
            found = await asyncio.gather(*(stored(archive, sid) for archive in (another, deleting, another)))
            wrong += [sid] if any(found) else []
    assert wrong == []


async def test_the_status_of_the_sync_is_the_primarys_since_it_has_no_data_version(pair: Pair) -> None:
    async with pair.opened(lag=3600) as archive:
        pair.standby.sql("SELECT pg_wal_replay_pause()")
        await start_run(archive, "full")
        reader = archive.operation_reader()
        (status,) = await reader.read(StatusQuery(), [None])
        await reader.release()
        assert await port(archive) == pair.standby.port
    assert (status.mode, status.is_running()) == ("full", True)


async def test_a_replica_too_far_behind_is_not_asked_until_it_has_caught_up(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "proxygraph.store")
    async with pair.opened(lag=0.2) as archive:
        pair.standby.sql("SELECT pg_wal_replay_pause()")
        await bodies.put(archive, bodies.interaction(2))

        async def is_left_out() -> bool:
            return any("is more than 0.2 seconds behind the primary" in message for message in caplog.messages)

        await until(is_left_out)
        ((lag, server),) = [(lag, server) for name, lag, server in archive.figures() if name == "replica_lag_seconds"]
        assert (lag > 0.2, server) == (True, f"127.0.0.1:{pair.standby.port}")
        pair.standby.sql("SELECT pg_wal_replay_resume()")
        await read_from(archive, pair.standby)


async def test_a_frozen_replica_delays_a_read_by_no_more_than_some_seconds(pair: Pair) -> None:
    async with pair.opened() as archive:
        assert await port(archive) == pair.standby.port
        pair.standby.freeze()
        begun = time.monotonic()
        assert await stored(archive)
        assert time.monotonic() - begun < 8
        assert await port(archive) == pair.primary.port
        pair.standby.thaw()
        await read_from(archive, pair.standby)


async def test_a_killed_replica_fails_no_read_and_is_read_again_when_it_is_back(pair: Pair) -> None:
    failures: list[str] = []

    async def reading(archive: Archive) -> None:
        while True:
            for attempt in (1, 2):  # An operation that fails in its middle is run once more, as the gateway does.
                try:
                    assert await stored(archive)
                    break
                except Unavailable as error:
                    failures.extend([str(error)] if attempt == 2 else [])
            await asyncio.sleep(0.01)

    async with pair.opened() as archive:
        readers = [asyncio.create_task(reading(archive)) for _ in range(2)]
        await read_from(archive, pair.standby)
        await aside(pair.standby.kill)
        await read_from(archive, pair.primary)
        await aside(pair.standby.start)
        await read_from(archive, pair.standby)
        for reader in readers:
            reader.cancel()
        ended = await asyncio.gather(*readers, return_exceptions=True)
    assert [type(end) for end in ended] == [asyncio.CancelledError] * 2
    assert failures == []
