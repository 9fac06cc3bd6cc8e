"""A deletion's outcome at Twilio is in the payload and the ledger, and a pending one is finished later."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import bodies
from fake_twilio import FakeTwilio
from gateway.twilio.upstream import TwilioUpstream
from gateway_under_test import serving
from mirror import Mirror, account, mirroring, settings_for
from resolvers.upstream import finish_deletions
from retries import without_waits
from store.archive import open_archive, read_archive
from store.engine.database import Database
from store.erasure import interactions as erasure
from store.erasure import ledger
from store.erasure.ledger import AtTwilio
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.sqlite import migrations

KI = [bodies.sid("KI", number) for number in (1000, 1001, 2000, 2001)]
DELETE = """
mutation ($sid: ID!) {
  deleteInteraction(input: {sid: $sid}) { deletedInteractionId atTwilio userErrors { code message } }
}
"""
TEMPLATE = "DELETE /Services/{}/Sessions/{}/Interactions/{}"


no_waiting = without_waits(3)


@pytest.fixture
async def fake(database: Database) -> FakeTwilio:
    """An account, of which ``database`` is a mirror."""
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    return fake


async def delete(client: aiohttp.ClientSession, sid: str) -> dict[str, Any]:
    async with client.post("/graphql", json={"query": DELETE, "variables": {"sid": sid}}) as response:
        payload: dict[str, Any] = (await response.json())["data"]["deleteInteraction"]
        return payload


async def entries(database: Database) -> dict[str, AtTwilio | None]:
    async with read_archive(database) as archive:
        return {entry.sid: entry.twilio for entry in await ledger.entries(archive)}


@asynccontextmanager
async def connected_server(database: Database, fake: FakeTwilio) -> AsyncIterator[aiohttp.ClientSession]:
    async with fake.serving(), serving(database, twilio=settings_for(fake)) as client:
        yield client


async def test_without_an_account_it_is_deleted_only_here_and_the_payload_and_the_ledger_say_so(
    database: Database, fake: FakeTwilio
) -> None:
    async with serving(database) as client:
        payload = await delete(client, KI[0])
    assert payload == {"deletedInteractionId": KI[0], "atTwilio": "NOT_CONNECTED", "userErrors": []}
    assert await entries(database) == {KI[0]: AtTwilio.NOT_CONNECTED}
    assert KI[0] in fake


async def test_with_an_account_the_payload_says_whether_twilio_deleted_it_or_no_longer_had_it(
    database: Database, fake: FakeTwilio
) -> None:
    fake.remove(KI[1])
    async with connected_server(database, fake) as client:
        assert (await delete(client, KI[0]))["atTwilio"] == "DELETED"
        assert (await delete(client, KI[1]))["atTwilio"] == "ALREADY_GONE"
    assert await entries(database) == {KI[0]: AtTwilio.DELETED, KI[1]: AtTwilio.ALREADY_GONE}


async def test_what_twilio_did_not_do_is_in_the_payload_too(database: Database, fake: FakeTwilio) -> None:
    fake.hold(KI[0])
    async with connected_server(database, fake) as client:
        assert (await delete(client, KI[0]))["atTwilio"] == "REFUSED"
        fake.fail_next(TEMPLATE, 429, {"code": 20429}, times=3)
        assert (await delete(client, KI[1]))["atTwilio"] is None
        fake.fail_next(TEMPLATE, 504, "<html>", times=3)
        assert (await delete(client, KI[2]))["atTwilio"] == "PENDING"
        assert (await delete(client, bodies.sid("KI", 9)))["atTwilio"] is None
        assert (KI[2] in fake, await entries(database)) == (True, {KI[2]: AtTwilio.PENDING})


async def test_what_was_deleted_only_here_is_deleted_at_twilio_once_a_server_has_the_account(
    database: Database, fake: FakeTwilio
) -> None:
    async with serving(database) as client:
        for sid in KI[:3]:
            await delete(client, sid)
    fake.remove(KI[1])
    expected = {KI[0]: AtTwilio.DELETED, KI[1]: AtTwilio.ALREADY_GONE, KI[2]: AtTwilio.DELETED}
    async with connected_server(database, fake), asyncio.timeout(30):
        while await entries(database) != expected:
            await asyncio.sleep(0.05)
    assert fake.sids("KI") == [KI[3]]


async def test_what_was_deleted_only_here_stays_out_of_the_archive_until_then(
    database: Database, fake: FakeTwilio
) -> None:
    async with serving(database) as client:
        await delete(client, KI[0])
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        assert KI[0] not in await mirror.stored("KI")


async def caught_up(mirror: Mirror, **how: Any) -> tuple[int, int]:
    return await finish_deletions(mirror.archive, TwilioUpstream(mirror.twilio), **how)


async def test_a_refused_later_deletion_is_stored_and_retried_at_the_next_start(
    database: Database, fake: FakeTwilio
) -> None:
    async with serving(database) as client:
        await delete(client, KI[0])
    fake.hold(KI[0])
    async with mirroring(database, fake) as mirror:
        assert await caught_up(mirror) == (0, 0)
        assert await entries(database) == {KI[0]: AtTwilio.REFUSED}
        assert await caught_up(mirror, at_start=False) == (0, 0)
        assert fake.requests[TEMPLATE] == 1
        fake.release(KI[0])
        assert await caught_up(mirror) == (1, 0)
        assert (KI[0] in fake, await entries(database)) == (False, {KI[0]: AtTwilio.DELETED})


async def test_while_twilio_is_unreachable_later_deletions_wait(database: Database, fake: FakeTwilio) -> None:
    async with serving(database) as client:
        await delete(client, KI[0])
    async with mirroring(database, fake) as mirror:
        await mirror.twilio.verify()
        fake.fail_next(TEMPLATE, 503, "<html>", times=3)
        assert await caught_up(mirror) == (0, 1)
        assert await entries(database) == {KI[0]: AtTwilio.NOT_CONNECTED}
        assert await caught_up(mirror) == (1, 0)


async def test_another_accounts_404_finishes_nothing(database: Database, fake: FakeTwilio) -> None:
    """With another account's credentials, Twilio answers with its own 404."""
    async with serving(database) as client:
        await delete(client, KI[0])
    async with open_archive(database) as archive:
        (found,) = await archive.reader().read(Lookup(Interaction), [KI[1]])
        assert found
        await erasure.request(archive, found, "a test", at_twilio=True)
    other = FakeTwilio(account_sid="AC" + "9" * 32)
    account(other, services=1, sessions=1, interactions=0)
    async with mirroring(database, other) as mirror:
        assert await caught_up(mirror) == (0, 1)
        assert KI[1] in await mirror.stored("KI")
        assert other.requests[TEMPLATE] == 0
    async with mirroring(database, fake) as mirror:
        assert await caught_up(mirror) == (2, 0)
    assert fake.sids("KI") == KI[2:]


