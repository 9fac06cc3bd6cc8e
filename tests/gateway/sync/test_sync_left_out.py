"""A Session or Service that can't be read is left out, shown in syncStatus, and tried again by the next run."""

from typing import Any

import pytest
from aiohttp import web

import bodies
from fake_account import Faults
from fake_twilio import FakeTwilio
from gateway.sync.run import sync
from gateway.twilio.errors import TwilioDenied, TwilioError, TwilioRefused, TwilioUnavailable
from gateway_under_test import asker, serving
from mirror import Mirror, account, mirroring
from retries import without_waits
from store.engine.database import Database
from store.errors import StoreError
from store.sync import left_out
from store.sync.runs import RunCounts

KC = [bodies.sid("KC", number) for number in range(200)]
LEFT_OUT = "{ syncStatus { lastCompletedAt lastError leftOutCount leftOut { sid serviceSid since error } } }"


no_waiting = without_waits(2)


def refusing(status: int, *session_sids: str, lists: str = "Interactions") -> Faults:
    """Makes Twilio answer the lists of these sessions with an error from now on."""

    def refuse(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith(lists) and any(sid in path for sid in session_sids):
            kind: dict[int, type[web.HTTPException]] = {
                400: web.HTTPBadRequest,
                403: web.HTTPForbidden,
                404: web.HTTPNotFound,
                500: web.HTTPInternalServerError,
                503: web.HTTPServiceUnavailable,
            }
            code = 20404 if status == 404 else 70001
            raise kind[status](text=f'{{"code": {code}, "message": "Odd"}}', content_type="application/json")

    return Faults(drift=True, on_page=refuse)


async def shown(mirror: Mirror) -> dict[str, Any]:
    answer = await asker(mirror.archive)(LEFT_OUT)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["syncStatus"]
    return found


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
@pytest.mark.parametrize(("sessions", "odd"), [(4, [2]), (150, [1, 3, 77, 150])], ids=["small", "larger"])
async def test_a_session_that_always_fails_is_left_out_and_the_rest_is_read(
    database: Database, status: int, sessions: int, odd: list[int]
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=sessions, interactions=1)
    fake.faults = refusing(status, *(KC[number] for number in odd))
    async with mirroring(database, fake) as mirror:
        for _ in range(2):
            with pytest.raises(TwilioError, match=KC[odd[0]]):
                await mirror.sync()
        expected = {sid for sid in fake.sids("KC") if sid not in {KC[number] for number in odd}}
        assert expected <= set(await mirror.stored("KC"))
        assert len(await mirror.stored("KI")) == sessions - len(odd)
        found = await shown(mirror)
        assert [each["sid"] for each in found["leftOut"]] == [KC[number] for number in odd]
        assert found["leftOutCount"] == len(odd)
        assert (found["lastCompletedAt"], f"answered {status}" in found["lastError"]) == (None, True)
        fake.faults = Faults()
        await mirror.sync()
        await mirror.assert_equal()
        assert (await shown(mirror))["leftOutCount"] == 0


async def test_a_session_that_is_left_out_does_not_stop_the_reconciling_of_others(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=5)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KC[2])
        fake.remove(bodies.sid("KI", 3000))
        fake.faults = refusing(503, KC[1], lists="Participants")
        with pytest.raises(TwilioUnavailable, match=KC[1]):
            await mirror.sync(full=True)
        assert KC[2] not in await mirror.stored("KC")
        assert set(await mirror.ledger()) == {KC[2], *(bodies.sid("KI", n) for n in (2000, 2001, 3000))}
        assert len(await mirror.stored("KI")) == 17, "what is held of the odd one stays"


async def test_a_service_whose_sessions_can_not_be_listed_is_left_out(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=3, sessions=2)
    odd = bodies.sid("KS", 2)
    fake.faults = refusing(403, odd, lists="/Sessions")
    async with mirroring(database, fake) as mirror:
        with pytest.raises(TwilioDenied, match=odd):
            await mirror.sync()
        assert len(await mirror.stored("KC")) == 4
        completed = await asker(mirror.archive)("{ syncStatus { services { service { sid } lastCompletedAt } } }")
        services = completed["data"]["syncStatus"]["services"]
        assert [each["service"]["sid"] for each in services if each["lastCompletedAt"] is None] == [odd]
        assert [each["sid"] for each in (await shown(mirror))["leftOut"]] == [odd]


