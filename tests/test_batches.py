"""What the walk read is written every few seconds, and neither is a write cut off nor does it hide that a run stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import bodies
from fake_twilio import FakeTwilio
from gateway.sync.write_buffer import Batches
from mirror import Mirror, mirroring
from store import twilio_mapping
from store.services import Service
from store.sync.runs import Progress, start_run


@pytest.fixture
async def mirror(database: Path) -> AsyncIterator[Mirror]:
    async with mirroring(database, FakeTwilio()) as mirror:
        yield mirror


@asynccontextmanager
async def at_the_end_while_a_flush_waits(mirror: Mirror) -> AsyncIterator["asyncio.Task[None]"]:
    """A run that is over but for the flush that took its row, and that waits for who else writes, in this block."""
    run = await start_run(mirror.archive, "full")
    batches = Batches(mirror.archive, mirror.twilio, run, Progress())
    await batches.add([twilio_mapping.record(Service, bodies.service(1))])

    async def to_the_end() -> None:
        async with batches.flushing(0):
            while batches.waiting:
                await asyncio.sleep(0)

    async with mirror.archive.writer.transaction():
        ending = asyncio.create_task(to_the_end())
        while batches.waiting:
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not ending.done()
        yield ending


async def test_a_flush_that_is_under_way_at_the_end_is_waited_for(mirror: Mirror) -> None:
    async with at_the_end_while_a_flush_waits(mirror) as ending:
        pass
    await ending
    assert await mirror.held("KS") == [bodies.sid("KS", 1)]


async def test_a_run_that_is_stopped_during_its_last_flush_is_stopped(mirror: Mirror) -> None:
    async with at_the_end_while_a_flush_waits(mirror) as ending:
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
    assert await mirror.held("KS") == []


async def test_what_a_flush_that_was_cut_off_was_to_write_is_written_by_the_next(mirror: Mirror) -> None:
    batches = Batches(mirror.archive, mirror.twilio, await start_run(mirror.archive, "full"), Progress())
    await batches.add([twilio_mapping.record(Service, bodies.service(1))])
    async with mirror.archive.writer.transaction():
        flushing = asyncio.create_task(batches.flush())
        while batches.waiting:
            await asyncio.sleep(0)
        await batches.add([twilio_mapping.record(Service, bodies.service(2))])
        flushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
    await batches.flush()
    assert await mirror.held("KS") == [bodies.sid("KS", 1), bodies.sid("KS", 2)]
