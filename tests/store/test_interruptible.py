"""What runs for too long is interrupted, also what runs without a task, and nothing else is."""

import asyncio
import time

import pytest

from gateway.http.tasks import start_eagerly
from store.engine.interruptible import Expiring, Interruptible, Watch


async def test_what_is_due_is_interrupted_and_what_is_not_goes_on() -> None:
    watch, now = Watch(0.001), time.monotonic()
    late, early = Expiring(asyncio.sleep(60), now), Expiring(asyncio.sleep(0.05, "done"), now + 60)
    for each in (late, early):
        watch.add(each)

    async def run(each: Expiring[None] | Expiring[str]) -> object:
        return await each

    running = asyncio.gather(run(late), run(early), return_exceptions=True)
    results = await running
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1] == "done"
    assert (late.is_interrupted, early.is_interrupted) == (True, False)


async def test_what_is_discarded_is_left_alone() -> None:
    watch = Watch(0.001)
    reading = Expiring(asyncio.sleep(0.05, "done"), time.monotonic())
    watch.add(reading)
    watch.discard(reading)
    assert await reading == "done"


async def test_it_is_interrupted_at_its_first_wait_which_has_no_task() -> None:
    ended: list[str] = []

    async def waiting() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cleaned up")

    reading = Interruptible(waiting())

    async def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            await reading

    task = start_eagerly(asyncio.get_running_loop(), run())
    assert task is not None
    reading.interrupt()
    await task
    assert ended == ["cleaned up"]


async def test_one_that_yields_is_interrupted_at_its_next_turn() -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(0)

    reading = Interruptible(busy())
    asyncio.get_running_loop().call_soon(reading.interrupt)
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_cancellation_of_its_task_is_no_interruption() -> None:
    reading = Interruptible(asyncio.sleep(60))

    async def run() -> None:
        await reading

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not reading.is_interrupted


async def test_one_that_is_interrupted_before_it_waits_is_not_waited_for() -> None:
    reading = Interruptible(asyncio.sleep(60))
    reading.interrupt()
    with pytest.raises(asyncio.CancelledError):
        await reading
