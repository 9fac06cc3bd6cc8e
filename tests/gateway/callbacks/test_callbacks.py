"""POST /callbacks/twilio takes what Twilio signed, commits it before it answers, and refuses everything else."""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

import bodies
from fake_callbacks import CALLBACK_PATH, PUBLIC_URL, Poster, conversation, form_of
from fake_twilio import AUTH_TOKEN, FakeTwilio
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.mirror import TwilioSettings
from gateway_under_test import serving
from mirror import OLD, settings_for
from store.archive import open_archive, read_archive
from store.engine.database import Database
from store.engine.protocols import Archive

CALLBACKS = CallbackSettings.of({"public_url": PUBLIC_URL})
MESSAGE = conversation(bodies.interaction(1, type="Message"))


@asynccontextmanager
async def taking(database: Database, fake: FakeTwilio, **settings: Any) -> AsyncIterator[tuple[Poster, Any]]:
    """A poster to a real server over ``database``, and a client of it; Twilio's API is the fake's."""
    settings = {"callbacks": CALLBACKS} | settings
    async with fake.serving(), serving(database, twilio=settings_for(fake), **settings) as client:
        yield Poster(client), client


async def rows(database: Database, sql: str) -> list[Any]:
    async with read_archive(database) as archive:
        return list(await archive.fetch(sql))


async def outcomes(client: aiohttp.ClientSession) -> dict[str, float]:
    async with client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    prefix = 'proxygraph_callbacks_total{outcome="'
    return {line.removeprefix(prefix).split('"')[0]: float(line.split()[-1]) for line in lines if prefix in line}


async def test_an_interaction_is_stored_when_its_callback_is_answered(database: Database) -> None:
    async with taking(database, FakeTwilio()) as (poster, client):
        assert await poster.post(form_of(MESSAGE)) == 204
        query = '{ interaction(sid: "%s") { type body dateUpdated inbound { resourceStatus } session { sid } } }'
        async with client.post("/graphql", json={"query": query % MESSAGE["sid"]}) as response:
            found = (await response.json())["data"]["interaction"]
    assert found == {
        "type": "MESSAGE",
        "body": "text 1",
        "dateUpdated": "2026-01-01T00:02:00.000Z",
        "inbound": {"resourceStatus": "RECEIVED"},
        "session": {"sid": MESSAGE["session_sid"]},
    }


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
async def test_both_of_twilios_algorithms_are_accepted(database: Database, algorithm: str) -> None:
    async with taking(database, FakeTwilio()) as (poster, _):
        assert await poster.post(form_of(MESSAGE), algorithm) == 204


