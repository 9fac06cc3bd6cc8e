"""Requests use the region, edge and proxy that Twilio's own client would use."""

import itertools
from base64 import b64encode
from typing import Any

import pytest
import stamina
from aiohttp import web
from requests.utils import get_environ_proxies, select_proxy
from twilio.base.client_base import ClientBase
from yarl import URL

import bodies
from fake_twilio import FakeTwilio
from gateway.settings.mirror import TwilioSettings
from gateway.settings.sources import SettingsError
from gateway.twilio.client import connected
from gateway.twilio.errors import NetworkUnusable, PageRefused, TwilioError, TwilioUnavailable
from gateway.twilio.network import proxy_for
from mirror import settings_for

ADDRESSES = [
    f"https://{host}/v1/Services?PageSize=100&Page=1&PageToken=PTa%2Fb"
    for host in ("proxy.twilio.com", "proxy.ie1.twilio.com", "proxy.dublin.ie1.twilio.com", "proxy.twilio.com:8443")
]
VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *(f"TWILIO_{name}" for name in ("REGION", "EDGE", "PROXY_URL"))):
        monkeypatch.delenv(name, raising=False)


def settings(**given: Any) -> TwilioSettings:
    return TwilioSettings(account_sid=bodies.ACCOUNT, auth_token="secret", **given)


@pytest.mark.parametrize(
    ("address", "edge", "region"), list(itertools.product(ADDRESSES, ["", "dublin", "sydney"], ["", "ie1", "au1"]))
)
def test_the_host_is_that_of_twilios_own_client(address: str, edge: str, region: str) -> None:
    theirs = ClientBase(bodies.ACCOUNT, "secret", edge=edge, region=region, environment={"none": ""})
    assert settings(edge=edge, region=region).located(address) == theirs.get_hostname(address)


def test_region_and_edge_are_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "dublin")
    assert settings().base_url == "https://proxy.dublin.us1.twilio.com/v1"
    monkeypatch.setenv("TWILIO_REGION", "ie1")
    assert settings().base_url == "https://proxy.dublin.ie1.twilio.com/v1"


@pytest.mark.parametrize("name", ["EDGE", "REGION"])
@pytest.mark.parametrize("wrong", ["evil.example/", "a b", "x@y"])
def test_an_invalid_region_or_edge_is_reported(monkeypatch: pytest.MonkeyPatch, name: str, wrong: str) -> None:
    for variable, value in ((name, wrong), ("ACCOUNT_SID", bodies.ACCOUNT), ("AUTH_TOKEN", "secret")):
        monkeypatch.setenv(f"TWILIO_{variable}", value)
    with pytest.raises(SettingsError) as caught:
        TwilioSettings.of_environment()
    assert caught.value.problems == [
        f"TWILIO_{name}: expected letters, digits and hyphens, as in the names of Twilio's regions and edges, but got "
        f"{wrong!r}."
    ]


def test_a_region_with_an_address_elsewhere_is_reported() -> None:
    with pytest.raises(ValueError, match="but TWILIO_PROXY_URL names another host"):
        settings(region="ie1", proxy_url="https://twilio.example/v1")


async def test_a_next_page_at_twilios_usual_host_is_read_from_the_regions_host() -> None:
    async with connected(settings(region="ie1")) as twilio:
        first = URL("https://proxy.ie1.twilio.com/v1/Services?PageSize=100")
        usual = "https://proxy.twilio.com/v1/Services?PageSize=100&Page=1&PageToken=PT1"
        assert str(twilio.next_page(usual, first)) == usual.replace("proxy.", "proxy.ie1.", 1)
        with pytest.raises(PageRefused):
            twilio.next_page(usual.replace("twilio.com", "twilio.example"), first)


async def test_without_a_region_a_next_page_at_another_host_is_refused() -> None:
    fake = FakeTwilio()
    async with fake.serving(), connected(settings_for(fake)) as twilio:
        with pytest.raises(PageRefused):
            twilio.next_page("https://proxy.twilio.com/v1/Services", URL(f"{fake.base_url}/Services"))


