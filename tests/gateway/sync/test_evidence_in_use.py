"""Irreversible steps need evidence, in a sync, in a server and in a deletion; without it nothing changes."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

import bodies
from databases import New, tables
from fake_twilio import API_KEY, API_SECRET, FakeTwilio
from gateway.sync.reconcile import TooManyErasures
from gateway.twilio.client import connected
from gateway.twilio.errors import ForeignAccount, TwilioError
from gateway_under_test import serving
from mirror import Mirror, account, mirroring, settings_for
from retries import without_waits
from running_commands import run
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import DatabaseOccupied
from store.sync.state import check_account

OTHER = "AC" + "9" * 32
KI = bodies.sid("KI", 2000)
DELETE = {
    "query": """
      mutation ($sid: ID!) {
        deleteInteraction(input: {sid: $sid}) { deletedInteractionId userErrors { code message } }
      }
    """,
    "variables": {"sid": KI},
}
LOGIN_PAGE = "<html><h1>Sign in to the guest network</h1></html>"
OF_RUNS = ("sync_run", "session_listed", "service_sync", "left_out", "session_read")


no_waiting = without_waits(3)


def filled() -> FakeTwilio:
    fake = FakeTwilio()
    account(fake, services=2, sessions=12, interactions=2)
    return fake


async def kept(archive: Archive) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in the archive except the history of runs."""
    names = set(tables(archive.database)) - {*OF_RUNS, "archive"}
    return {table: [tuple(row) for row in await archive.fetch(f"SELECT * FROM {table}")] for table in sorted(names)}


@pytest.fixture
async def mirrored(database: Database) -> FakeTwilio:
    """An account, of which ``database`` is a mirror."""
    fake = filled()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await mirror.assert_equal()
    return fake


def of_another_account(services: int) -> FakeTwilio:
    other = FakeTwilio(account_sid=OTHER)
    account(other, services=services, sessions=2)
    return other


def its_key(fake: FakeTwilio) -> dict[str, Any]:
    """The SID of the archive's account, with a key of ``fake``'s account."""
    return {"account_sid": filled().account_sid, "auth_token": None, "api_key": API_KEY, "api_secret": API_SECRET}


async def deleted(client: aiohttp.ClientSession) -> dict[str, Any]:
    async with client.post("/graphql", json=DELETE) as response:
        payload: dict[str, Any] = (await response.json())["data"]["deleteInteraction"]
        return payload


@pytest.mark.parametrize("flags", [{}, {"full": True}, {"full": True, "erase": True}, {"keep": True}], ids=str)
async def test_a_sync_with_another_accounts_key_does_not_change_the_archive(
    database: Database, mirrored: FakeTwilio, flags: dict[str, bool]
) -> None:
    other = of_another_account(services=1)
    async with mirroring(database, other, **its_key(other)) as mirror:
        before = await kept(mirror.archive)
        with pytest.raises(ForeignAccount, match=f"belongs to {OTHER}"):
            await mirror.sync(**flags)
        assert await kept(mirror.archive) == before
    async with mirroring(database, mirrored) as mirror:
        progress = await mirror.sync(full=True)
        assert (progress.new, progress.changed, progress.erased, progress.archived) == (0, 0, 0, 0)
        await mirror.assert_equal()


async def test_a_sync_with_another_accounts_key_does_not_claim_a_new_archive(
    new_database: New, mirrored: FakeTwilio
) -> None:
    new, other = new_database(), of_another_account(services=1)
    async with mirroring(new, other, **its_key(other)) as mirror:
        with pytest.raises(ForeignAccount):
            await mirror.sync()
    async with mirroring(new, other) as mirror:
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_server_with_another_accounts_key_does_not_claim_a_new_archive(
    empty_database: Database,
) -> None:
    other = of_another_account(services=1)
    async with other.serving(), serving(empty_database, twilio=settings_for(other, **its_key(other))):
        pass
    async with mirroring(empty_database, other) as mirror:
        await mirror.sync()
        await mirror.assert_equal()


async def test_an_archive_with_rows_of_another_account_is_refused_even_before_it_is_bound(
    archive: Archive,
) -> None:
    await check_account(archive, bodies.ACCOUNT)
    with pytest.raises(DatabaseOccupied, match=f"mirrors the account {bodies.ACCOUNT}"):
        await check_account(archive, OTHER)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_for_another_account_does_not_start(database: Database, mirrored: FakeTwilio, workers: str) -> None:
    environment = {"TWILIO_ACCOUNT_SID": OTHER, "TWILIO_AUTH_TOKEN": "secret"}
    arguments = ("serve", "--database", str(database), "--port", "0", "--workers", workers)
    served = run(*arguments, **environment)
    assert (served.returncode, served.stdout) == (1, "")
    assert f"mirrors the account {mirrored.account_sid}, but the credentials are those of {OTHER}." in served.stderr


