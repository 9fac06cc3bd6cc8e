"""Followers of the change feed in one process: each change once, wherever it was read."""

import asyncio

import pytest

from bodies import interaction, put, sid
from store.changes import read_feed
from store.engine.protocols import Archive, Readable
from store.live import changes
from store.live.updates import LiveUpdates
from store.queries.changes import ChangeKind, FeedPage, FeedQuery

ALL = FeedQuery(0, 0)


async def test_a_change_that_is_read_and_also_handed_out_comes_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower is known before it reads the feed, so a change that is committed in between reaches it both ways."""
    live = LiveUpdates(archive)
    first = live.changes.follow(ALL, await live.changes.position(None))
    await put(archive, interaction(9))
    assert (await anext(first)).sid == sid("KI", 9)
    handed_out = asyncio.ensure_future(anext(first))

    async def after_a_commit(opened: Readable, query: FeedQuery) -> FeedPage:
        catches_up = query.limit == changes.CAUGHT_UP_AT_ONCE and asyncio.current_task() is not handed_out
        if catches_up and not handed_out.done():
            await put(archive, interaction(1))
            await handed_out
        return await read_feed(opened, query)

    position = await live.changes.position(None)
    monkeypatch.setattr(changes, "read_feed", after_a_commit)
    second = live.changes.follow(ALL, position)
    assert (await anext(second)).sid == sid("KI", 1)
    await put(archive, interaction(2))
    assert (await anext(second)).sid == sid("KI", 2)
    for follower in (first, second):
        await follower.aclose()
    await live.close()


async def test_one_who_follows_as_the_last_other_leaves_hears_of_later_changes(archive: Archive) -> None:
    """The task that reads the feed for all ends when the last follower leaves, but not at once."""
    live = LiveUpdates(archive)
    first = live.changes.follow(ALL, await live.changes.position(None))
    await put(archive, interaction(1))
    assert (await anext(first)).sid == sid("KI", 1)
    second = live.changes.follow(ALL, await live.changes.position(None))
    leaving, following = asyncio.ensure_future(first.aclose()), asyncio.ensure_future(anext(second))
    await leaving
    async with asyncio.timeout(20):
        number = 1
        while not following.done():
            number += 1
            await put(archive, interaction(number))
            await asyncio.wait([following], timeout=0.2)
        assert (await following).kind is ChangeKind.CREATED
    await second.aclose()
    await live.close()


async def test_one_who_is_busy_while_it_falls_behind_misses_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that come after those that it has dropped must wait until it has read them from the feed."""
    monkeypatch.setattr(changes, "MOST_PENDING", 3)
    live = LiveUpdates(archive)
    busy, other = [live.changes.follow(ALL, await live.changes.position(None)) for _ in range(2)]
    await put(archive, interaction(1))
    assert [(await anext(each)).sid for each in (busy, other)] == [sid("KI", 1)] * 2
    handed_out = [asyncio.ensure_future(anext(each)) for each in (busy, other)]
    await asyncio.sleep(0)  # Both have read the feed, and wait for what is handed out.
    await put(archive, interaction(2))
    assert [change.sid for change in await asyncio.gather(*handed_out)] == [sid("KI", 2)] * 2
    await put(archive, *(interaction(number) for number in range(3, 13)))
    assert [(await anext(other)).sid for _ in range(10)] == [sid("KI", number) for number in range(3, 13)]
    async with asyncio.timeout(20):
        assert [(await anext(busy)).sid for _ in range(10)] == [sid("KI", number) for number in range(3, 13)]
    for follower in (busy, other):
        await follower.aclose()
    await live.close()
