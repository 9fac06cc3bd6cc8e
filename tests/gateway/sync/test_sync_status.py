"""``syncStatus`` shows how fresh the archive is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import bodies
from fake_twilio import FakeTwilio
from gateway.twilio.errors import TwilioRefused
from gateway_under_test import Ask, asker, serving
from mirror import account, mirroring
from store import twilio_mapping
from store.engine.database import Database
from store.engine.protocols import Archive
from store.sync.runs import start_run
from store.sync.status import HEARTBEAT_TIMEOUT_SECONDS

STATUS = """
{
  syncStatus {
    lastCompletedAt lastFullCompletedAt lagSeconds running lastError
    run { startedAt finishedAt mode sessionsPending new changed unchanged archived erased requests retries }
    services { service { sid } lastCompletedAt lagSeconds sessionsPending }
  }
}
"""


async def status(ask: Ask) -> dict[str, Any]:
    answer = await ask(STATUS)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["syncStatus"]
    return found


async def test_an_archive_that_was_never_synced_says_so(ask: Ask) -> None:
    assert await status(ask) == {
        "lastCompletedAt": None,
        "lastFullCompletedAt": None,
        "lagSeconds": None,
        "running": False,
        "lastError": None,
        "run": None,
        "services": [
            {
                "service": {"sid": bodies.sid("KS", 1)},
                "lastCompletedAt": None,
                "lagSeconds": None,
                "sessionsPending": 0,
            }
        ],
    }


async def test_a_complete_run_shows_when_and_what(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=2, interactions=1)
    async with mirroring(database, fake) as mirror:
        progress = await mirror.sync()
        found = await status(asker(mirror.archive))
    assert found["running"] is False
    assert found["lastError"] is None
    assert 0 <= found["lagSeconds"] < 60
    assert found["lastFullCompletedAt"] is None
    assert found["lastCompletedAt"] == found["run"]["finishedAt"]
    counted = {name: found["run"][name] for name in ("new", "requests", "sessionsPending", "mode")}
    assert counted == {"new": progress.new, "requests": progress.requests, "sessionsPending": 0, "mode": "incremental"}
    assert [service["lastCompletedAt"] is not None for service in found["services"]] == [True, True]


async def test_a_run_that_failed_shows_why_until_one_succeeds(database: Database) -> None:
    fake = FakeTwilio()
    account(fake)
    async with mirroring(database, fake) as mirror:
        fake.fail_next("Participants", 400, {"code": 80701, "message": "No"})
        with pytest.raises(TwilioRefused):
            await mirror.sync()
        found = await status(asker(mirror.archive))
        assert "was answered 400 (code 80701): No." in found["lastError"]
        assert (found["lagSeconds"], found["running"]) == (None, False)
        pending = [service["sessionsPending"] for service in found["services"]]
        assert sum(pending) == found["run"]["sessionsPending"] > 0
        await start_run(mirror.archive, "full")
        while_running = await status(asker(mirror.archive))
        assert (while_running["running"], while_running["lastError"]) == (True, found["lastError"])
        await mirror.sync(full=True)
        found = await status(asker(mirror.archive))
        assert (found["lastError"], found["lastFullCompletedAt"] is not None) == (None, True)


@pytest.mark.parametrize(("silent", "running"), [(0, True), (HEARTBEAT_TIMEOUT_SECONDS + 5, False)])
async def test_a_run_is_running_while_it_stores_its_progress(
    archive: Archive, ask: Ask, silent: int, running: bool
) -> None:
    alive_at = twilio_mapping.instant((datetime.now(UTC) - timedelta(seconds=silent)).isoformat())
    async with archive.writer.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO sync_run (number, mode, started_at, alive_at, sessions_pending)"
            " VALUES (1, 'full', :alive_at, :alive_at, 7)",
            {"alive_at": alive_at},
        )
    found = await status(ask)
    assert (found["running"], found["run"]["sessionsPending"], found["run"]["finishedAt"]) == (running, 7, None)


async def test_the_lag_is_a_metric(database: Database) -> None:
    fake = FakeTwilio()
    account(fake)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    async with serving(database) as client, client.get("/metrics") as response:
        text = await response.text()
    (line,) = [line for line in text.splitlines() if line.startswith("proxygraph_sync_lag_seconds ")]
    assert 0 <= float(line.split()[1]) < 60
