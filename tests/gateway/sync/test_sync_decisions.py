"""``--keep`` stores its decision, a partial run decides nothing about other Services, each run counts for itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import bodies
from fake_twilio import FakeTwilio
from gateway.settings.mirror import SyncSettings
from gateway.settings.sources import SettingsError
from gateway.sync.crawl import UnknownService
from gateway.sync.reconcile import TooManyErasures
from gateway.sync.run import is_full_run_due
from gateway.twilio.errors import TwilioError
from gateway_under_test import asker
from mirror import Mirror, account, mirroring
from retries import without_waits
from store.engine.database import Database
from store.sync.runs import KEPT_RUNS, last_complete
from store.twilio_mapping import instant

KS = [bodies.sid("KS", number) for number in range(5)]
KC = [bodies.sid("KC", number) for number in range(100)]
KI = [bodies.sid("KI", number * 1000) for number in range(100)]
WEEK = timedelta(days=7)


no_waiting = without_waits(2)


def ago(**period: float) -> str:
    return instant((datetime.now(UTC) - timedelta(**period)).isoformat())


async def status(mirror: Mirror, fields: str) -> Any:
    answer = await asker(mirror.archive)(f"{{ syncStatus {{ {fields} }} }}")
    return answer["data"]["syncStatus"]


@pytest.mark.parametrize(("sessions", "removed"), [(3, 1), (40, 30)], ids=["few", "more than are erased unasked"])
async def test_kept_rows_are_marked_and_shown_and_not_fetched_again(
    database: Database, sessions: int, removed: int
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=sessions)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        for number in range(2, 2 + removed):
            fake.remove(KI[number])
        fake.remove(KC[1])
        await mirror.sync(full=True, keep=True)
        for flags in ({}, {"full": True}, {"full": True, "erase": True}):
            progress = await mirror.sync(**flags)
            assert (progress.erased, progress.archived) == (0, 0)
        assert len(await mirror.stored("KI")) == 2 * sessions
        query = f'{{ session(sid: "{KC[1]}") {{ keptAt archivedAt }} interaction(sid: "{KI[2]}") {{ keptAt }}'
        query += f' other: interaction(sid: "{bodies.sid("KI", 2001)}") {{ keptAt }} }}'
        data = (await asker(mirror.archive)(query))["data"]
        assert data["session"]["keptAt"] is not None
        assert data["session"]["archivedAt"] is not None
        assert data["interaction"]["keptAt"] is not None
        assert data["other"] == {"keptAt": None}


async def test_a_kept_row_that_reappears_is_no_longer_marked(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    row = fake.get(KI[1])
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KI[1])
        await mirror.sync(full=True, keep=True)
        fake.put(row)
        await mirror.sync(full=True)
        await mirror.assert_equal()


async def test_a_session_deleted_later_keeps_its_kept_interactions(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=3, interactions=3)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KI[1])
        await mirror.sync(full=True, keep=True)
        fake.remove(KC[1])
        fake.remove(KC[2])
        for flags in ({}, {"full": True, "erase": True}):
            await mirror.sync(**flags)
            assert await mirror.stored("KC") == [KC[1], KC[3]]
            assert await mirror.stored("KI") == sorted([KI[1], *(KI[3][:-1] + last for last in "89a")])
        assert (await mirror.column("KC", "archived_at"))[KC[1]] is not None


def test_keep_and_erase_together_are_an_error() -> None:
    with pytest.raises(SettingsError, match="either --keep or --erase, but got both"):
        SyncSettings.of({"keep": True, "erase": True})


@pytest.mark.parametrize("names", [["KS" + "f" * 32], [""], [], ["no-such-name"], [KS[1], "no-such-name"]])
@pytest.mark.parametrize("full", [False, True])
async def test_an_unknown_service_is_an_error_that_names_the_known_ones(
    database: Database, names: list[str], full: bool
) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=2)
    async with mirroring(database, fake) as mirror:
        with pytest.raises(UnknownService, match=f"(?s)but got .*{KS[1]}.*{KS[2]}"):
            await mirror.sync(service=names, full=full)
        assert await mirror.stored("KC") == []
        assert (await status(mirror, "lastCompletedAt lastFullCompletedAt")) == {
            "lastCompletedAt": None,
            "lastFullCompletedAt": None,
        }


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("full", [False, True])
async def test_a_partial_run_updates_only_its_services_freshness(database: Database, by_name: bool, full: bool) -> None:
    fake = FakeTwilio()
    account(fake, services=3, sessions=2)
    fake.put(fake.get(KS[2]) | {"unique_name": "rides"})
    async with mirroring(database, fake) as mirror:
        await mirror.sync(service=["rides" if by_name else KS[2]], full=full)
        assert await mirror.stored("KS") == [KS[2]]
        found = await status(mirror, "lastCompletedAt lastFullCompletedAt lagSeconds services { lastCompletedAt }")
        assert (found["lastCompletedAt"], found["lastFullCompletedAt"], found["lagSeconds"]) == (None, None, None)
        assert [each["lastCompletedAt"] is not None for each in found["services"]] == [True]
        assert await last_complete(mirror.archive) is None, "nor does the metric of the lag"
        assert await is_full_run_due(mirror.archive, WEEK)
        assert await is_full_run_due(mirror.archive, WEEK, partial=True) is not full
        assert (await status(mirror, "run { partial }"))["run"] == {"partial": True}
        await mirror.sync(full=True)
        assert not await is_full_run_due(mirror.archive, WEEK)


async def test_a_partial_run_never_counts_other_services_as_gone(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KS[1])
        await mirror.sync(service=[KS[2]], full=True)
        assert KS[1] in await mirror.stored("KS")
        await mirror.sync()
        await mirror.assert_equal()


@pytest.mark.parametrize("outcome", ["failed", "refused"])
@pytest.mark.parametrize("failures", [1, 2, 4])
async def test_a_full_run_that_fails_is_repeated_after_growing_pauses(
    database: Database, outcome: str, failures: int
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        if outcome == "refused":
            for sid in fake.sids("KI")[:25]:
                fake.remove(sid)
        for _ in range(failures):
            if outcome == "failed":
                fake.fail_next("GET /Services", 400, {"code": 70001, "message": "No"})
            with pytest.raises((TooManyErasures, TwilioError)):
                await mirror.sync(full=True)
        assert not await is_full_run_due(mirror.archive, WEEK)
        pause = timedelta(hours=2 ** (failures - 1))
        for since, due in ((pause * 0.9, False), (pause * 1.1, True)):
            async with mirror.archive.writer.transaction() as transaction:
                moment = instant((datetime.now(UTC) - since).isoformat())
                await transaction.execute(
                    "UPDATE sync_run SET finished_at = :moment WHERE mode = 'full'", {"moment": moment}
                )
            assert await is_full_run_due(mirror.archive, WEEK) is due
        assert await is_full_run_due(mirror.archive, timedelta(minutes=1)), "never later than by the interval"


async def test_a_stopped_full_run_is_continued_at_once(database: Database) -> None:
    async with mirroring(database, FakeTwilio()) as mirror:
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute(
                "INSERT INTO sync_run (number, mode, started_at, alive_at, finished_at, outcome)"
                " VALUES (1, 'full', :at, :at, :at, 'stopped')",
                {"at": ago(minutes=1)},
            )
        assert await is_full_run_due(mirror.archive, WEEK)


async def test_each_run_counts_its_own_requests(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=3, interactions=1)
    async with mirroring(database, fake) as mirror:
        for flags in ({}, {}, {"full": True}):
            asked = fake.total_requests
            progress = await mirror.sync(**flags)
            assert progress.requests == fake.total_requests - asked
        rows = [row[0] for row in await mirror.archive.fetch("SELECT requests FROM sync_run ORDER BY number")]
        assert rows == [8, 2, 8]


async def test_old_runs_are_pruned_except_for_the_last_complete_ones(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1)
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        await mirror.sync()
        before = await status(mirror, "lastCompletedAt lastFullCompletedAt")
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute(
                "WITH RECURSIVE counted (number) AS (SELECT 3 UNION ALL SELECT number + 1 FROM counted"
                " WHERE number < :last) INSERT INTO sync_run (number, mode, started_at, alive_at, finished_at, outcome)"
                " SELECT number, 'incremental', :at, :at, :at, 'failed' FROM counted",
                {"at": ago(minutes=1), "last": 3 * KEPT_RUNS},
            )
        fake.fail_next("GET /Services", 400, {"code": 70001, "message": "No"})
        with pytest.raises(TwilioError):
            await mirror.sync()
        ((count, oldest),) = await mirror.archive.fetch("SELECT count(*), min(number) FROM sync_run")
        assert (count, oldest) == (KEPT_RUNS + 2, 1)
        assert await status(mirror, "lastCompletedAt lastFullCompletedAt") == before
