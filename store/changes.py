"""Reads the change feed outside of requests, and trims it: the feed keeps changes for a limited time.

store/queries/changes.py says what the feed is, and has its queries.
"""

from datetime import UTC, datetime, timedelta

from store.engine.protocols import Archive, Readable
from store.engine.sql import Statement
from store.queries.changes import STATE, FeedPage, FeedQuery
from store.twilio_mapping import instant

TRIMMED_AT_ONCE = 10_000
LAST_OF_OLDEST = "SELECT number, at FROM change WHERE number > :dropped ORDER BY number LIMIT 1 OFFSET :offset"
DROP = "DELETE FROM change WHERE number <= :number"
NOTE_DROPPED = "UPDATE change_feed SET dropped = :number"
NEW_EPOCH = Statement(lambda dialect: f"UPDATE change_feed SET epoch = {dialect.random_digits()}")
"""To be run where numbers could mean other changes than before, as after a restore: it makes all cursors expire."""


async def read_feed(archive: Readable, query: FeedQuery) -> FeedPage:
    """The page of ``query``, for readers outside of a request."""
    ((payload,),) = await archive.fetch(query.sql, query.parameters((None,)))
    return query.answer(payload, (None,))[0]


async def trim(archive: Archive, kept: timedelta) -> int:
    """Drops the changes that are older than ``kept``, some thousands in each transaction; returns how many."""
    before = instant((datetime.now(UTC) - kept).isoformat())
    total = 0
    while True:
        ((_, dropped, last, _),) = await archive.fetch(STATE, {"after": 0})
        offset = TRIMMED_AT_ONCE - 1
        found = list(await archive.fetch(LAST_OF_OLDEST, {"dropped": dropped, "offset": offset}))
        number, at = found[0] if found else (last, None)
        if at is None or at >= before:
            number = await _last_before(archive, dropped, number, before)
        if number <= dropped:
            return total
        async with archive.writer.transaction() as transaction:
            total += await transaction.execute(DROP, {"number": number})
            await transaction.execute(NOTE_DROPPED, {"number": number})


async def _last_before(archive: Archive, low: int, high: int, before: str) -> int:
    """The last of the numbers from ``low`` to ``high`` whose change is older than ``before``, by bisection."""
    sql = "SELECT number, at FROM change WHERE number > :low AND number <= :high ORDER BY number LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        found = list(await archive.fetch(sql, {"low": middle, "high": high}))
        if found and found[0][1] < before:
            low = found[0][0]
        else:
            high = middle
    return low
