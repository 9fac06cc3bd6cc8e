"""Work that a cancellation must not interrupt ends first, and the cancellation is not lost."""

import asyncio

import pytest

from store.engine.cancellation import finish_even_if_cancelled


async def test_a_cancellation_is_raised_when_the_work_is_done() -> None:
    begun, goes_on, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await goes_on.wait()
        done.append(True)

    task = asyncio.create_task(finish_even_if_cancelled(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [True]


async def test_without_a_cancellation_the_result_or_the_error_is_that_of_the_work() -> None:
    async def work(number: int) -> float:
        return 1 / number

    assert await finish_even_if_cancelled(work(1)) == 1
    with pytest.raises(ZeroDivisionError):
        await finish_even_if_cancelled(work(0))
