"""Only Twilio's answers decide which account owns the data, and whether a resource is gone."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from yarl import URL

import bodies
from fake_account import ACCOUNT_SID
from fake_twilio import FakeTwilio
from gateway.twilio.client import Twilio, connected
from gateway.twilio.errors import (
    ForeignAccount,
    NetworkUnusable,
    NotTwilio,
    TwilioError,
    TwilioMissing,
    TwilioUntrusted,
)
from gateway.twilio.network import proxy_for, tls_context
from gateway.twilio.upstream import TwilioUpstream
from mirror import account, settings_for
from resolvers.upstream import TwilioOutcome

KS, KC, KI = bodies.sid("KS", 1), bodies.sid("KC", 1), bodies.sid("KI", 1000)
SESSION = ("Services", KS, "Sessions", KC)
INTERACTION = (*SESSION, "Interactions", KI)
OTHER_ACCOUNT = "AC" + "9" * 32
LOGIN_PAGE = "<html><h1>Sign in to the guest network</h1></html>"


async def asking(fake: FakeTwilio, **changes: Any) -> AsyncIterator[Twilio]:
    changes = {"PROXYGRAPH_SYNC_ATTEMPTS": 1} | changes
    async with fake.serving(), connected(settings_for(fake, **changes)) as twilio:
        yield twilio


def filled() -> FakeTwilio:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=2)
    assert {KS, KC, KI} <= {*fake.sids("KS"), *fake.sids("KC"), *fake.sids("KI")}
    return fake


async def test_what_belongs_to_another_account_is_refused() -> None:
    """The key belongs to one account, and the configured SID to another."""
    async for twilio in asking(filled(), account_sid=OTHER_ACCOUNT, api_key="SK" + "0" * 32, api_secret="2" * 32):
        with pytest.raises(ForeignAccount, match=f"belongs to {ACCOUNT_SID}"):
            await twilio.fetch("Services", KS)
        with pytest.raises(ForeignAccount):
            await twilio.verify()
        answer = await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)
        assert answer.outcome is TwilioOutcome.REFUSED
    assert ACCOUNT_SID in answer.message


async def test_a_row_is_gone_if_twilio_says_so_and_its_parent_exists() -> None:
    fake = filled()
    async for twilio in asking(fake):
        assert not await twilio.is_gone(*INTERACTION)
        for sid in (KI, KC):
            fake.remove(sid)
            assert await twilio.is_gone(*INTERACTION)
        assert await twilio.is_gone(*SESSION)


async def test_nothing_is_gone_if_nothing_of_the_account_is_confirmed_to_exist() -> None:
    """An empty account looks the same as one whose credentials see nothing."""
    async for twilio in asking(FakeTwilio()):
        with pytest.raises(TwilioMissing, match="nothing can count as deleted"):
            await twilio.is_gone(*INTERACTION)
        answer = await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)
        assert answer.outcome is TwilioOutcome.UNAVAILABLE


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, LOGIN_PAGE),
        (404, {}),
        (404, {"error": "not found"}),
        (404, {"code": 404, "message": "no route"}),
        (200, LOGIN_PAGE),
        (200, {}),
        (302, LOGIN_PAGE),
        (410, {"code": 20404, "message": "gone"}),
    ],
)
async def test_an_answer_that_is_not_twilios_proves_no_deletion(status: int, body: Any) -> None:
    fake = filled()
    async for twilio in asking(fake):
        await twilio.verify()
        fake.remove(KI)
        fake.fail_next("GET /Services/{}/Sessions/{}/Interactions/{}", status, body)
        with pytest.raises(TwilioError) as caught:
            await twilio.is_gone(*INTERACTION)
        assert not isinstance(caught.value, TwilioMissing)


@pytest.mark.parametrize(("status", "body"), [(404, LOGIN_PAGE), (404, {}), (200, LOGIN_PAGE), (302, LOGIN_PAGE)])
async def test_a_deletion_that_twilio_did_not_confirm_is_not_reported_as_done(status: int, body: Any) -> None:
    fake = filled()
    async for twilio in asking(fake):
        fake.fail_next("DELETE", status, body)
        answer = await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)
        assert answer.outcome is TwilioOutcome.UNAVAILABLE
    assert fake.has(f"/Services/{KS}/Sessions/{KC}/Interactions", KI)


async def test_a_deletion_answered_404_is_not_reported_as_done_while_the_interaction_exists() -> None:
    fake = filled()
    async for twilio in asking(fake):
        fake.fail_next("DELETE", 404, {"code": 20404, "message": "not found"})
        answer = await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)
        assert answer.outcome is TwilioOutcome.UNAVAILABLE
        assert (await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)).outcome is TwilioOutcome.DELETED


async def test_a_body_of_another_resource_proves_no_existence() -> None:
    fake = filled()
    async for twilio in asking(fake):
        other = fake.get(KS) | {"sid": bodies.sid("KS", 9)}
        fake.fail_next("GET /Services/{}", 200, other)
        with pytest.raises(NotTwilio, match="isn't this resource"):
            await twilio.fetch("Services", KS)


async def test_an_interaction_that_is_already_gone_counts_as_deleted() -> None:
    fake = filled()
    fake.remove(KI)
    async for twilio in asking(fake):
        assert (await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)).outcome is TwilioOutcome.ALREADY_GONE


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 423, 451])
async def test_a_legal_hold_is_recognised_by_its_code_whatever_the_status(status: int) -> None:
    fake = filled()
    async for twilio in asking(fake):
        fake.fail_next("DELETE", status, {"code": 80615, "message": "on hold"})
        assert (await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)).outcome is TwilioOutcome.LEGAL_HOLD


@pytest.mark.parametrize("wrong", ["http://{host}", "http://{host}/v2", "http://{host}/v1/Services"])
async def test_an_address_without_the_proxy_api_is_reported(wrong: str) -> None:
    fake = filled()
    async with fake.serving() as url:
        host = url.split("/")[2]
        settings = settings_for(fake, proxy_url=wrong.format(host=host), PROXYGRAPH_SYNC_ATTEMPTS=1)
        async with connected(settings) as twilio:
            with pytest.raises(NotTwilio, match="There is no Proxy API at"):
                await twilio.verify()
            answer = await TwilioUpstream(twilio).delete_interaction(KS, KC, KI)
            assert answer.outcome is TwilioOutcome.UNAVAILABLE


async def test_the_address_is_checked_once() -> None:
    fake = filled()
    async for twilio in asking(fake):
        await twilio.verify()
        await twilio.verify()
    assert fake.total_requests == 1


async def test_twilios_clock_is_read_from_its_responses() -> None:
    fake = filled()
    async for twilio in asking(fake):
        assert twilio.clock_offset is None
        await twilio.verify()
        assert twilio.clock_offset is not None
        assert abs(twilio.clock_offset) < timedelta(seconds=60)


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "proxy.example:3128"}, "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": ".twilio.com"}, None),
        ({"HTTP_PROXY": "http://proxy.example:3128"}, None),
    ],
)
def test_a_proxy_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(URL("https://proxy.twilio.com/v1")) == (URL(proxy) if proxy else None)


def test_a_proxy_of_another_type_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://proxy.example:1080")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(NetworkUnusable, match=r"Name an HTTP proxy, or add proxy\.twilio\.com to NO_PROXY"):
        proxy_for(URL("https://proxy.twilio.com/v1"))


async def test_requests_go_through_the_configured_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request line to a proxy has the whole address."""
    asked: list[str] = []

    async def forward(request: web.BaseRequest) -> web.Response:
        asked.append(f"{request.host}{request.rel_url}")
        return web.json_response({"services": [], "meta": {"key": "services", "next_page_url": None}})

    runner = web.ServerRunner(web.Server(forward, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("no_proxy", "")
    fake = FakeTwilio()
    fake.base_url = "http://localhost:1/v1"
    try:
        async with connected(settings_for(fake)) as twilio:
            await twilio.verify()
    finally:
        await runner.cleanup()
    assert asked == ["localhost/v1/Services?PageSize=100"]


def test_an_unusable_certificate_file_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for place in (tmp_path / "missing.pem", tmp_path / "empty.pem"):
        if place.stem == "empty":
            place.write_text("no certificate")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(place))
        with pytest.raises(NetworkUnusable, match="Expected REQUESTS_CA_BUNDLE to name a file of certificates"):
            tls_context()


def self_signed(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """The TLS context of a server for localhost with a self-signed certificate, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    begin = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    return context, files[0]


async def test_an_untrusted_certificate_is_reported_at_once_and_a_companys_own_is_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    context, certificate = self_signed(tmp_path)
    fake = FakeTwilio()

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({"services": [], "meta": {"key": "services", "next_page_url": None}})

    runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    fake.base_url = f"https://localhost:{runner.addresses[0][1]}/v1"
    try:
        async with connected(settings_for(fake)) as twilio:
            with pytest.raises(TwilioUntrusted, match="The certificate of localhost isn't trusted: self-signed"):
                await twilio.verify()
            assert (twilio.requests, twilio.retries) == (1, 0)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        async with connected(settings_for(fake)) as twilio:
            await twilio.verify()
    finally:
        await runner.cleanup()
