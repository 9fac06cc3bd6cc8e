"""The stand-in for Twilio stores resources as Twilio does, and each fault has its documented effect and share."""

import asyncio
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from asking_twilio import INTERACTIONS, KC, KI, KS, MANY, SESSION, SESSIONS, WORLD, Ask, Body, asking
from bodies import interaction, service, session, sid
from checkout import TESTS
from fake_account import UNKNOWN_PROPERTY, UNKNOWN_VALUES
from fake_twilio import FakeTwilio, Faults

FATES: dict[str, set[Any]] = {
    "too_many": {429},
    "server_error": {500, 502, 503},
    "broken": {"broken"},
    "not_json": {"html"},
}


def test_oddities_change_only_the_case_of_enum_values_and_the_fractions_of_dates(fake: FakeTwilio) -> None:
    odd = FakeTwilio(faults=Faults(odd_case=True, fractions=True))
    odd.put(*WORLD)
    read, meant = odd.get(KI), fake.get(KI)
    assert read["type"] != meant["type"]
    assert re.fullmatch(r"\.\d{3}Z", read["date_created"].removeprefix(meant["date_created"][:-1]))
    assert {n: str(v).lower()[:19] for n, v in read.items()} == {n: str(v).lower()[:19] for n, v in meant.items()}


def test_nulls_spare_sids_and_enum_values() -> None:
    fake = FakeTwilio(faults=Faults(nulls=True))
    fake.put(*WORLD)
    left = {name for name, value in fake.get(KC).items() if value is not None}
    assert left == {"sid", "account_sid", "service_sid", "status"}


def test_a_quarter_of_the_enum_values_are_unknown() -> None:
    odd = FakeTwilio(faults=Faults(unknown_words=True))
    odd.put(*MANY)
    types = Counter(odd.get(sid)["type"] for sid in odd.sids("KI"))
    assert types.keys() == {"message", *UNKNOWN_VALUES}
    assert 0.7 < types["message"] / 205 < 0.8


def test_the_fault_adds_one_unknown_property(fake: FakeTwilio) -> None:
    odd = FakeTwilio(faults=Faults(unknown_properties=True))
    odd.put(*WORLD)
    assert odd.get(KC).keys() - fake.get(KC).keys() == {UNKNOWN_PROPERTY}


@pytest.mark.parametrize("path", [f"{INTERACTIONS}/{KI}", SESSION])
async def test_a_legal_hold_prevents_deleting_the_resource_and_its_parents(
    path: str, ask: Ask, fake: FakeTwilio
) -> None:
    fake.hold(KI)
    held = await ask(path, "DELETE")
    assert (held.status, held.body["code"], KI in fake) == (400, 80615, True)
    fake.release(KI)
    assert ((await ask(path, "DELETE")).status, KI in fake) == (204, False)


def test_retention_deletes_sessions_closed_90_days_ago(fake: FakeTwilio) -> None:
    closed: Body = {"status": "closed", "date_ended": "2026-01-01T00:00:00Z"}
    fake.put(session(1, **closed), session(2, **closed | {"status": "open"}))
    fake.clock = lambda: datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    assert fake.expire() == []
    fake.clock = lambda: datetime(2026, 4, 1, tzinfo=UTC)
    assert (fake.expire(), fake.sids("KC"), fake.sids("KI")) == ([KC], [sid("KC", 2)], [])


def test_a_body_without_its_parent_is_refused() -> None:
    with pytest.raises(LookupError, match="put its parent first"):
        FakeTwilio().put(session())


async def test_a_body_put_again_is_replaced(ask: Ask, fake: FakeTwilio) -> None:
    fake.put(interaction(1, date_created="2027-01-01T00:00:00Z"))
    assert [row["sid"] for row in (await ask(INTERACTIONS)).body["interactions"]] == [sid("KI", 2), KI]


def test_an_interaction_put_as_a_message_interaction_is_an_ordinary_interaction(fake: FakeTwilio) -> None:
    plain = fake.get(KI)
    fake.put(interaction(1, participant_sid=sid("KP", 1), url=f"{plain['url']}/elsewhere"))
    assert fake.get(KI) == plain


async def test_requests_are_counted_and_logged_by_template(ask: Ask, fake: FakeTwilio) -> None:
    assert [(await ask(path)).status for path in ("/Services", SESSIONS, SESSIONS)] == [200] * 3
    assert (fake.requests, fake.total_requests) == ({"GET /Services": 1, "GET /Services/{}/Sessions": 2}, 3)
    assert [entry[1:] for entry in fake.log[:2]] == [("GET /Services", ""), ("GET /Services/{}/Sessions", KS)]
    assert fake.status_counts == {200: 3}


async def test_the_rate_limit_is_150_requests_of_an_endpoint_and_service_in_5_seconds() -> None:
    times = [0.0]
    async with asking(FakeTwilio(rate_limit=True, monotonic=lambda: times[-1]), *WORLD, service(2)) as ask:
        assert [(await ask(SESSIONS)).status for _ in range(151)] == [200] * 150 + [429]
        assert (await ask(f"/Services/{sid('KS', 2)}/Sessions")).status == 200
        times.append(5.0)
        assert (await ask(SESSIONS)).status == 200


