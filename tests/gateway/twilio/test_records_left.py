"""Message and Call records that Twilio could not delete yet are tried again by a server or a sync with the account."""

import asyncio

import pytest

import bodies
from fake_twilio import AUTH_TOKEN, FakeTwilio
from gateway.twilio.record_deletions import Deleted, delete_records
from gateway_under_test import serving
from mirror import account, mirroring, settings_for
from running_commands import run
from store.engine.database import Database

KI, SM = bodies.sid("KI", 1000), bodies.sid("SM", 1000)
LIST = "GET /Accounts/{}/Messages.json"


@pytest.fixture
async def fake(database: Database) -> FakeTwilio:
    """An account in which a record of an erased Interaction was not complete at first, and is complete now."""
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    fake.records.set_complete(SM, False)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await mirror.erase(KI)
        records = mirror.twilio.records
        assert await delete_records(mirror.archive, records, [KI], "a test") == Deleted(gone=1, left=1)
    fake.records.set_complete(SM)
    return fake


async def test_a_server_finishes_pending_deletions(database: Database, fake: FakeTwilio) -> None:
    async with fake.serving(), serving(database, twilio=settings_for(fake)), asyncio.timeout(30):
        while SM in fake.records:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("may", [True, False])
async def test_a_sync_finishes_pending_deletions_and_continues_if_it_cannot(
    database: Database, fake: FakeTwilio, may: bool
) -> None:
    fake.fail_next(LIST, 403, {"code": 70051, "message": "Forbidden"}, times=0 if may else 1)
    async with fake.serving():
        environment = {"TWILIO_ACCOUNT_SID": fake.account_sid, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
        environment |= {"TWILIO_PROXY_URL": fake.base_url, "TWILIO_API_URL": fake.api_url}
        result = await asyncio.to_thread(run, "sync", "--database", str(database), **environment)
    assert (result.returncode, SM not in fake.records) == (0, may)
    assert ("are still at Twilio" in result.stderr) is not may
