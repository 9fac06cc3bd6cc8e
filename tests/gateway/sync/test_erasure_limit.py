"""How much a sync may erase without the flag: a small share of the archive in 24 hours."""

from datetime import timedelta

import pytest

from fake_twilio import FakeTwilio
from gateway.sync.reconcile import TooManyErasures
from mirror import account, mirroring
from store.engine.database import Database
from store.twilio_mapping import ago


async def test_erasing_more_than_a_small_share_needs_a_flag(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30, interactions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        for sid in fake.sids("KI")[:21]:
            fake.remove(sid)
        with pytest.raises(TooManyErasures, match=r"no longer has 21 of the 60 interactions .* Nothing was erased\."):
            await mirror.sync(full=True)
        assert (len(await mirror.stored("KI")), await mirror.ledger()) == (60, {})
        ((outcome,),) = await mirror.archive.fetch("SELECT outcome FROM sync_run WHERE number = 2")
        assert outcome == "refused"
        progress = await mirror.sync(full=True, erase=True)
        assert progress.erased == 21
        await mirror.assert_equal()


async def test_many_small_erasures_of_a_day_need_the_flag_too(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30, interactions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        sids = fake.sids("KI")
        for start in (0, 10):
            for sid in sids[start : start + 10]:
                fake.remove(sid)
            await mirror.sync(full=True)
        assert len(await mirror.stored("KI")) == 40
        fake.remove(sids[20])
        with pytest.raises(TooManyErasures, match=r"have erased 20 already\. .* up to 20 in 24 hours\."):
            await mirror.sync(full=True)
        assert len(await mirror.stored("KI")) == 40

        progress = await mirror.sync(full=True, erase=True)
        assert progress.erased == 1
        assert (await mirror.ledger())[sids[20]] == "sync --erase"

        async with mirror.archive.writer.transaction() as transaction:  # As if it was the day before yesterday.
            await transaction.execute("UPDATE deletion SET intended_at = :at", {"at": ago(timedelta(days=2))})
        fake.remove(sids[21])
        await mirror.sync(full=True)
        await mirror.assert_equal()


async def test_what_was_erased_by_the_flag_does_not_count_for_later_runs(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30, interactions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        sids = fake.sids("KI")
        for sid in sids[:21]:
            fake.remove(sid)
        await mirror.sync(full=True, erase=True)
        fake.remove(sids[21])
        await mirror.sync(full=True)
        await mirror.assert_equal()