async def fates(faults: Faults, requests: int = 400) -> list[Any]:
    """The outcomes of this many requests: a status, html, or broken."""
    read: list[Any] = []
    async with asking(FakeTwilio(faults=faults), *WORLD) as ask:
        for _ in range(requests):
            try:
                answer = await ask(SESSIONS)
            except aiohttp.ClientPayloadError:
                read.append("broken")
            else:
                read.append("html" if answer.status == 200 and isinstance(answer.body, str) else answer.status)
    return read


@pytest.mark.parametrize("fault", FATES)
async def test_a_fault_has_its_share_and_no_other_effect(fault: str) -> None:
    quarter: Body = {fault: 0.25}
    read = Counter(await fates(Faults(**quarter)))
    assert read.keys() == FATES[fault] | {200}
    assert 0.7 < read[200] / 400 < 0.8


async def test_the_share_of_slow_answers_is_right() -> None:
    async with asking(fake := FakeTwilio(faults=Faults(slow=0.25)), *WORLD) as ask:
        assert {(await ask(SESSIONS)).status for _ in range(400)} == {200}
    assert 0.2 < fake.fault_counts["slow"] / 400 < 0.3


async def test_faults_are_the_same_for_the_same_seed() -> None:
    faults = Faults(seed=7, too_many=0.2, server_error=0.2, broken=0.2, not_json=0.2)
    assert await fates(faults, 100) == await fates(faults, 100)


async def test_half_of_the_429s_have_retry_after() -> None:
    async with asking(FakeTwilio(faults=Faults(too_many=1)), *WORLD) as ask:
        waits = Counter([(await ask(SESSIONS)).headers.get("Retry-After") for _ in range(200)])
    assert waits.keys() == {None, "0", "1", "0.02", "0.05"}
    assert 0.4 < waits[None] / 200 < 0.6


async def test_server_errors_come_in_json_and_in_html() -> None:
    async with asking(FakeTwilio(faults=Faults(server_error=1)), *WORLD) as ask:
        assert {type((await ask(SESSIONS)).body) for _ in range(20)} == {dict, str}


async def test_a_deletion_whose_answer_broke_off_is_done() -> None:
    async with asking(fake := FakeTwilio(faults=Faults(broken=1)), *WORLD) as ask:
        with pytest.raises(aiohttp.ClientError):  # that of the first try or, as aiohttp tries again, of the second
            await ask(SESSION, "DELETE")
    assert KC not in fake


@pytest.mark.parametrize("late", [{"latency": 0.02}, {"faults": Faults(slow=1, slow_seconds=0.02)}])
async def test_a_slow_answer_takes_the_given_time(late: Body) -> None:
    async with asking(FakeTwilio(**late), *WORLD) as ask:
        begun = time.perf_counter()
        await ask(SESSIONS)
        assert time.perf_counter() - begun >= 0.02


async def test_pages_drift_when_on_page_takes_rows_away() -> None:
    seen: list[tuple[str, int]] = []

    def on_page(fake: FakeTwilio, path: str, page: int) -> None:
        seen.append((path, page))
        if page == 1:
            fake.remove(sid("KI", 0))

    async with asking(FakeTwilio(faults=Faults(drift=True, on_page=on_page)), *MANY) as ask:
        first = (await ask(f"{INTERACTIONS}?PageSize=100")).body
        second = (await ask(first["meta"]["next_page_url"])).body
    assert (first["interactions"][-1]["sid"], second["interactions"][0]["sid"]) == (sid("KI", 99), sid("KI", 101))
    assert seen == [(INTERACTIONS, 0), (INTERACTIONS, 1)]


async def test_the_next_requests_fail_as_scripted(ask: Ask, fake: FakeTwilio) -> None:
    fake.fail_next("GET /Services/{}/Sessions", 503, "<h1>Sorry</h1>", times=2)
    assert [(await ask(path))[0] for path in ("/Services", SESSIONS, SESSIONS, SESSIONS)] == [200, 503, 503, 200]


@pytest.mark.parametrize("wrong", [{"too_many": 0.6, "broken": 0.6}, {"drift": True}])
def test_invalid_faults_are_refused(wrong: Body) -> None:
    with pytest.raises(ValueError, match="Expected"):
        Faults(**wrong)


async def test_the_command_serves_an_account_and_says_what_to_export() -> None:
    command = [sys.executable, str(TESTS / "stand_in" / "fake_twilio.py"), "--sessions=2", "--faults"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout
        names = [(await process.stdout.readline()).decode().partition("=")[0] for _ in range(4)]
    finally:
        process.terminate()
        await process.wait()
    assert names == [f"export TWILIO_{name}" for name in ("ACCOUNT_SID", "AUTH_TOKEN", "API_URL", "PROXY_URL")]
