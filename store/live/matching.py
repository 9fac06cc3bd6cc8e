"""Decides which changes concern the Interactions that a filter selects, once for all followers with the same filter.

A decision holds for one state of the archive: an erased Interaction doesn't match by what is remembered of it.
"""

import asyncio
from functools import partial

from cachetools import LRUCache

from store.engine.protocols import Archive
from store.engine.sql import text_of
from store.interactions import InteractionFilter
from store.live.outages import once_available
from store.queries.changes import Change, ChangeKind

MATCHES = "SELECT count(*) FROM interaction WHERE sid = :sid AND {conditions}"
REMEMBERED = 2_000
BY_CHANGE = frozenset({"service_sid", "session_sid"})
"""The conditions that a change itself can tell; they are already met."""


def is_met_by_change(wanted: InteractionFilter) -> bool:
    """Whether the filter has only conditions that a change itself can tell; then there is nothing to decide."""
    return wanted.active_names() <= BY_CHANGE


class Matching:
    """The filters over one archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._known: LRUCache[tuple[InteractionFilter, int, str], asyncio.Task[bool]] = LRUCache(REMEMBERED)

    async def matches(self, wanted: InteractionFilter, change: Change) -> bool:
        """Whether the Interaction that changed meets the conditions now.

        One that was erased has nothing left to compare. So its erasure counts as a match, for copies to erase it too.
        """
        if change.kind is ChangeKind.ERASED:
            return True
        key = wanted, change.number, await once_available(self._archive.version.current)
        task = self._known.get(key)
        if task is None:
            task = self._known[key] = asyncio.create_task(once_available(partial(self._read, wanted, change.sid)))
            task.add_done_callback(partial(self._forget_failed, key))
        return await asyncio.shield(task)

    def _forget_failed(self, key: tuple[InteractionFilter, int, str], task: asyncio.Task[bool]) -> None:
        if task.cancelled() or task.exception():
            self._known.pop(key, None)

    async def _read(self, wanted: InteractionFilter, sid: str) -> bool:
        dialect, names = self._archive.dialect, sorted(wanted.active_names())
        conditions = [text_of(wanted.conditions[name], dialect).format(value=f":{name}") for name in names]
        parameters = {"sid": sid, **wanted.parameters()}
        ((count,),) = await self._archive.fetch(MATCHES.format(conditions=" AND ".join(conditions)), parameters)
        return bool(count)
