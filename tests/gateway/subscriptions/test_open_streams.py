"""Connections end with their keys, also while the archive can't be read."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from gateway.auth.authentication import Authenticator, Lease
from gateway.background import RoundFailed
from gateway.subscriptions.open_streams import CHECK_SECONDS, Ending, OpenStreams
from store import keys
from store.engine.protocols import Archive
from store.twilio_mapping import instant


async def test_what_has_expired_ends_while_keys_can_not_be_looked_up_and_the_next_check_comes_as_soon(
    archive: Archive,
) -> None:
    """A growing pause would let a key that is revoked meanwhile be valid for longer."""
    seconds = 0.0
    authenticator = Authenticator(archive, key_required=True, clock=lambda: seconds)

    async def lease(name: str, expires: str | None) -> Lease:
        key = await keys.create(archive, name, ("read",), expires)
        return await authenticator.lease({"client": ("127.0.0.1", 1)}, {b"authorization": f"Bearer {key}".encode()})

    expiring = await lease("expiring", instant((datetime.now(UTC) + timedelta(hours=1)).isoformat()))
    revoked = await lease("revoked", None)
    await authenticator.wait_for_notes()
    streams = OpenStreams(authenticator, most=10)
    with streams.open(expiring) as first, streams.open(revoked) as second:
        await keys.revoke(archive, "revoked")
        async with archive.writer.transaction() as transaction:
            await transaction.execute("ALTER TABLE access_key RENAME TO elsewhere")
        seconds = 3_601.0
        with pytest.raises((RoundFailed, sqlite3.OperationalError)) as failed:
            await streams.check()
        if isinstance(failed.value, RoundFailed):
            assert failed.value.pause == CHECK_SECONDS
        assert first.ending.result() is Ending.NO_ACCESS
        assert not second.ending.done()
        async with archive.writer.transaction() as transaction:
            await transaction.execute("ALTER TABLE elsewhere RENAME TO access_key")
        assert await streams.check() == CHECK_SECONDS
        assert second.ending.result() is Ending.NO_ACCESS
