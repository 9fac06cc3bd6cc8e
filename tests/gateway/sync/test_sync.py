"""A sync is complete, continues where it was stopped, and reads only what it must."""

import asyncio
import json
from random import Random

import pytest

import bodies
from fake_account import Faults
from fake_twilio import FakeTwilio
from gateway.twilio.errors import TwilioUnavailable
from mirror import account, mirroring
from retries import without_waits
from store.engine.database import Database
from store.errors import DatabaseOccupied
from store.sync.runs import RunCounts

no_waiting = without_waits(20)


async def test_the_archive_equals_the_account(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=3, sessions=5, interactions=4)
    async with mirroring(database, fake) as mirror:
        progress = await mirror.sync()
        await mirror.assert_equal()
        assert (progress.services, progress.sessions, progress.interactions) == (3, 15, 60)
        assert (progress.new, progress.changed, progress.erased, progress.sessions_pending) == (3 + 15 * 7, 0, 0, 0)


async def test_long_lists_are_read_whole(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=230, interactions=0)
    fake.put(*(bodies.interaction(number, account_sid=fake.account_sid) for number in range(1, 351)))
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await mirror.assert_equal()
        assert len(await mirror.stored("KI")) == 350


@pytest.mark.parametrize(
    "faults",
    [
        Faults(odd_case=True),
        Faults(fractions=True),
        Faults(nulls=True),
        Faults(unknown_words=True),
        Faults(unknown_properties=True),
        Faults(seed=5, too_many=0.2, server_error=0.1, broken=0.1, not_json=0.1),
    ],
    ids=["odd case", "fractions", "nulls", "unknown words", "unknown properties", "failures"],
)
async def test_it_equals_the_account_even_if_twilios_bodies_are_unusual(database: Database, faults: Faults) -> None:
    fake = FakeTwilio(faults=faults)
    account(fake)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_second_run_reads_only_changed_sessions(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=200, interactions=1)
    async with mirroring(database, fake) as mirror:
        first = await mirror.sync()
        moved = fake.get(bodies.sid("KC", 7)) | {"status": "closed", "date_updated": "2026-02-02T00:00:00Z"}
        fake.put(moved, bodies.interaction(7999, of=7, account_sid=fake.account_sid))
        asked = fake.total_requests
        second = await mirror.sync()
        assert fake.total_requests - asked <= first.requests * 0.03
        assert (second.sessions, second.new, second.changed) == (1, 1, 1)
        await mirror.assert_equal()


async def test_recent_sessions_are_always_read_again(database: Database) -> None:
    """A leg's status changes later without a change of its session."""
    fake = FakeTwilio()
    account(fake, services=1, sessions=2, interactions=1)
    fake.put(fake.get(bodies.sid("KC", 1)) | {"date_last_interaction": "2999-01-01T00:00:00Z"})
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        for number in (1, 2):
            fake.put(fake.get(bodies.sid("KI", number * 1000)) | {"outbound_resource_status": "failed"})
        progress = await mirror.sync()
        assert (progress.sessions, progress.changed) == (1, 1)
        progress = await mirror.sync(full=True)
        assert (progress.sessions, progress.changed) == (2, 1)
        await mirror.assert_equal()


async def test_a_single_service_can_be_synced(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync(service=[bodies.sid("KS", 2)])
        assert await mirror.stored("KS") == [bodies.sid("KS", 2)]
        assert len(await mirror.stored("KC")) == 2
        await mirror.sync()
        await mirror.assert_equal()


async def test_rows_that_shift_between_pages_are_all_read(database: Database) -> None:
    """While sessions are listed, earlier ones are deleted and new ones created, so rows shift between pages."""
    pick, late = Random(1), iter(range(5_000, 6_000))

    def shift(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith("/Sessions"):
            fake.put(bodies.session(next(late), account_sid=fake.account_sid, date_created="2025-01-01T00:00:00Z"))
            if number:
                fake.remove(pick.choice(fake.sids("KC")[:50]))

    fake = FakeTwilio(faults=Faults(drift=True, on_page=shift))
    account(fake, services=1, sessions=330, interactions=1)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.faults = Faults()
        await mirror.sync(full=True)
        await mirror.assert_equal()


async def test_a_run_that_fails_keeps_what_it_read_and_says_why(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30, interactions=2)
    async with mirroring(database, fake) as mirror:
        fake.fail_next("Interactions", 500, {"message": "Oh no"}, times=1_000)
        with pytest.raises(TwilioUnavailable, match="was answered 500: Oh no"):
            await mirror.sync()
        ((outcome, error),) = await mirror.archive.fetch("SELECT outcome, error FROM sync_run")
        assert (outcome, "was answered 500" in error) == ("failed", True)
        fake._script.clear()
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_cancelled_run_is_continued_by_the_next(database: Database) -> None:
    fake = FakeTwilio(latency=0.002)
    account(fake, services=2, sessions=40, interactions=2)
    async with mirroring(database, fake) as mirror:
        running = asyncio.create_task(mirror.sync())
        while fake.total_requests < 60:
            await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        ((outcome,),) = await mirror.archive.fetch("SELECT outcome FROM sync_run")
        assert outcome == "stopped"
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_body_without_a_sid_is_left_out_and_the_rest_is_kept(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=1)
    async with mirroring(database, fake) as mirror:
        row = fake.get(bodies.sid("KI", 1000))
        page = {"interactions": [row | {"sid": None}, "nonsense", row], "meta": {"key": "interactions"}}
        fake.fail_next("Interactions", 200, page)
        await mirror.sync()
        assert await mirror.stored("KI") == [bodies.sid("KI", 1000)]
        assert "Each Interaction needs its sid" in caplog.text
        assert "what was said" not in caplog.text


async def test_an_archive_is_bound_to_one_account(database: Database) -> None:
    fake = FakeTwilio()
    account(fake)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    other = FakeTwilio(account_sid="AC" + "9" * 32)
    async with mirroring(database, other) as mirror:
        with pytest.raises(DatabaseOccupied, match="but the credentials are those of AC9999"):
            await mirror.sync()
        assert other.total_requests == 0
        assert len(await mirror.stored("KI")) == 12


async def test_a_demo_is_never_synced_into(database: Database) -> None:
    fake = FakeTwilio()
    async with mirroring(database, fake) as mirror:
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE archive SET demo = 'seed=1'")
        with pytest.raises(DatabaseOccupied, match="is a demo; a real account is not mixed into it"):
            await mirror.sync()


async def test_every_run_is_recorded(database: Database) -> None:
    fake = FakeTwilio()
    account(fake)
    async with mirroring(database, fake) as mirror:
        progress: RunCounts = await mirror.sync()
        await mirror.sync(full=True)
        rows = [
            tuple(row)
            for row in await mirror.archive.fetch("SELECT number, mode, outcome, new, requests FROM sync_run")
        ]
        assert rows[0] == (1, "incremental", "complete", progress.new, progress.requests)
        assert rows[1][:4] == (2, "full", "complete", 0)


async def test_content_reaches_no_log(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    fake = FakeTwilio(faults=Faults(seed=3, too_many=0.2, server_error=0.2, unknown_words=True))
    account(fake)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    logged = caplog.text + json.dumps([record.getMessage() for record in caplog.records])
    assert "what was said" not in logged
    assert "participant-" not in logged
