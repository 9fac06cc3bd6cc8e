"""Servers go on while a replica dies, or the primary, whose standby is promoted: no wrong answer, no lost deletion."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress

import aiohttp
import pytest

from hosts import Pair, aside
from reading_load import Load
from running_commands import running

pytestmark = pytest.mark.processes

MANY = 100


@contextmanager
def two_servers(pair: Pair) -> Iterator[tuple[str, str]]:
    with server(pair) as first, server(pair) as second:
        yield first, second


def server(pair: Pair) -> AbstractContextManager[str]:
    return running("serve", "--database", pair.both.url, PROXYGRAPH_ACCESS_LOG="off", PROXYGRAPH_MAX_CONCURRENT="5000")


@asynccontextmanager
async def under(load: Load, session: aiohttp.ClientSession) -> AsyncIterator[None]:
    """Reads during the block, and checks that no answer was wrong."""
    reading = asyncio.create_task(load.run(session))
    try:
        yield
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
    assert load.wrong == []
    assert load.without_retry_after == 0


async def many_reads(load: Load) -> None:
    """Waits until many more reads were answered."""
    enough = load.statuses[200] + MANY
    while load.statuses[200] < enough:
        await asyncio.sleep(0.01)


async def test_no_read_fails_when_a_replica_is_killed(
    spare: Pair, sids: list[str], session: aiohttp.ClientSession
) -> None:
    with two_servers(spare) as servers:
        load = Load(servers, sids)
        async with under(load, session):
            await many_reads(load)
            for sid in sids[:10]:
                assert await load.delete(session, sid), load.refusals
            await aside(spare.standby.kill)
            await many_reads(load)
            for sid in sids[10:20]:
                assert await load.delete(session, sid), load.refusals
            await aside(spare.standby.start)
            await many_reads(load)
    assert (set(load.statuses), load.codes) == ({200}, {})


async def test_a_promoted_standby_keeps_each_answered_deletion_and_reads_fail_only_in_the_gap(
    spare: Pair, sids: list[str], session: aiohttp.ClientSession
) -> None:
    spare.primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    spare.primary.sql("SELECT pg_reload_conf()")
    with two_servers(spare) as servers:
        load = Load(servers, sids)

        async def deleting() -> None:
            for sid in sids[:300]:
                await load.delete(session, sid)

        async with under(load, session):
            await many_reads(load)
            deletions = asyncio.create_task(deleting())
            while len(load.deleted) < 20:
                await asyncio.sleep(0.01)
            killed = time.monotonic()
            await aside(spare.primary.kill)
            await aside(spare.standby.sql, "SELECT pg_promote()")
            promoted = time.monotonic()
            await many_reads(load)
            while len(load.deleted) < 40:
                await asyncio.sleep(0.01)
            deletions.cancel()
            await asyncio.gather(deletions, return_exceptions=True)
            await many_reads(load)
    assert set(load.statuses) <= {200, 503}
    last_failure = max(load.failed_at, default=killed)
    assert last_failure - promoted < 10, "Reads failed long after the promotion."
    left = spare.standby.sql("SELECT sid FROM interaction", spare.name).splitlines()
    assert set(load.deleted).isdisjoint(left)
    assert set(sids) - load.uncertain <= set(left)
    entries = spare.standby.sql("SELECT sid FROM deletion WHERE erased_at IS NOT NULL", spare.name).splitlines()
    assert set(load.deleted) <= set(entries)
