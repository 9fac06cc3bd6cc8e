"""Wrong keys are limited by client, before they are looked up; good keys are not."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from clock import Clock
from gateway.auth.attempts import MAX_CONCURRENT, WRONG_KEYS
from gateway.auth.authentication import Authenticator
from gateway.http.exchange import HttpError
from gateway_under_test import serving
from requests_with_keys import QUERY, headers_of
from store import keys
from store.engine.database import Database
from store.engine.protocols import Archive


async def test_wrong_keys_are_limited_by_client_before_they_are_looked_up(archive: Archive) -> None:
    text = await keys.create(archive, "console", ("read",), None)
    clock = Clock()
    authenticator = Authenticator(archive, True, clock=clock)
    near, far = {"client": ("2001:db8::1", 1)}, {"client": ("2001:db8:0:1::1", 1)}
    statuses = Counter[int]()
    for number in range(WRONG_KEYS + 50):
        scope = {"client": (f"2001:db8::{number:x}", number)}
        with pytest.raises(HttpError) as refused:
            await authenticator.access(scope, headers_of(f"{keys.PREFIX}{number}"))
        statuses[refused.value.status] += 1
    assert statuses == {401: WRONG_KEYS, 429: 50}
    with pytest.raises(HttpError, match="wrong keys a minute from one client"):
        await authenticator.access(near, headers_of(text))
    assert (await authenticator.access(far, headers_of(text))).name == "console"
    clock.now += 61
    assert (await authenticator.access(near, headers_of(text))).name == "console"


async def test_valid_keys_do_not_count_as_attempts(archive: Archive) -> None:
    text = await keys.create(archive, "console", ("read",), None)
    clock = Clock()
    authenticator = Authenticator(archive, True, clock=clock, rate=3)
    for _ in range(9):
        clock.now += 6
        assert (await authenticator.access({"client": ("192.0.2.1", 1)}, headers_of(text))).name == "console"


async def statuses_of(authenticator: Authenticator, *shown: str) -> Counter[int]:
    """The statuses of one client's concurrent requests."""

    async def ask(text: str) -> int:
        try:
            await authenticator.access({"client": ("192.0.2.1", 1)}, headers_of(text))
        except HttpError as error:
            return error.status
        return 200

    return Counter(await asyncio.gather(*map(ask, shown)))


@pytest.mark.parametrize("rate", [None, 3])
async def test_concurrent_valid_keys_are_all_accepted(archive: Archive, rate: int | None) -> None:
    texts = [await keys.create(archive, f"console {number}", ("read",), None) for number in range(2 * WRONG_KEYS)]
    authenticator = Authenticator(archive, True, rate=rate)
    assert await statuses_of(authenticator, *texts[:1] * 300) == {200: 300}
    assert await statuses_of(authenticator, *texts) == {200: len(texts)}
    await authenticator.wait_for_notes()


@pytest.mark.parametrize("rate", [None, 3])
async def test_concurrent_wrong_keys_are_looked_up_only_up_to_the_limit(
    archive: Archive, rate: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = most = 0
    find = keys.find

    async def counted(*arguments: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        try:
            return await find(*arguments)
        finally:
            running -= 1

    monkeypatch.setattr(keys, "find", counted)
    bound = rate or WRONG_KEYS
    authenticator = Authenticator(archive, True, rate=rate)
    wrong = [f"{keys.PREFIX}{number}" for number in range(bound + 100)]
    assert await statuses_of(authenticator, *wrong) == {401: bound, 429: 100}
    assert most <= MAX_CONCURRENT


async def test_guesses_do_not_lock_out_a_key_that_was_valid_before(archive: Archive) -> None:
    clock = Clock()
    authenticator = Authenticator(archive, True, clock=clock, rate=3)
    text = await keys.create(archive, "console", ("read",), None)
    assert await statuses_of(authenticator, text) == {200: 1}
    assert await statuses_of(authenticator, *(f"{keys.PREFIX}{number}" for number in range(9))) == {401: 3, 429: 6}
    clock.now += 6
    assert await statuses_of(authenticator, *[text] * 50) == {200: 50}
    await keys.revoke(archive, "console")
    clock.now += 6
    assert await statuses_of(authenticator, text) == {401: 1}
    assert await statuses_of(authenticator, text) == {429: 1}
    await authenticator.wait_for_notes()


async def test_a_configured_rate_also_limits_wrong_keys(database: Database) -> None:
    async with serving(database, require_key=True, limits={"rate": 5}) as client:
        statuses = []
        for number in range(8):
            wrong = {"Authorization": f"Bearer {keys.PREFIX}{number}"}
            async with client.post("/graphql", json=QUERY, headers=wrong) as response:
                statuses.append(response.status)
        assert statuses == [401] * 5 + [429] * 3
