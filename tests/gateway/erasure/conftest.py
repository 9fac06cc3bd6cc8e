"""The person in an account, and in an archive that mirrors it."""

from collections.abc import Iterator

import pytest
import stamina

from fake_twilio import FakeTwilio
from mirror import mirroring
from person import put_person
from store.engine.database import Database


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """Retries as ever, but without the waits between them."""
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
async def fake(database: Database) -> FakeTwilio:
    """An account with the person, that ``database`` is a mirror of."""
    fake = FakeTwilio()
    put_person(fake)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    fake.requests.clear()
    return fake
