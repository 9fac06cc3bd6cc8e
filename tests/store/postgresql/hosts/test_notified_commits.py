"""Whoever follows the changes learns of a commit of any process at once."""

import asyncio
import time

import pytest

import bodies
from hosts import Pair
from store.archive import open_archive
from store.postgresql.hosts import notified_commits


async def test_a_commit_of_another_process_is_noticed_within_50_ms(pair: Pair) -> None:
    delays = []
    async with open_archive(pair.address) as following, open_archive(pair.address) as writing:
        commits = following.commits()
        count = await commits.after(commits.count())  # It listens now.
        for number in range(2, 12):
            noticed = asyncio.create_task(commits.after(count))
            await bodies.put(writing, bodies.interaction(number))
            begun = time.perf_counter()
            count = await noticed
            delays.append(time.perf_counter() - begun)
        await commits.stop()
    assert sorted(delays)[len(delays) // 2] < 0.05


async def test_without_notifications_the_primary_is_asked(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind a pool of connections that passes no notifications on."""
    monkeypatch.setattr(notified_commits, "CHANNEL", "another")
    async with open_archive(pair.address) as following, open_archive(pair.address) as writing:
        commits = following.commits()
        count = await commits.after(commits.count())
        await bodies.put(writing, bodies.interaction(2))
        assert await asyncio.wait_for(commits.after(count), 10) > count
        await commits.stop()
