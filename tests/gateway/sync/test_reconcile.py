"""Reconciling: expired Sessions are kept and marked, deleted rows are erased, each only after Twilio confirms it."""

from datetime import UTC, datetime, timedelta

import pytest

import bodies
from databases import held
from fake_account import Faults
from fake_twilio import FakeTwilio
from gateway.twilio.errors import TwilioUnavailable
from mirror import Mirror, account, mirroring
from retries import without_waits
from store.engine.database import Database

KC = [bodies.sid("KC", number) for number in range(10)]
KI = [bodies.sid("KI", number * 1000) for number in range(10)]


no_waiting = without_waits(3)


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def close(fake: FakeTwilio, number: int, days: float) -> None:
    """Closes a session that many days ago."""
    fake.put(fake.get(KC[number]) | {"status": "closed", "date_ended": days_ago(days), "date_updated": days_ago(days)})


async def archived(mirror: Mirror) -> list[str]:
    return sorted(sid for sid, at in (await mirror.column("KC", "archived_at")).items() if at)


async def test_sessions_deleted_by_retention_are_kept_and_marked(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=3)
    close(fake, 1, days=91)
    close(fake, 2, days=89)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.expire()
        assert fake.sids("KC") == [KC[2], KC[3]]
        progress = await mirror.sync()
        assert (progress.archived, progress.erased) == (1, 0)
        assert await archived(mirror) == [KC[1]]
        assert len(await mirror.stored("KI")) == 6
        again = await mirror.sync(full=True)
        assert (again.archived, again.erased) == (0, 0)


async def test_an_interaction_deleted_at_twilio_is_erased_and_in_the_ledger(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KI[1])
        quiet = await mirror.sync()
        assert quiet.erased == 0, "an incremental run skips quiet sessions"
        progress = await mirror.sync(full=True)
        assert progress.erased == 1
        await mirror.assert_equal()
        assert await mirror.ledger() == {KI[1]: "sync"}
        content = held(database)
        assert b"what was said in 1, 0" not in content
        assert b"what was said in 1, 1" in content


async def test_a_session_deleted_at_twilio_is_erased_with_its_contents(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=3)
    close(fake, 2, days=10)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KC[1])
        fake.remove(KC[2])
        progress = await mirror.sync()
        assert (progress.erased, progress.archived) == (4, 0)
        await mirror.assert_equal()
        assert set(await mirror.ledger()) == {
            KC[1],
            KC[2],
            KI[1],
            bodies.sid("KI", 1001),
            KI[2],
            bodies.sid("KI", 2001),
        }
        assert b"what was said in 1" not in held(database)


async def test_a_deleted_services_sessions_are_erased_unless_retention_deleted_them(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=2)
    close(fake, 1, days=100)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(bodies.sid("KS", 1))
        progress = await mirror.sync()
        assert (progress.archived, progress.erased) == (1, 2)
        assert await archived(mirror) == [KC[1]]
        assert await mirror.stored("KC") == [KC[1], KC[3], KC[4]]
        assert len(await mirror.stored("KS")) == 2, "what is kept needs its Service"


async def test_a_deleted_service_without_sessions_is_removed(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=1)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(bodies.sid("KS", 1))
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_service_deleted_while_it_is_read_is_classified_too(database: Database) -> None:
    def take(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith(f"{bodies.sid('KS', 1)}/Sessions") and bodies.sid("KS", 1) in fake:
            fake.remove(bodies.sid("KS", 1))

    fake = FakeTwilio()
    account(fake, services=2, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.faults = Faults(drift=True, on_page=take)
        await mirror.sync()
        await mirror.assert_equal()
        assert await mirror.stored("KS") == [bodies.sid("KS", 2)]


async def test_a_session_last_seen_open_may_have_expired_since(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute(
                "UPDATE session_read SET read_at = :read_at WHERE session_sid = :session_sid",
                {"read_at": days_ago(120), "session_sid": KC[1]},
            )
            await transaction.execute(
                "UPDATE session_listed SET listed_at = :listed_at WHERE session_sid = :session_sid",
                {"listed_at": days_ago(120), "session_sid": KC[1]},
            )
        fake.remove(KC[1])
        progress = await mirror.sync()
        assert (progress.archived, progress.erased) == (1, 0)


async def test_a_session_that_reappears_is_no_longer_marked(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    close(fake, 1, days=100)
    rows = [fake.get(sid) for sid in (KC[1], KI[1])]
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KC[1])
        await mirror.sync()
        assert await archived(mirror) == [KC[1]]
        other = FakeTwilio(account_sid=fake.account_sid)
        account(other, services=1, sessions=2)
        other.put(*rows)
        async with mirroring(database, other) as mirror:
            await mirror.sync()
            assert await archived(mirror) == []


@pytest.mark.parametrize("missing_from", ["Sessions", "Interactions"])
async def test_a_list_that_lacks_existing_rows_erases_nothing(database: Database, missing_from: str) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        empty = {missing_from.lower(): [], "meta": {"key": missing_from.lower(), "next_page_url": None}}
        fake.fail_next(f"/{missing_from}", 200, empty)
        progress = await mirror.sync(full=True)
        assert (progress.erased, progress.archived) == (0, 0)
        await mirror.assert_equal()


async def test_a_crawl_that_does_not_complete_marks_and_erases_nothing(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=3)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KI[1])
        fake.remove(KC[2])
        fake.fail_next("GET /Services/{}/Sessions/{}/Participants", 500, "<html>", times=1_000)
        with pytest.raises(TwilioUnavailable):
            await mirror.sync(full=True)
        assert len(await mirror.stored("KI")) == 12
        assert await mirror.ledger() == {}
        fake._script.clear()
        await mirror.sync(full=True)
        await mirror.assert_equal()


async def test_a_confirmation_that_fails_marks_and_erases_nothing(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=3)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KI[1])
        fake.fail_next("GET /Services/{}/Sessions/{}/Interactions/{}", 503, "<html>", times=10)
        with pytest.raises(TwilioUnavailable):
            await mirror.sync(full=True)
        assert len(await mirror.stored("KI")) == 6
        fake._script.clear()
        progress = await mirror.sync()
        assert progress.erased == 1, "the session counts as not read until its deletions are decided upon"


async def test_the_ledger_beats_a_list_that_still_shows_what_was_deleted(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        gone = [fake.get(sid) for sid in (KI[1], KC[2], KI[2])]
        fake.remove(KI[1])
        fake.remove(KC[2])
        await mirror.sync(full=True)
        stale = FakeTwilio(account_sid=fake.account_sid)
        account(stale, services=1, sessions=2)
        stale.put(*gone)
        async with mirroring(database, stale) as mirror:
            await mirror.sync(full=True)
            assert not {KI[1], KI[2]} & set(await mirror.stored("KI"))
            assert KC[2] not in await mirror.stored("KC")


async def test_rows_deleted_at_twilio_can_be_kept_instead(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KC[1])
        fake.remove(KI[2])
        progress = await mirror.sync(full=True, keep=True)
        assert (progress.erased, progress.archived) == (0, 1)
        assert len(await mirror.stored("KI")) == 4
        assert await archived(mirror) == [KC[1]]


async def test_a_session_deleted_while_it_is_read_is_classified_too(database: Database) -> None:
    def take(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith(f"{KC[1]}/Participants") and KC[1] in fake:
            fake.remove(KC[1])

    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.faults = Faults(drift=True, on_page=take)
        await mirror.sync(full=True)
        assert await mirror.stored("KC") == [KC[2]]