@pytest.mark.parametrize(
    "headers", [{"X-Twilio-Signature": ""}, {"X-Twilio-Signature": "bm9uZQ=="}, {"X-Twilio-Signature": "é"}]
)
async def test_without_a_valid_signature_nothing_happens_and_no_row_is_read(
    database: Database, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with taking(database, FakeTwilio()) as (poster, client):
        before = await outcomes(client)

        def no_read(*_: object, **__: object) -> None:
            raise AssertionError("A row was read.")

        with monkeypatch.context() as patched:
            patched.setattr("gateway.callbacks.batches.take", no_read)
            patched.setattr(Archive, "fetch", no_read)
            assert await poster.post(form_of(MESSAGE), **headers) == 403
        after = await outcomes(client)
    assert after["unsigned"] == before["unsigned"] + 1
    assert not await rows(database, "SELECT sid FROM interaction UNION ALL SELECT sid FROM session")
    assert await rows(database, "SELECT last_callback_at FROM archive") == [(None,)]


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
async def test_while_the_auth_token_changes_the_old_and_the_new_one_sign(database: Database, algorithm: str) -> None:
    """Twilio signs with the primary token until the secondary one is promoted, and nobody restarts at that moment."""
    changing = CallbackSettings.of({"public_url": PUBLIC_URL, "callbacks_token": "e" * 32})
    async with taking(database, FakeTwilio(), callbacks=changing) as (poster, client):
        assert await poster.post(form_of(MESSAGE), algorithm) == 204
        assert await Poster(client, "e" * 32).post(form_of(MESSAGE), algorithm) == 204
        assert await Poster(client, "d" * 32).post(form_of(MESSAGE), algorithm) == 403


async def test_another_token_or_another_url_doesnt_sign(database: Database) -> None:
    async with taking(database, FakeTwilio()) as (_, client):
        assert await Poster(client, auth_token="0" * 32).post(form_of(MESSAGE)) == 403
        assert await Poster(client, public_url="https://elsewhere.example").post(form_of(MESSAGE)) == 403
        assert await Poster(client, public_url=f"{PUBLIC_URL}:443").post(form_of(MESSAGE)) == 204


@pytest.mark.parametrize(
    "form",
    [
        {"AccountSid": bodies.ACCOUNT, "From": "+12025550100", "Body": "hi", "sessionSid": bodies.sid("KC", 1)},
        form_of(MESSAGE) | {"interactionSid": "KI1"},
        form_of(MESSAGE) | {"interactionSid": ""},
        {"interactionSid": bodies.sid("KI", 1)},
        {"": ""},
    ],
)
async def test_another_body_is_answered_204_and_counted(database: Database, form: dict[str, str]) -> None:
    async with taking(database, FakeTwilio()) as (poster, client):
        before = await outcomes(client)
        assert await poster.post(form) == 204
        assert (await outcomes(client))["other_body"] == before["other_body"] + 1
    assert not await rows(database, "SELECT sid FROM interaction")


async def test_a_body_of_json_is_answered_204_if_its_hash_in_the_url_is_signed(database: Database) -> None:
    body = b'{"EventType": "of tomorrow"}'
    query = f"?bodySHA256={hashlib.sha256(body).hexdigest()}"
    signature = RequestValidator(AUTH_TOKEN).compute_signature(PUBLIC_URL + CALLBACK_PATH + query, {})
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/json"}
    async with taking(database, FakeTwilio()) as (_, client):
        for sent, status in ((body, 204), (body + b" ", 403)):
            async with client.post(CALLBACK_PATH + query, data=sent, headers=headers) as response:
                assert response.status == status


async def test_any_case_unknown_parameters_and_absent_legs_are_understood(database: Database) -> None:
    one_sided = {name: value for name, value in MESSAGE.items() if not name.startswith("inbound_")}
    call = bodies.interaction(
        2, type="Voice", data=None, inbound_resource_type="Call", inbound_resource_status="COMPLETED"
    )
    async with taking(database, FakeTwilio()) as (poster, _):
        form = form_of(one_sided, interactionNumMedia="1", mediaUrl0="https://example.com", interactionOfTomorrow="")
        assert await poster.post(form) == 204
        assert await poster.post(form_of(call)) == 204
    assert await rows(
        database,
        "SELECT type, data, inbound_resource_sid, inbound_resource_status, outbound_resource_type, extra "
        "FROM interaction ORDER BY sid",
    ) == [
        ("message", MESSAGE["data"], None, None, "message", None),
        ("voice", None, bodies.sid("SM", 2), "completed", "message", None),
    ]


async def test_the_same_post_twice_changes_nothing(database: Database) -> None:
    everything = (
        "SELECT data_version, (SELECT count(*) FROM change), (SELECT count(*) FROM callback_session) FROM archive"
    )
    async with taking(database, FakeTwilio()) as (poster, client):
        await poster.post(form_of(MESSAGE))
        before = await rows(database, everything)
        assert await poster.post(form_of(MESSAGE)) == 204
        assert await rows(database, everything) == before
        assert (await outcomes(client))["unchanged"] >= 1


async def test_another_accounts_callback_is_refused(database: Database) -> None:
    async with taking(database, FakeTwilio()) as (poster, client):
        before = await outcomes(client)
        assert await poster.post(form_of(MESSAGE) | {"interactionAccountSid": "AC" + "9" * 32}) == 403
        assert (await outcomes(client))["other_account"] == before["other_account"] + 1
    assert not await rows(database, "SELECT sid FROM interaction")


async def test_what_was_erased_stays_erased(database: Database) -> None:
    fake = FakeTwilio()
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(), bodies.session(1), bodies.session(2), bodies.interaction(1))
        async with archive.writer.transaction() as transaction:
            columns = "sid, session_sid, service_sid, account_sid, requested_by, intended_at, erased_at"
            for sid in (MESSAGE["sid"], bodies.sid("KC", 2)):
                values = {"sid": sid, "session": MESSAGE["session_sid"], "service": MESSAGE["service_sid"]}
                await transaction.execute(
                    f"INSERT INTO deletion ({columns}) VALUES (:sid, :session, :service, :account, 'me', :at, :at)",
                    values | {"account": bodies.ACCOUNT, "at": OLD},
                )
            await transaction.execute("DELETE FROM interaction")
            await transaction.execute("DELETE FROM session WHERE sid = :sid", {"sid": bodies.sid("KC", 2)})
    in_erased_session = bodies.interaction(3, of=2)
    async with taking(database, fake) as (poster, client):
        before = await outcomes(client)
        assert await poster.post(form_of(MESSAGE)) == 204
        assert await poster.post(form_of(in_erased_session)) == 204
        assert (await outcomes(client))["erased"] == before["erased"] + 2
    assert not await rows(database, "SELECT sid FROM interaction")
    assert not await rows(database, "SELECT sid FROM session WHERE sid LIKE '%2'")


