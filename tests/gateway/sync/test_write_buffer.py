"""The write buffer flushes every few seconds, finishes a flush in progress, and doesn't hide a cancellation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import bodies
from fake_twilio import FakeTwilio
from gateway.sync.write_buffer import WriteBuffer
from mirror import Mirror, mirroring
from store import twilio_mapping
from store.engine.database import Database
from store.services import Service
from store.sync.runs import RunCounts, start_run


@pytest.fixture
async def mirror(database: Database) -> AsyncIterator[Mirror]:
    async with mirroring(database, FakeTwilio()) as mirror:
        yield mirror


@asynccontextmanager
async def at_the_end_while_a_flush_waits(mirror: Mirror) -> AsyncIterator["asyncio.Task[None]"]:
    """A run whose last flush waits for another writer's transaction until the end of the block."""
    run = await start_run(mirror.archive, "full")
    buffer = WriteBuffer(mirror.archive, mirror.twilio, run, RunCounts())
    await buffer.add([twilio_mapping.record(Service, bodies.service(1))])

    async def flush_to_the_end() -> None:
        async with buffer.flushing(0):
            while buffer.row_count:
                await asyncio.sleep(0)

    async with mirror.archive.writer.transaction():
        ending = asyncio.create_task(flush_to_the_end())
        while buffer.row_count:
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        assert not ending.done()
        yield ending


async def test_a_flush_in_progress_at_the_end_is_awaited(mirror: Mirror) -> None:
    async with at_the_end_while_a_flush_waits(mirror) as ending:
        pass
    await ending
    assert await mirror.stored("KS") == [bodies.sid("KS", 1)]


async def test_a_run_that_is_stopped_during_its_last_flush_is_stopped(mirror: Mirror) -> None:
    async with at_the_end_while_a_flush_waits(mirror) as ending:
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
    assert await mirror.stored("KS") == []


async def test_the_rows_of_an_interrupted_flush_are_written_by_the_next(mirror: Mirror) -> None:
    buffer = WriteBuffer(mirror.archive, mirror.twilio, await start_run(mirror.archive, "full"), RunCounts())
    await buffer.add([twilio_mapping.record(Service, bodies.service(1))])
    async with mirror.archive.writer.transaction():
        flushing = asyncio.create_task(buffer.flush())
        while buffer.row_count:
            await asyncio.sleep(0)
        await buffer.add([twilio_mapping.record(Service, bodies.service(2))])
        flushing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flushing
    await buffer.flush()
    assert await mirror.stored("KS") == [bodies.sid("KS", 1), bodies.sid("KS", 2)]
