"""The evidence for marking and erasing: clocks that agree, complete lists, and when a Session was last shown."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

import bodies
from fake_account import Faults, now
from fake_twilio import FakeTwilio
from gateway.sync.clock import ClockMismatch, check_clock
from gateway.sync.reconcile import TooManyErasures
from gateway.sync.run import is_full_run_due
from gateway.twilio.errors import TwilioError, TwilioRefused
from gateway_under_test import asker
from mirror import Mirror, account, mirroring
from retries import without_waits
from store.engine.database import Database
from store.sqlite.migrations import FOLDER, migrate
from store.twilio_mapping import instant

KC = [bodies.sid("KC", number) for number in range(400)]
KS = [bodies.sid("KS", number) for number in range(10)]
KI = [bodies.sid("KI", number * 1000) for number in range(10)]


no_waiting = without_waits(2)


def ago(**period: float) -> str:
    return instant((datetime.now(UTC) - timedelta(**period)).isoformat())


async def freshness(mirror: Mirror) -> dict[str, object]:
    answer = await asker(mirror.archive)("{ syncStatus { lastCompletedAt lastFullCompletedAt lagSeconds } }")
    found: dict[str, object] = answer["data"]["syncStatus"]
    return found


@pytest.mark.parametrize("years", [-11, -1, 12])
@pytest.mark.parametrize("flags", [{}, {"erase": True}, {"keep": True}], ids=["plain", "erase", "keep"])
async def test_with_a_wrong_clock_a_run_decides_nothing_and_the_next_run_with_the_right_one_does(
    database: Database, years: int, flags: dict[str, bool]
) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=3)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KC[1])
        fake.remove(KI[2])
        fake.put(bodies.interaction(7, of=3, account_sid=fake.account_sid))
        fake.clock = lambda: now() + timedelta(days=365 * years)
        with pytest.raises(
            ClockMismatch, match=r"The machine's clock says .*, but Twilio's says .*nothing was marked or erased"
        ):
            await mirror.sync(full=True, **flags)
        assert bodies.sid("KI", 7) in await mirror.stored("KI"), "what was read is kept"
        assert {KC[1]} <= set(await mirror.stored("KC"))
        assert {KI[1], KI[2]} <= set(await mirror.stored("KI"))
        assert not any((await mirror.column("KC", "archived_at")).values())
        assert (await mirror.ledger(), (await freshness(mirror))["lastFullCompletedAt"]) == ({}, None)
        fake.clock = now
        await mirror.sync(full=True)
        await mirror.assert_equal()


@pytest.mark.parametrize(
    ("offset", "newest", "believed"),
    [
        (timedelta(minutes=4), None, True),
        (timedelta(minutes=-4), ago(hours=1), True),
        (timedelta(minutes=7), None, False),
        (timedelta(minutes=-7), None, False),
        (timedelta(), ago(days=-1), False),
        (None, ago(days=1), False),
    ],
    ids=["ahead", "behind", "too far ahead", "too far behind", "behind the rows", "unknown"],
)
def test_clocks_may_differ_by_a_few_minutes(offset: timedelta | None, newest: str | None, believed: bool) -> None:
    if believed:
        check_clock(offset, newest)
    else:
        with pytest.raises(ClockMismatch):
            check_clock(offset, newest)


async def test_times_of_a_wrong_clock_block_no_full_run_and_give_no_negative_lag(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    week = timedelta(days=7)
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        async with mirror.archive.writer.transaction() as transaction:
            for sql in (
                "UPDATE sync_run SET finished_at = :at",
                "UPDATE service_sync SET completed_at = :at",
                "UPDATE session_listed SET listed_at = :at",
                "UPDATE session SET archived_at = :at WHERE sid = (SELECT min(sid) FROM session)",
            ):
                await transaction.execute(sql, {"at": "2037-02-01T00:00:00.000Z"})
        assert await freshness(mirror) == {"lastCompletedAt": None, "lastFullCompletedAt": None, "lagSeconds": None}
        assert await is_full_run_due(mirror.archive, week)
        fake.remove(KC[1])
        await mirror.sync(full=True)
        await mirror.assert_equal()
        lag = (await freshness(mirror))["lagSeconds"]
        assert isinstance(lag, int)
        assert 0 <= lag < 60
        assert not await is_full_run_due(mirror.archive, week)


@pytest.mark.parametrize(("listed_days_ago", "archived", "erased"), [(1, 0, 2), (89, 0, 2), (91, 1, 0)])
async def test_an_unchanged_open_session_existed_when_it_was_last_listed(
    database: Database, listed_days_ago: int, archived: int, erased: int
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=3)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE session_read SET read_at = :read_at", {"read_at": ago(days=300)})
            await transaction.execute(
                "UPDATE session_listed SET listed_at = :listed_at", {"listed_at": ago(days=listed_days_ago)}
            )
        fake.remove(KC[2])
        progress = await mirror.sync()
        assert (progress.archived, progress.erased) == (archived, erased)


async def test_each_list_stores_when_it_showed_a_session(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE session_read SET read_at = :read_at", {"read_at": ago(days=300)})
            await transaction.execute("UPDATE session_listed SET listed_at = :listed_at", {"listed_at": ago(days=300)})
        progress = await mirror.sync()
        assert progress.sessions == 0, "nothing is read"
        fake.remove(KC[1])
        progress = await mirror.sync()
        assert (progress.archived, progress.erased) == (0, 2)


@pytest.mark.parametrize("refusal", [web.HTTPNotFound, web.HTTPBadRequest, web.HTTPForbidden])
@pytest.mark.parametrize("full", [False, True])
async def test_an_incomplete_list_decides_nothing(
    database: Database, refusal: type[web.HTTPException], full: bool
) -> None:
    def break_off(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith(f"{KS[1]}/Sessions") and number == 1:
            raise refusal(text='{"code": 20404, "message": "No"}', content_type="application/json")

    fake = FakeTwilio()
    account(fake, services=1, sessions=250, interactions=1)
    fake.put(bodies.service(2, account_sid=fake.account_sid))
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = await freshness(mirror)
        fake.remove(KC[240])
        fake.put(bodies.session(900, account_sid=fake.account_sid, date_created="2026-02-01T00:00:00Z"))
        fake.faults = Faults(drift=True, on_page=break_off)
        for _ in range(2):
            with pytest.raises(TwilioError, match=KS[1]):
                await mirror.sync(full=full)
        assert KC[240] in await mirror.stored("KC")
        assert await mirror.ledger() == {}
        assert await freshness(mirror) == before | {"lagSeconds": (await freshness(mirror))["lagSeconds"]}
        fake.faults = Faults()
        await mirror.sync(full=full)
        await mirror.assert_equal()


@pytest.mark.parametrize("removed_from", [0, 1])
async def test_rows_missed_between_two_pages_are_found_by_one_of_the_next_two_incremental_runs(
    database: Database, removed_from: int
) -> None:
    """On the first and on later reads of the session."""
    fake = FakeTwilio()
    account(fake, services=1, sessions=3, interactions=1)
    fake.put(*(bodies.interaction(50_000 + number, account_sid=fake.account_sid) for number in range(320)))
    listed = f"{KS[1]}/Sessions/{KC[1]}/Interactions"

    def remove(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith(listed) and number in (1, 2):
            fake.remove(min(sid for sid in fake.sids("KI") if sid > bodies.sid("KI", 39_999)))

    async with mirroring(database, fake) as mirror:
        if removed_from:
            await mirror.sync()
            await mirror.sync()
            fake.put(*(bodies.interaction(40_000 + number, account_sid=fake.account_sid) for number in range(150)))
            fake.put(fake.get(KC[1]) | {"date_updated": "2026-02-03T00:00:00Z"})
        fake.faults = Faults(drift=True, on_page=remove)
        await mirror.sync()
        fake.faults = Faults()
        assert set(fake.sids("KI")) - set(await mirror.stored("KI")), "a row did fall between two pages"
        await mirror.sync()
        await mirror.sync()
        await mirror.assert_equal()
        idle = await mirror.sync()
        assert (idle.sessions, idle.requests) == (0, 2), "once a run has found what the archive has, that is that"


@pytest.mark.parametrize("sessions", [2, 40])
async def test_an_account_without_services_erases_and_marks_nothing_without_a_flag(
    database: Database, sessions: int
) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=sessions)
    fake.put(fake.get(KC[1]) | {"status": "closed", "date_ended": ago(days=200), "date_updated": ago(days=200)})
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        for sid in fake.sids("KS"):
            fake.remove(sid)
        for _ in range(2):
            with pytest.raises(TooManyErasures, match="no longer has any Service"):
                await mirror.sync(full=True)
        assert len(await mirror.stored("KC")) == 2 * sessions
        assert not any((await mirror.column("KC", "archived_at")).values())
        await mirror.sync(erase=True)
        assert await mirror.stored("KC") == [KC[1]], "retention may have taken this one, whatever the flag"


async def test_a_service_that_exists_but_was_not_listed_is_reported(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.fail_next("GET /Services", 200, {"services": [], "meta": {"key": "services", "next_page_url": None}})
        with pytest.raises(TwilioRefused, match="exists, but the list of Services lacked it"):
            await mirror.sync(full=True)
        await mirror.assert_equal()


def test_an_archive_of_an_earlier_version_keeps_its_evidence(tmp_path: Path) -> None:
    earlier, path = tmp_path / "migrations", tmp_path / "archive.db"
    earlier.mkdir()
    for file in sorted(FOLDER.glob("000[1-6]_*.sql")):
        (earlier / file.name).write_text(file.read_text("utf-8"), "utf-8")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, earlier)
        connection.execute(
            "INSERT INTO service (sid, account_sid, date_created, date_updated) VALUES (?, 'AC', '2026', '2026')",
            (KS[1],),
        )
        connection.execute("INSERT INTO session_seen VALUES (?, ?)", (KS[1], KC[1]))
        connection.execute("INSERT INTO service_sync VALUES (?, ?, 0)", (KS[1], ago(days=2)))
        connection.executemany(
            "INSERT INTO sync_run (number, mode, started_at, alive_at, outcome) VALUES (?, ?, '2026', '2026', ?)",
            [(number, "full" if number == 1 else "incremental", "complete") for number in range(1, 3_001)],
        )
        migrate(connection, path)
        ((run, listed_at),) = connection.execute(
            "SELECT run, listed_at FROM session_listed WHERE session_sid = ?", (KC[1],)
        )
        assert (run, listed_at < ago(days=1)) == (0, True)
        ((runs, first),) = connection.execute("SELECT count(*), min(number) FROM sync_run")
        assert (runs, first) == (1_001, 1)
