"""Where a promotion could lose a deletion, the server says so when it starts, and so does ``status``."""

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway_under_test import address_of
from hosts import Pair
from store.archive import open_archive
from store.errors import Unavailable
from store.health.attention import PROMOTION, WAITING, Thresholds, attention
from store.health.reading import read_health
from store.postgresql import writer

BOUNDS = Thresholds(timedelta(days=1), timedelta(days=1))
SENTENCE = "if one is promoted, the last deletions can be lost, and their rows come back"


@pytest.fixture
def synchronous(pair: Pair) -> Iterator[Pair]:
    """The pair, with a synchronous standby."""
    configure(pair, "'*'")
    while "sync" not in pair.primary.sql("SELECT sync_state FROM pg_stat_replication"):
        pass
    yield pair
    configure(pair, "''")


def configure(pair: Pair, names: str) -> None:
    before = pair.primary.sql("SELECT pg_conf_load_time()")
    pair.primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = {names}")
    pair.primary.sql("SELECT pg_reload_conf()")
    while pair.primary.sql("SELECT pg_conf_load_time()") == before:
        pass


async def sentences(pair: Pair) -> list[str]:
    return attention(await read_health(pair.address), BOUNDS)


async def test_without_a_synchronous_standby_a_server_says_so(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    async with address_of(pair.address):
        pass
    assert [record.levelno for record in caplog.records if SENTENCE in record.getMessage()] == [logging.WARNING]
    assert PROMOTION in await sentences(pair)


async def test_with_a_synchronous_standby_there_is_nothing_to_say(synchronous: Pair) -> None:
    async with open_archive(synchronous.address) as archive:
        assert await archive.caution() is None
    assert not {PROMOTION, WAITING} & set(await sentences(synchronous))


async def test_a_deletion_that_reached_no_standby_is_not_answered_as_done(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "COMMAND_SECONDS", 0.5)
    async with open_archive(pair.address) as archive:
        configure(pair, "'absent'")
        try:
            assert WAITING in await sentences(pair)
            with pytest.raises(Unavailable):
                async with archive.writer.transaction() as transaction:
                    await transaction.execute("DELETE FROM interaction")
            async with archive.writer.transaction(is_mirrored=True) as transaction:  # It waits for no standby.
                await transaction.execute("UPDATE session SET ttl = 1")
        finally:
            configure(pair, "''")