async def test_a_request_whose_answer_got_lost_survives_a_later_failed_attempt(
    database: Database, fake: FakeTwilio
) -> None:
    async with connected_server(database, fake) as client:
        fake.fail_next(TEMPLATE, 504, "<html>", times=3)
        await delete(client, KI[0])
        fake.fail_next(TEMPLATE, 429, {"code": 20429}, times=3)
        payload = await delete(client, KI[0])
        assert payload["atTwilio"] == "PENDING"
        assert payload["userErrors"][0]["message"].endswith("it is settled as soon as Twilio can be reached.")
    async with mirroring(database, fake) as mirror:
        assert await caught_up(mirror) == (1, 0)
        await mirror.assert_equal()


async def test_a_deletion_in_progress_is_left_alone_unless_its_answer_got_lost(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror:
        for sid in KI[:2]:
            (found,) = await mirror.archive.reader().read(Lookup(Interaction), [sid])
            assert found
            await erasure.request(mirror.archive, found, "a test", at_twilio=True)
        await erasure.note_at_twilio(mirror.archive, KI[1], AtTwilio.PENDING)
        assert await caught_up(mirror, at_start=False) == (1, 0)
        assert KI[0] in fake
        assert await caught_up(mirror) == (1, 0)
        assert fake.sids("KI") == KI[2:]


async def test_invalid_credentials_withdraw_no_request(database: Database, fake: FakeTwilio) -> None:
    async with connected_server(database, fake) as client:
        fake.fail_next(TEMPLATE, 504, "<html>", times=3)
        await delete(client, KI[0])
    async with mirroring(database, fake, auth_token="an old one") as mirror:
        assert await caught_up(mirror) == (0, 1)
    assert await entries(database) == {KI[0]: AtTwilio.PENDING}


@pytest.mark.of_a_file
async def test_deletions_from_before_outcomes_were_stored_are_not_repeated(
    empty_database: Path, tmp_path: Path
) -> None:
    """At that time the payload didn't say that Twilio would be asked later."""
    older = tmp_path / "migrations"
    older.mkdir()
    for file in sorted(migrations.FOLDER.glob("*.sql"))[:8]:
        (older / file.name).write_text(file.read_text("utf-8"), "utf-8")
    with closing(sqlite3.connect(empty_database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        migrations.migrate(connection, empty_database, older)
        at, service_sid, account_sid = "2026-01-01T00:00:00.000Z", bodies.sid("KS", 1), FakeTwilio().account_sid
        for sid, session, by, at_twilio, erased in (
            (KI[0], 1, "console", 0, at),
            (KI[1], 1, "console", 1, at),
            (KI[2], 2, "sync", 0, at),
            (KI[3], 2, "console", 1, None),
        ):
            connection.execute(
                "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, "
                "at_twilio, erased_at, closed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (sid, bodies.sid("KC", session), service_sid, account_sid, by, at, at_twilio, erased, erased),
            )
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    async with mirroring(empty_database, fake) as mirror:
        assert await entries(empty_database) == {
            KI[0]: None,
            KI[1]: AtTwilio.DELETED,
            KI[2]: AtTwilio.ALREADY_GONE,
            KI[3]: AtTwilio.PENDING,
        }
        assert await caught_up(mirror) == (1, 0)
    assert fake.sids("KI") == KI[:3]
