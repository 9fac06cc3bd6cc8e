"""One process syncs at a time: another takes over when it has died, and one that lost its lock can't write on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

import bodies
from fake_twilio import FakeTwilio
from gateway.sync import reconcile, schedule
from gateway.sync.reconcile import ErasureRules
from gateway.sync.retention import Gone
from gateway.sync.schedule import ScheduledSync
from gateway.sync.write_buffer import WriteBuffer
from mirror import Mirror, account, mirroring
from store import twilio_mapping
from store.errors import SyncSuperseded
from store.services import Service
from store.sync import runs
from store.sync.runs import RunCounts, start_run

HOUR = timedelta(hours=1)


@pytest.fixture
async def mirror(database: Path) -> AsyncIterator[Mirror]:
    fake = FakeTwilio()
    account(fake)
    async with mirroring(database, fake) as mirror:
        yield mirror


@pytest.fixture(autouse=True)
def _looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "LOOK_SECONDS", 0.01)


def scheduled(mirror: Mirror, every: timedelta = HOUR) -> ScheduledSync:
    return ScheduledSync(mirror.archive, mirror.twilio, mirror.settings(), every, HOUR)


async def outcomes(mirror: Mirror) -> list[tuple[int, str | None]]:
    return [(row[0], row[1]) for row in await mirror.archive.fetch("SELECT number, outcome FROM sync_run ORDER BY 1")]


async def test_a_run_writes_nothing_once_a_later_one_has_begun(mirror: Mirror) -> None:
    first = await start_run(mirror.archive, "full")
    buffer = WriteBuffer(mirror.archive, mirror.twilio, first, RunCounts())
    await buffer.add([twilio_mapping.record(Service, bodies.service(1))])
    await start_run(mirror.archive, "full")
    with pytest.raises(SyncSuperseded, match="This sync, run 1, lost its lock, and another process has begun run 2"):
        await buffer.flush()
    assert await mirror.stored("KS") == []
    with pytest.raises(SyncSuperseded):
        await runs.finish_run(mirror.archive, first, RunCounts(), {}, "complete", None)
    assert await outcomes(mirror) == [(1, None), (2, None)]


@pytest.mark.parametrize("keep", [False, True])
async def test_a_run_erases_and_marks_nothing_once_a_later_one_has_begun(mirror: Mirror, keep: bool) -> None:
    await bodies.put(mirror.archive, bodies.service(1), bodies.session(1), bodies.interaction(1))
    first = await start_run(mirror.archive, "full")
    await start_run(mirror.archive, "full")
    gone = Gone([bodies.sid("KI", 1)], [bodies.sid("KC", 1)], [], [])
    with pytest.raises(SyncSuperseded):
        await reconcile.apply(mirror.archive, first, gone, ErasureRules(keep), RunCounts(), services_exist=True)
    assert await mirror.stored("KI") == [bodies.sid("KI", 1)]
    assert await mirror.column("KC", "kept_at") == {bodies.sid("KC", 1): None}
    assert list(await mirror.archive.fetch("SELECT sid FROM deletion")) == []


async def test_a_server_takes_over_from_one_that_died_before_its_own_turn(mirror: Mirror) -> None:
    waiting = scheduled(mirror)
    await waiting()
    stack = AsyncExitStack()
    await stack.enter_async_context(mirror.archive.sync_lock())
    dead = await start_run(mirror.archive, "incremental")
    taking_over = asyncio.create_task(waiting())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(taking_over), 0.1)
    await stack.aclose()  # As the system frees the lock of a process that has died.
    await taking_over
    assert await outcomes(mirror) == [(1, "complete"), (dead, None), (dead + 1, "complete")]


async def test_a_server_does_not_repeat_the_run_that_it_waited_for(
    mirror: Mirror, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "proxygraph.sync")
    stack = AsyncExitStack()
    await stack.enter_async_context(mirror.archive.sync_lock())
    await start_run(mirror.archive, "incremental")
    waiting = asyncio.create_task(scheduled(mirror)())
    while "Another process is syncing." not in caplog.messages:
        await asyncio.sleep(0)
    await runs.finish_run(mirror.archive, 1, RunCounts(), {}, "complete", None)
    await stack.aclose()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(waiting, 0.2)
    assert await outcomes(mirror) == [(1, "complete")]


async def test_a_run_that_failed_is_no_reason_to_take_over(mirror: Mirror) -> None:
    await start_run(mirror.archive, "incremental")
    await runs.finish_run(mirror.archive, 1, RunCounts(), {}, "failed", "It failed.")
    own = scheduled(mirror)
    await own()  # The first run of a server is always due.
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(own(), 0.2)
    assert await outcomes(mirror) == [(1, "failed"), (2, "complete")]
