"""Background tasks run until the server stops: a failed round is logged, shown and retried."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fake_twilio import FakeTwilio
from gateway.auth.authentication import Authenticator
from gateway.background import FIRST_PAUSE, LONGEST_PAUSE, Background, RoundFailed
from gateway_under_test import serving
from mirror import account, settings_for
from store import keys
from store.engine.protocols import Archive

STATUS = "{ syncStatus { lastError lastCompletedAt } }"
SECRET = "a text that quotes a person"


async def pauses_of(*rounds: float | BaseException) -> tuple[Background, list[float]]:
    """The pauses after these rounds: an error is raised by the round, a number is returned."""
    waited: list[float] = []
    over, ahead = asyncio.Event(), iter(rounds)

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == len(rounds):
            over.set()
            await asyncio.Event().wait()

    async def work() -> float:
        came = next(ahead)
        if isinstance(came, BaseException):
            raise came
        return came

    background = Background(wait)
    background.start("work", work)
    async with asyncio.timeout(30):
        await over.wait()
    await background.stop()
    return background, waited


@pytest.mark.parametrize(
    "error",
    [
        KeyError("sid"),
        PermissionError(13, "Permission denied", "/archive.db-sync-lock"),
        asyncio.CancelledError(),
        TimeoutError(),
        BaseExceptionGroup("several", [ValueError(), asyncio.CancelledError()]),
        RoundFailed("Twilio is away."),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failed_round_is_always_followed_by_another(error: BaseException) -> None:
    background, waited = await pauses_of(error, 7)
    assert waited == [FIRST_PAUSE, 7]
    assert background.failures == {}


async def test_the_pauses_grow_up_to_ten_seconds_and_start_over_after_a_successful_round() -> None:
    background, waited = await pauses_of(*[KeyError()] * 8, 3, KeyError())
    assert waited == [0.5, 1, 2, 4, 8, 10, 10, 10, 3, FIRST_PAUSE]
    assert LONGEST_PAUSE == 10
    assert background.failures["work"].rounds == 1


async def test_an_expected_failure_sets_its_own_pause() -> None:
    background, waited = await pauses_of(RoundFailed("Twilio is away.", 300), RoundFailed("Twilio is away.", 300))
    assert waited == [300, 300]
    failure = background.failures["work"]
    assert (failure.rounds, failure.sentence, failure.since <= failure.at) == (2, "Twilio is away.", True)


async def test_a_failure_is_logged_each_time_and_its_stack_once_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await pauses_of(ValueError(SECRET), ValueError(SECRET), 1)
    lines = [record.getMessage() for record in caplog.records]
    assert sum("failed and will be retried" in line for line in lines) == 2
    assert sum("test_background.py" in line for line in lines) == 1
    assert lines[-1] == "The background task work works again."
    assert SECRET not in caplog.text


async def test_stopping_the_server_ends_a_task_during_a_round_and_during_a_pause() -> None:
    begun = asyncio.Event()

    async def work() -> float:
        begun.set()
        await asyncio.Event().wait()
        return 0

    background = Background()
    background.start("round", work)
    await begun.wait()
    await background.stop()
    _, waited = await pauses_of(1)
    assert (waited, background.failures) == ([1], {})


@pytest.fixture
async def served(database: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server that syncs and can't use its lock file, because it is a folder, even for root."""
    monkeypatch.setenv("PROXYGRAPH_SYNC_EVERY", "1000")
    fake = FakeTwilio()
    account(fake, services=1, sessions=1)
    lock_of(database).mkdir()
    async with fake.serving(), serving(database, twilio=settings_for(fake)) as client:
        yield client


def lock_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-sync-lock")


async def status(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.post("/graphql", json={"query": STATUS}) as response:
        found: dict[str, Any] = (await response.json())["data"]["syncStatus"]
        return found


async def text(client: aiohttp.ClientSession, path: str) -> str:
    async with client.get(path) as response:
        assert response.status == 200
        return await response.text()


async def until_failing(client: aiohttp.ClientSession) -> str:
    async with asyncio.timeout(30):
        while (error := (await status(client))["lastError"]) is None:
            await asyncio.sleep(0.01)
        return str(error)


@pytest.mark.of_a_file
async def test_a_sync_that_cannot_start_is_shown_by_the_api_the_probe_and_a_metric(
    served: aiohttp.ClientSession, database: Path
) -> None:
    error = await until_failing(served)
    assert f"{database.name}-sync-lock" in error
    assert await text(served, "/readyz") == "ready\n"
    verbose = (await text(served, "/readyz?verbose")).splitlines()
    assert "[+]loop ok" in verbose
    (line,) = [line for line in verbose if line.startswith("[-]")]
    assert line.startswith("[-]sync failed ")
    assert "sync-lock" not in line
    metrics = await text(served, "/metrics")
    assert 'proxygraph_background_failing{task="sync"} 1.0' in metrics
    assert 'proxygraph_background_failing{task="twilio"} 0.0' in metrics
    (count,) = [
        line
        for line in metrics.splitlines()
        if line.startswith("proxygraph_background_failures_total") and "sync" in line
    ]
    assert float(count.split()[1]) >= 1


@pytest.mark.of_a_file
async def test_a_sync_resumes_by_itself_once_it_can(served: aiohttp.ClientSession, database: Path) -> None:
    await until_failing(served)
    lock_of(database).rmdir()
    async with asyncio.timeout(30):
        while (found := await status(served))["lastCompletedAt"] is None:
            await asyncio.sleep(0.05)
    assert found["lastError"] is None
    assert "[+]sync ok" in await text(served, "/readyz?verbose")


@pytest.mark.of_a_file
async def test_a_key_use_that_cannot_be_stored_stops_neither_the_request_nor_the_shutdown(
    archive: Archive, database: Path
) -> None:
    text = await keys.create(archive, "console", ("read",), None)
    lock = database.with_name(f"{database.name}-lock")
    lock.unlink()
    lock.mkdir()
    authenticator = Authenticator(archive, True)
    await authenticator.access({}, {b"authorization": f"Bearer {text}".encode()})
    await authenticator.wait_for_notes()
    lock.rmdir()
    (key,) = await keys.keys(archive)
    assert key.last_used_at is None
