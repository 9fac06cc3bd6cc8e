"""The client keeps Twilio's limits, retries what may be repeated, and sends its credentials only to Twilio."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

import bodies
from fake_account import ACCOUNT_SID, Faults
from fake_twilio import FakeTwilio
from gateway.settings.mirror import TwilioSettings
from gateway.settings.sources import SettingsError
from gateway.twilio.adaptive_limit import AdaptiveLimit
from gateway.twilio.client import Twilio, connected
from gateway.twilio.errors import (
    NotTwilio,
    PageRefused,
    TwilioDenied,
    TwilioError,
    TwilioHeld,
    TwilioMissing,
    TwilioRefused,
    TwilioUnavailable,
)
from mirror import account, settings_for
from retries import without_waits

KS = bodies.sid("KS", 1)
OWN = {"sid": KS, "account_sid": ACCOUNT_SID}


no_waiting = without_waits(8)


async def listed(twilio: Twilio, *path: str) -> list[str]:
    return [body["sid"] async for page in twilio.pages(*path) for body in page]


async def with_client(fake: FakeTwilio, **changes: Any) -> AsyncIterator[Twilio]:
    async with fake.serving(), connected(settings_for(fake, **changes)) as twilio:
        yield twilio


async def test_a_list_is_read_to_its_last_page() -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=250, interactions=0)
    async for twilio in with_client(fake):
        assert sorted(await listed(twilio, "Services", KS, "Sessions")) == sorted(fake.sids("KC"))
        assert fake.requests["GET /Services/{}/Sessions"] == 3


@pytest.mark.parametrize(
    "faults",
    [
        Faults(seed=1, too_many=0.4),
        Faults(seed=2, server_error=0.4),
        Faults(seed=3, broken=0.4),
        Faults(seed=4, not_json=0.4),
    ],
    ids=["429", "5xx", "broken", "not JSON"],
)
async def test_temporary_failures_are_retried(faults: Faults) -> None:
    fake = FakeTwilio(faults=faults)
    account(fake, services=1, sessions=60, interactions=0)
    async for twilio in with_client(fake):
        for sid in fake.sids("KC"):
            assert (await twilio.fetch("Services", KS, "Sessions", sid))["sid"] == sid
        assert twilio.retries == twilio.requests - 60 > 0


async def test_a_permanent_failure_is_reported_after_the_retries() -> None:
    fake = FakeTwilio()
    fake.fail_next("Services", 503, "<html>", times=100)
    async for twilio in with_client(fake):
        with pytest.raises(TwilioUnavailable, match=r"^GET /Services was answered 503\.$"):
            await listed(twilio, "Services")
        assert fake.total_requests == 8


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": 20003, "message": "Authenticate"}, TwilioDenied),
        (403, {"code": 70051, "message": "Forbidden"}, TwilioDenied),
        (404, {"code": 20404, "message": "not found"}, TwilioMissing),
        (400, {"code": 80701, "message": "Parameter"}, TwilioRefused),
        (405, "<html>", NotTwilio),
        (404, "<html>", NotTwilio),
        (404, {}, NotTwilio),
        (404, {"code": 20403, "message": "no"}, NotTwilio),
        (400, {"code": 20404, "message": "not found"}, NotTwilio),
        (400, {"code": 20003, "message": "Authenticate"}, TwilioDenied),
        *((status, {"code": 80615, "message": "held"}, TwilioHeld) for status in (400, 401, 403, 404, 409, 423, 451)),
    ],
)
async def test_an_error_that_retrying_cannot_help_is_reported_at_once(
    status: int, body: Any, error: type[TwilioError]
) -> None:
    fake = FakeTwilio()
    fake.fail_next("Services", status, body)
    async for twilio in with_client(fake):
        with pytest.raises(error, match=f"GET /Services/{KS} was answered {status}"):
            await twilio.fetch("Services", KS)
        assert fake.total_requests == 1


async def test_a_text_that_was_cut_in_the_middle_of_an_emoji_is_read() -> None:
    fake = FakeTwilio()
    text = json.dumps(OWN)[:-1] + r', "unique_name": "cut \ud83d", "whole": "\ud83d\ude00"}'
    fake.fail_next("Services", 200, text)
    async for twilio in with_client(fake):
        read = await twilio.fetch("Services", KS)
        assert read == OWN | {"unique_name": "cut \ufffd", "whole": "\U0001f600"}
        assert fake.total_requests == 1


async def test_wrong_credentials_are_reported_but_not_shown() -> None:
    async for twilio in with_client(FakeTwilio(), auth_token="wrong-secret"):
        with pytest.raises(TwilioDenied) as caught:
            await twilio.fetch("Services", KS)
        assert "wrong-secret" not in repr(caught.value) + str(caught.value.__cause__) + str(caught.value.__context__)


async def test_an_unreachable_server_is_reported() -> None:
    fake = FakeTwilio()
    async with fake.serving():
        settings = settings_for(fake)
    async with connected(settings) as twilio:
        with pytest.raises(TwilioUnavailable, match="got no answer") as caught:
            await twilio.fetch("Services", KS)
        assert not caught.value.processed


def page(next_page_url: Any) -> dict[str, Any]:
    return {"services": [], "meta": {"key": "services", "next_page_url": next_page_url}}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.com/v1/Services?Page=1",
        "http://127.0.0.1:1/v1/Services?Page=1",
        "//example.com/v1/Services",
        "/v1/Services?Page=1",
        "not an address",
        "",
        7,
        ["http://127.0.0.1"],
        "{base}/Services/../Accounts",
        "{base}/Elsewhere?Page=1",
        "http://user:secret@{host}/v1/Services",
    ],
)
async def test_a_next_page_that_leads_elsewhere_is_refused(elsewhere: Any) -> None:
    fake = FakeTwilio()
    async for twilio in with_client(fake):
        if isinstance(elsewhere, str):
            host = fake.base_url.split("/")[2]
            elsewhere = elsewhere.replace("{base}", fake.base_url).replace("{host}", host)
        fake.fail_next("Services", 200, page(elsewhere))
        with pytest.raises(PageRefused, match="Twilio returned another address"):
            await listed(twilio, "Services")
        assert fake.total_requests == 1


async def test_pages_in_a_loop_are_refused() -> None:
    fake = FakeTwilio()
    async for twilio in with_client(fake):
        fake.fail_next("Services", 200, page(f"{fake.base_url}/Services?PageSize=100&Page=1"), times=3)
        with pytest.raises(PageRefused, match="form a loop"):
            await listed(twilio, "Services")
        assert fake.total_requests == 2


@pytest.mark.parametrize("body", [{}, {"meta": None}, {"meta": {"key": "services"}, "services": {}}])
async def test_an_answer_that_is_not_a_page_is_refused(body: dict[str, Any]) -> None:
    fake = FakeTwilio()
    async for twilio in with_client(fake):
        fake.fail_next("Services", 200, body)
        with pytest.raises(TwilioUnavailable, match="something other than a page"):
            await listed(twilio, "Services")


async def test_the_rate_stays_under_twilios() -> None:
    """30 requests a second for each endpoint and service, averaged over 5 seconds (Twilio's page on Proxy's limits)."""
    fake = FakeTwilio(rate_limit=True)
    account(fake, services=2, sessions=1, interactions=0)
    async for twilio in with_client(fake, PROXYGRAPH_SYNC_RATE=30):
        asked = [twilio.fetch("Services", bodies.sid("KS", 1), "Sessions", bodies.sid("KC", 1)) for _ in range(120)]
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*asked, *(twilio.fetch("Services", bodies.sid("KS", 2)) for _ in range(50)))
        seconds = asyncio.get_running_loop().time() - begun
    assert fake.status_counts[429] == 0
    assert seconds > 120 / 30 - 1
    times = [at for at, _, service in fake.log if service == bodies.sid("KS", 1)]
    assert max(sum(at <= other < at + 5 for other in times) for at in times) <= 150


async def test_a_429_halves_the_concurrency_limit_and_successes_raise_it_again() -> None:
    limit = AdaptiveLimit(8)
    limit.halve()
    limit.halve()
    assert limit.current == 2
    for _ in range(100):
        limit.increase()
    assert limit.current == 8


async def test_the_limit_is_never_exceeded_and_every_waiter_is_served() -> None:
    limit, inside, most = AdaptiveLimit(3), 0, 0

    async def pass_through() -> None:
        nonlocal inside, most
        async with limit:
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    waiting = [asyncio.create_task(pass_through()) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[10].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert (most, inside) == (3, 0)


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({}, "TWILIO_ACCOUNT_SID is needed, but was not given."),
        (
            {"TWILIO_ACCOUNT_SID": bodies.ACCOUNT},
            "TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET, must be set.",
        ),
        (
            {
                "TWILIO_ACCOUNT_SID": bodies.ACCOUNT,
                "TWILIO_AUTH_TOKEN": "secret",
                "TWILIO_PROXY_URL": "http://example.com",
            },
            "TWILIO_PROXY_URL must start with https://, so that the credentials stay secret.",
        ),
        (
            {
                "TWILIO_ACCOUNT_SID": bodies.ACCOUNT,
                "TWILIO_AUTH_TOKEN": "secret",
                "TWILIO_API_URL": "http://api.example.com/2010-04-01",
            },
            "TWILIO_API_URL must start with https://, so that the credentials stay secret.",
        ),
    ],
)
def test_invalid_settings_are_reported_without_secrets(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], problem: str
) -> None:
    for name in ("ACCOUNT_SID", "AUTH_TOKEN", "API_KEY", "API_SECRET", "PROXY_URL", "API_URL"):
        monkeypatch.delenv(f"TWILIO_{name}", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        TwilioSettings.of_environment()
    assert caught.value.problems == [problem]


async def test_an_api_key_can_be_used() -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=0)
    async for twilio in with_client(fake, auth_token=None, api_key="SK" + "0" * 32, api_secret="key-secret"):
        del twilio
    values = settings_for(fake, api_key="SK1", api_secret="key-secret")
    assert (values.username, values.password.get_secret_value()) == ("SK1", "key-secret")
    assert "key-secret" not in repr(values)
