"""Hands the new changes of the feed to all that follow it: read once by a process, as soon as they are committed.

Nobody has to trust this: a follower has a position in the feed, and reads what it missed from there. So one that falls
behind holds no more than MOST_PENDING changes; it loses nothing, and gets nothing twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from store.changes import read_feed
from store.engine.protocols import Archive, Commits
from store.live.outages import RETRY_SECONDS, once_available
from store.queries.changes import Change, FeedPage, FeedQuery

READ_AT_ONCE = 500
CAUGHT_UP_AT_ONCE = 100
MOST_PENDING = 1_000
"""A follower with more pending changes than this drops them, and reads them again from the feed when it gets there."""

log = logging.getLogger("proxygraph.gateway")


class FeedPositionLost(Exception):
    """The feed no longer has all changes after a follower's position, or the position is of another feed."""


class FeedPosition(NamedTuple):
    """A position in the feed ``epoch``: after the change with this number."""

    epoch: str
    number: int


class _Follower:
    """Who follows: what it wants, and the changes that wait for it."""

    def __init__(self, query: FeedQuery, service_sid: str | None) -> None:
        self.query, self.service_sid = query, service_sid
        self.pending: deque[Change] = deque()
        self.is_behind = False
        self._waiting: asyncio.Future[None] | None = None

    def wants(self, change: Change) -> bool:
        types, kinds = self.query.types, self.query.kinds
        return (
            (types is None or change.type in types)
            and (kinds is None or change.kind in kinds)
            and (self.service_sid is None or self.service_sid == change.service_sid)
        )

    def add(self, change: Change) -> None:
        if self.is_behind:  # It will read this one from the feed, after those that it has dropped.
            return
        if len(self.pending) >= MOST_PENDING:
            self.fall_behind()
        else:
            self.pending.append(change)
        self.wake()

    def fall_behind(self) -> None:
        self.pending.clear()
        self.is_behind = True

    def wake(self) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(None)

    async def woken(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting


class Changes:
    """The feed of one archive."""

    def __init__(self, archive: Archive, commits: Commits) -> None:
        self._archive, self._commits = archive, commits
        self._of_session: dict[str, set[_Follower]] = {}
        self._others: set[_Follower] = set()
        self._reading: asyncio.Task[None] | None = None
        self._ending = set[asyncio.Task[None]]()
        self._epoch, self._last = "", 0

    async def position(self, asked: FeedPosition | None) -> FeedPosition:
        """``asked``, or the end of the feed for None. Raises FeedPositionLost if changes after it are missing."""
        state = await read_feed(self._archive, FeedQuery(asked.number if asked else 0, 0))
        if asked is None:
            return FeedPosition(state.epoch, state.last)
        _demand_kept(state, asked.epoch)
        return asked

    async def follow(
        self, query: FeedQuery, start: FeedPosition, service_sid: str | None = None
    ) -> AsyncGenerator[Change, None]:
        """The changes after ``start``, and then each new one, that meet the query's conditions.

        ``service_sid`` is a further condition. Waits while the database can't be reached. Raises FeedPositionLost if
        changes after the position are missing.
        """
        epoch, position = start
        with self._followed(query, service_sid) as follower:
            while True:
                follower.is_behind = False
                while True:
                    wanted = query._replace(after=position, limit=CAUGHT_UP_AT_ONCE)
                    page = await once_available(partial(read_feed, self._archive, wanted))
                    _demand_kept(page, epoch)
                    for change in page.changes:
                        position = change.number
                        if follower.wants(change):
                            yield change
                    if len(page.changes) < CAUGHT_UP_AT_ONCE:
                        break
                position = max(position, page.last)
                # Later commits are in ``pending``: the follower was registered before the page was read.
                while not follower.is_behind:
                    while follower.pending:
                        change = follower.pending.popleft()
                        if change.number > position:
                            position = change.number
                            yield change
                    if not follower.is_behind:
                        position = max(position, self._last if epoch == self._epoch else 0)
                        await follower.woken()

    async def stop(self) -> None:
        """Stops reading."""
        self._end_reading()
        await asyncio.gather(*self._ending, return_exceptions=True)

    @contextmanager
    def _followed(self, query: FeedQuery, service_sid: str | None) -> Iterator[_Follower]:
        follower, sid = _Follower(query, service_sid), query.session_sid
        group = self._others if sid is None else self._of_session.setdefault(sid, set())
        group.add(follower)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        try:
            yield follower
        finally:
            group.discard(follower)
            if sid is not None and not group and self._of_session.get(sid) is group:
                del self._of_session[sid]
            if not self._others and not self._of_session:
                self._end_reading()

    def _end_reading(self) -> None:
        """Cancels the task that reads the feed. It ends a little later, so the next follower starts a new one."""
        ending, self._reading = self._reading, None
        if ending:
            ending.cancel()
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    async def _read(self) -> None:
        """Reads the feed from its end, as long as anybody follows it."""
        has_position = False
        while True:
            try:
                count = self._commits.count()
                page = await read_feed(self._archive, FeedQuery(self._last if has_position else 0, READ_AT_ONCE))
            except Exception as error:
                log.warning("The change feed can't be read, and will be tried again: %s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if not has_position or page.epoch != self._epoch or not page.is_kept:
                # Whoever follows already reads the feed from its own position.
                has_position, self._epoch, self._last = True, page.epoch, page.last
                self._tell_all()
                continue
            for change in page.changes:
                self._hand_out(change)
            if len(page.changes) < READ_AT_ONCE:
                self._last = page.last
                await self._commits.after(count)
            else:
                self._last = page.changes[-1].number
                await asyncio.sleep(0)

    def _hand_out(self, change: Change) -> None:
        for follower in self._of_session.get(change.session_sid or "", ()):
            if follower.wants(change):
                follower.add(change)
        for follower in self._others:
            if follower.wants(change):
                follower.add(change)

    def _tell_all(self) -> None:
        for group in (self._others, *self._of_session.values()):
            for follower in group:
                follower.fall_behind()
                follower.wake()


def _demand_kept(feed: FeedPage, epoch: str) -> None:
    if feed.epoch != epoch or not feed.is_kept:
        raise FeedPositionLost
