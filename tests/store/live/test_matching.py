"""Which changes concern a filter's Interactions: decided by the archive as it is now."""

import sqlite3

import pytest

from bodies import interaction, put, sid
from store.changes import read_feed
from store.engine.protocols import Archive
from store.erasure.interactions import erase
from store.errors import StoreError
from store.interactions import InteractionFilter
from store.live.matching import Matching
from store.queries.changes import Change, ChangedType, FeedQuery

OF_RESOURCE = InteractionFilter(resource_sid=sid("SM", 1))


async def first_change(archive: Archive) -> Change:
    page = await read_feed(archive, FeedQuery(0, 1, frozenset({ChangedType.INTERACTION})))
    return page.changes[0]


async def test_what_was_erased_matches_no_more_though_it_matched_before(archive: Archive) -> None:
    """Otherwise who subscribes later could learn what the erased Interaction was."""
    await put(archive, interaction(1))
    created, matching = await first_change(archive), Matching(archive)
    assert await matching.matches(OF_RESOURCE, created)
    await erase(archive, sid("KI", 1))
    assert not await matching.matches(OF_RESOURCE, created)


async def test_a_decision_that_failed_is_made_again(archive: Archive) -> None:
    await put(archive, interaction(1))
    created, matching = await first_change(archive), Matching(archive)
    async with archive.writer.transaction() as transaction:
        await transaction.execute("ALTER TABLE interaction RENAME TO elsewhere")
    with pytest.raises((StoreError, sqlite3.Error)):
        await matching.matches(OF_RESOURCE, created)
    async with archive.writer.transaction() as transaction:
        await transaction.execute("ALTER TABLE elsewhere RENAME TO interaction")
    assert await matching.matches(OF_RESOURCE, created)