async def test_if_nothing_can_be_read_nothing_is_erased_or_marked(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KC[2])
        fake.faults = refusing(400, *KC)
        with pytest.raises(TwilioRefused):
            await mirror.sync(full=True)
        assert KC[2] in await mirror.stored("KC")
        assert await mirror.ledger() == {}


async def test_if_the_service_fails_too_the_whole_run_fails(database: Database) -> None:
    def revoke(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith("/Participants"):
            fake.fail_next("GET /Services/{}", 403, {"code": 20003, "message": "Revoked"}, times=1_000)

    fake = FakeTwilio(faults=Faults(drift=True, on_page=revoke))
    account(fake, services=1, sessions=60)
    async with mirroring(database, fake) as mirror:
        with pytest.raises(TwilioDenied, match="Revoked"):
            await mirror.sync()
        assert await left_out.listed(mirror.archive) == []


async def test_the_number_of_left_out_resources_is_a_metric(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=5)
    fake.faults = refusing(400, KC[1], KC[4])
    async with mirroring(database, fake) as mirror:
        with pytest.raises(TwilioRefused):
            await mirror.sync()
    async with serving(database) as client, client.get("/metrics") as response:
        assert "proxygraph_sync_left_out 2.0" in (await response.text()).splitlines()


async def test_a_deleted_session_is_no_longer_listed_as_left_out(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=4)
    fake.faults = refusing(400, KC[1])
    async with mirroring(database, fake) as mirror:
        with pytest.raises(TwilioRefused):
            await mirror.sync()
        fake.remove(KC[1])
        await mirror.sync()
        await mirror.assert_equal()
        assert await left_out.listed(mirror.archive) == []


@pytest.mark.parametrize("sessions", [12, 60])
async def test_rows_read_before_a_failure_are_written_and_counted_from_the_file(
    database: Database, sessions: int
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=sessions, interactions=2)
    read: list[str] = []

    def fail_late(fake: FakeTwilio, path: str, number: int) -> None:
        if path.endswith("/Interactions"):
            read.append(path)
            if len(read) > sessions // 2:
                fake.fail_next("GET /Services/{}", 401, {"code": 20003, "message": "Authenticate"}, times=1_000)

    fake.faults = Faults(drift=True, on_page=fail_late)
    async with mirroring(database, fake, concurrency=1) as mirror:
        progress = RunCounts()
        settings = mirror.settings(concurrency=1)
        with pytest.raises(TwilioDenied):
            await sync(mirror.archive, mirror.twilio, settings, progress)
        assert len(await mirror.stored("KI")) >= 2 * (sessions // 2)
        rows = sum([len(await mirror.stored(prefix)) for prefix in ("KS", "KC", "KP", "KI")])
        ((new, outcome),) = await mirror.archive.fetch("SELECT new, outcome FROM sync_run")
        assert (progress.new, new, outcome) == (rows, rows, "failed")


@pytest.mark.of_a_file
@pytest.mark.parametrize("pages", [150, 200])
async def test_on_a_full_disk_the_summary_counts_what_was_committed(
    database: Database, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    monkeypatch.setattr("gateway.sync.write_buffer.ROWS_PER_FLUSH", 60)
    fake = FakeTwilio()
    account(fake, services=1, sessions=150, interactions=3)
    async with mirroring(database, fake) as mirror:
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute(f"PRAGMA max_page_count = {pages}")  # What SQLite says then is SQLITE_FULL.
        progress = RunCounts()
        with pytest.raises(StoreError, match="full"):
            await sync(mirror.archive, mirror.twilio, mirror.settings(), progress)
        rows = sum([len(await mirror.stored(prefix)) for prefix in ("KS", "KC", "KP", "KI")])
        assert progress.new == rows > 1
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute("PRAGMA max_page_count = 1000000")
        await mirror.sync()
        await mirror.assert_equal()
