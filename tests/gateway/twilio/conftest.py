"""The stand-in for Twilio with a small account, and how it is asked."""

from collections.abc import AsyncIterator

import pytest

from asking_twilio import WORLD, Ask, asking
from fake_twilio import FakeTwilio


@pytest.fixture
def fake() -> FakeTwilio:
    stand_in = FakeTwilio()
    stand_in.put(*WORLD)
    return stand_in


@pytest.fixture
async def ask(fake: FakeTwilio) -> AsyncIterator[Ask]:
    async with asking(fake) as asked:
        yield asked