async def test_only_posts_are_taken_and_only_with_a_public_url(database: Database) -> None:
    async with taking(database, FakeTwilio(), callbacks=CallbackSettings.of({})) as (poster, _):
        assert await poster.post(form_of(MESSAGE)) == 404
    async with taking(database, FakeTwilio()) as (_, client):
        async with client.get(CALLBACK_PATH) as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")
        async with client.post(CALLBACK_PATH, data=b"x" * 300_000) as response:
            assert response.status == 413


async def test_sync_status_shows_when_the_last_callback_came(database: Database) -> None:
    async with taking(database, FakeTwilio()) as (poster, client):

        async def last() -> str | None:
            async with client.post("/graphql", json={"query": "{ syncStatus { lastCallbackAt } }"}) as response:
                at: str | None = (await response.json())["data"]["syncStatus"]["lastCallbackAt"]
                return at

        assert await last() is None
        await poster.post(form_of(MESSAGE))
        first = await last()
        assert first
        await poster.post(form_of(MESSAGE))
        assert (await last() or "") >= first


async def test_nothing_personal_of_a_callback_is_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "a word that nobody else uses"
    async with taking(database, FakeTwilio()) as (poster, _):
        body = MESSAGE | {"data": json.dumps({"body": secret})}
        form = form_of(body, outboundParticipantIdentifier="+12025550188")
        assert await poster.post(form) == 204
        assert await poster.post(form, **{"X-Twilio-Signature": "forged"}) == 403
        assert await poster.post(form | {"interactionAccountSid": "AC" + "9" * 32}) == 403
        assert await poster.post(form_of(body) | {"outboundResourceStatus": "status-of-tomorrow"}) == 204
    for private in (secret, "+12025550188", AUTH_TOKEN, body["sid"]):
        assert private not in caplog.text


async def test_many_at_once_are_stored_in_few_transactions(database: Database) -> None:
    async with taking(database, FakeTwilio()) as (poster, _):
        messages = [bodies.interaction(number) for number in range(100)]
        assert set(await asyncio.gather(*(poster.post(form_of(body)) for body in messages))) == {204}
    assert await rows(database, "SELECT count(*) FROM interaction") == [(100,)]


def test_an_api_key_alone_cant_check_signatures_and_a_sentence_says_so() -> None:
    account = {"account_sid": bodies.ACCOUNT}
    with_key = TwilioSettings.model_validate(account | {"api_key": "SK" + "0" * 32, "api_secret": "2" * 32})
    with_token = TwilioSettings.model_validate(account | {"auth_token": AUTH_TOKEN})
    reason = CALLBACKS.reason_off(with_key)
    assert reason
    assert "TWILIO_AUTH_TOKEN" in reason
    assert CALLBACKS.reason_off(with_token) is None
    assert CallbackSettings.of({"public_url": PUBLIC_URL, "callbacks_secret": "s"}).reason_off(with_key) is None
    assert CallbackSettings.of({"public_url": PUBLIC_URL, "callbacks_token": "t"}).reason_off(with_key) is None
    assert "TWILIO_ACCOUNT_SID" in (CALLBACKS.reason_off(None) or "")