@pytest.mark.parametrize("services", [1, 0])
async def test_a_deletion_with_another_accounts_key_is_not_reported_as_done(
    database: Database, mirrored: FakeTwilio, services: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also during a background sync; an empty account shows nothing that names its owner."""
    monkeypatch.setenv("PROXYGRAPH_SYNC_EVERY", "0.05")
    other = of_another_account(services)
    async with open_archive(database) as archive:
        before = await kept(archive)
        async with other.serving(), serving(database, twilio=settings_for(other, **its_key(other))) as client:
            await until(lambda: other.requests["GET /Services"] > 3)
            payload = await deleted(client)
            assert payload["deletedInteractionId"] is None
            (error,) = payload["userErrors"]
            assert error["code"] == ("UPSTREAM_REFUSED" if services else "UPSTREAM_UNAVAILABLE")
            status = await (await client.post("/graphql", json={"query": "{ syncStatus { lastError } }"})).json()
            said = "belongs to" if services else "no longer has any Service"
            assert said in status["data"]["syncStatus"]["lastError"]
        assert await kept(archive) == before
    async with mirrored.serving(), serving(database, twilio=settings_for(mirrored)) as client:
        assert (await deleted(client))["deletedInteractionId"] == KI
    assert KI not in mirrored


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.01)


async def test_an_address_without_the_proxy_api_is_reported_at_start_and_nothing_is_deleted(
    database: Database, mirrored: FakeTwilio, caplog: pytest.LogCaptureFixture
) -> None:
    async with mirrored.serving() as url:
        settings = settings_for(mirrored, proxy_url=url.removesuffix("/v1"))
        async with serving(database, twilio=settings) as client:
            await until(lambda: "has to end in /v1" in caplog.text)
            assert "[-]twilio failed" in await (await client.get("/readyz?verbose")).text()
            payload = await deleted(client)
            assert [error["code"] for error in payload["userErrors"]] == ["UPSTREAM_UNAVAILABLE"]
    async with mirroring(database, mirrored) as mirror:
        await mirror.assert_equal()


NO_MORE = {"meta": {"key": "x", "next_page_url": None}}
CUT = '{"meta": {"key": "x", "next_page_url": null}, "interactions": [{"sid": "KI'
MISLEADING: dict[str, tuple[str, int, dict[str, Any] | str]] = {
    "an HTML 404 below the lists": ("/Interactions", 404, LOGIN_PAGE),
    "an HTML 404 of each interaction after an empty list": ("/Interactions/{}", 404, LOGIN_PAGE),
    "a JSON 404 that is not Twilio's": ("/Interactions", 404, {"error": "not found"}),
    "a login page with 200 everywhere": ("GET", 200, LOGIN_PAGE),
    "a login page with 200 for sessions": ("/Sessions", 200, LOGIN_PAGE),
    "a list that is cut off": ("/Interactions", 200, CUT),
    "an object for a list": ("/Sessions", 200, {}),
    "an object for everything": ("GET", 200, {}),
    "a list without a word about the next page": ("/Interactions", 200, {"interactions": [], "meta": {}}),
    "a list of nothing in particular": ("/Sessions", 200, NO_MORE | {"sessions": [None, 7]}),
    "no services": ("GET /Services", 200, NO_MORE | {"services": []}),
    "no services, and Twilio's 404 for each": ("GET", 404, {"code": 20404, "message": "not found"}),
    "a redirection": ("/Sessions", 302, LOGIN_PAGE),
}


@pytest.mark.parametrize("case", MISLEADING)
async def test_a_misleading_answer_ends_the_sync_with_an_error_and_erases_nothing(
    database: Database, mirrored: FakeTwilio, case: str
) -> None:
    template, status, body = MISLEADING[case]
    async with mirroring(database, mirrored) as mirror:
        before = await kept(mirror.archive)
        if "{}" in template or status == 404:
            empty_lists(mirrored, case)
        mirrored.fail_next(template, status, body, times=5_000)
        with pytest.raises((TwilioError, TooManyErasures)):
            await mirror.sync(full=True)
        assert await kept(mirror.archive) == before
        assert not await mirror.ledger()


def empty_lists(fake: FakeTwilio, case: str) -> None:
    """An empty list before the misleading answer."""
    name = "services" if "services" in case else "interactions"
    end = "GET /Services" if name == "services" else "Interactions"
    if "after an empty list" in case or name == "services":
        fake.fail_next(end, 200, NO_MORE | {name: []}, times=1 if name == "services" else 24)


async def test_the_run_after_a_misleading_one_finds_what_was_really_deleted(
    database: Database, mirrored: FakeTwilio
) -> None:
    async with mirroring(database, mirrored) as mirror:
        mirrored.remove(KI)
        mirrored.fail_next("/Interactions", 404, LOGIN_PAGE, times=5_000)
        with pytest.raises(TwilioError):
            await mirror.sync(full=True)
        mirrored._script.clear()
        assert (await mirror.sync(full=True)).erased == 1
        await mirror.assert_equal()


async def test_an_earlier_attempt_whose_answer_got_lost_makes_a_deletion_uncertain(
    database: Database, mirrored: FakeTwilio
) -> None:
    """The outcome of the last attempt says nothing about the first one, which may have deleted it."""
    async with mirrored.serving(), open_archive(database) as archive, connected(settings_for(mirrored)) as twilio:
        mirror = Mirror(mirrored, twilio, archive)
        for status, body in ((504, LOGIN_PAGE), (404, LOGIN_PAGE)):
            mirrored.fail_next("DELETE", status, body)
        async with serving(database, twilio=settings_for(mirrored)) as client:
            payload = await deleted(client)
            assert [error["code"] for error in payload["userErrors"]] == ["UPSTREAM_UNAVAILABLE"]
            assert "unknown whether" in payload["userErrors"][0]["message"]
            assert await mirror.ledger() == {KI: "anonymous"}