@pytest.mark.parametrize("named", ["http://[bad", "http://user:hidden@proxy.example:port", "socks5://hidden@proxy:1"])
def test_an_invalid_proxy_is_reported_without_its_password(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", named)
    with pytest.raises(NetworkUnusable, match=r"^Expected HTTPS_PROXY to name an HTTP proxy") as caught:
        proxy_for(URL("https://proxy.twilio.com/v1"))
    assert "hidden" not in str(caught.value)


async def test_an_unreachable_host_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeTwilio()
    async with fake.serving():
        changes = {"PROXYGRAPH_SYNC_ATTEMPTS": 1}
        away = settings_for(fake, **changes)
    async with connected(away) as twilio:
        with pytest.raises(TwilioUnavailable, match=r"127\.0\.0\.1 can't be reached \(Connection refused\)\.$"):
            await twilio.verify()
    async with fake.serving() as url:
        without_tls = settings_for(fake, proxy_url=url.replace("http:", "https:"), **changes)
        async with connected(without_tls) as twilio:
            with pytest.raises(TwilioUnavailable, match=r"no TLS connection to 127\.0\.0\.1 \(.+\)\.$"):
                await twilio.verify()
    monkeypatch.setenv("HTTP_PROXY", "http://user:hidden@localhost:1")
    async with connected(away.model_copy(update={"proxy_url": "http://twilio.invalid/v1"})) as twilio:
        with pytest.raises(TwilioUnavailable, match="by way of localhost") as caught:
            await twilio.verify()
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error", "requests"), [(407, NetworkUnusable, 1), (503, TwilioUnavailable, 2)], ids=["407", "503"]
)
async def test_a_proxy_with_wrong_credentials_is_reported_at_once_and_a_failing_one_is_retried(
    monkeypatch: pytest.MonkeyPatch, status: int, error: type[TwilioError], requests: int
) -> None:
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(f"{request.method} {request.headers.get('Proxy-Authorization')}")
        return web.Response(status=status)

    runner = web.ServerRunner(web.Server(answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://name:hidden@127.0.0.1:{runner.addresses[0][1]}")
    with stamina.set_testing(True, attempts=2):
        async with connected(settings()) as twilio:
            with pytest.raises(error, match=str(status)) as caught:
                await twilio.verify()
    await runner.cleanup()
    assert asked == [f"CONNECT Basic {b64encode(b'name:hidden').decode()}"] * requests
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"HTTPS_PROXY": "http://proxy.example:3128"},
        {"https_proxy": "http://lower.example:3128", "HTTPS_PROXY": "http://upper.example:3128"},
        {"HTTPS_PROXY": "proxy.example:3128"},
        {"HTTP_PROXY": "http://proxy.example:3128"},
        {"ALL_PROXY": "http://proxy.example:3128"},
        {"ALL_PROXY": "http://all.example:3128", "HTTPS_PROXY": "http://proxy.example:3128"},
        {"HTTPS_PROXY": "http://user:pass@proxy.example:3128"},
        *(
            {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": excepted}
            for excepted in (
                "*",
                "twilio.com",
                ".twilio.com",
                "proxy.twilio.com",
                "proxy.twilio.com:443",
                "proxy.twilio.com:80",
                "example.com, twilio.com",
                "example.com",
                "10.0.0.0/8",
                "com",
            )
        ),
        {"https_proxy": "http://proxy.example:3128", "no_proxy": "twilio.com"},
    ],
    ids=str,
)
def test_the_proxy_is_that_of_twilios_own_client(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    address = "https://proxy.twilio.com/v1"
    theirs = select_proxy(address, get_environ_proxies(address))
    if theirs and "://" not in theirs:
        theirs = f"http://{theirs}"
    assert proxy_for(URL(address)) == (URL(theirs) if theirs else None)
