"""The made-up account is the same for the same seed, and has everything that a real account can have."""

import re
from collections import Counter
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import pytest

import bodies
from gateway.demo.account import Account
from gateway.demo.conversations import SLOTS, TRADES
from gateway.demo.seeding import DEMO, Seed, demo_archive, fill, seed_archive
from store import twilio_mapping
from store.archive import open_archive
from store.demo import demo_mark, mark_demo
from store.enums import ResourceStatus, SessionMode, SessionStatus
from store.errors import DatabaseOccupied
from store.interactions import Interaction


def account(seed: int = DEMO.seed) -> Account:
    return Account(seed, DEMO.services, DEMO.sessions, DEMO.interactions, DEMO.varied)


@pytest.fixture(scope="module")
def demo() -> list[tuple[bodies.Body, list[bodies.Body], list[bodies.Body]]]:
    return list(account().conversations())


Demo = list[tuple[bodies.Body, list[bodies.Body], list[bodies.Body]]]


def test_the_same_seed_gives_the_same_account_to_the_last_digit() -> None:
    one, other, another = account(1), account(1), account(2)
    assert one.services == other.services
    assert list(one.conversations()) == list(other.conversations())
    assert one.services != another.services


def test_all_of_it_lies_in_the_two_weeks_before_its_day() -> None:
    for made in Account(1, 5, 40, 14, varied=True, day=date(2026, 3, 1)).conversations():
        bodies_ = [made.session, *made.participants, *made.interactions]
        dates = [value for body in bodies_ for name, value in body.items() if name.startswith("date_") and value]
        assert "2026-02-15T00:00:00Z" <= min(dates) <= max(dates) < "2026-03-01T00:00:00Z"


def test_its_conversations_reach_from_the_first_day_to_yesterday() -> None:
    days = {body["date_created"][:10] for made in account().conversations() for body in made.interactions}
    assert days == {f"2026-01-{day:02d}" for day in range(6, 20)}


async def test_an_interrupted_fill_goes_on_with_its_own_day_and_a_whole_one_is_kept(database: Path) -> None:
    seed, another_day = Seed(1, 1, 2, 3, day=date(2026, 1, 20)), date(2026, 1, 21)
    assert await seed_archive(database, seed, lambda _: None)
    assert not await seed_archive(database, seed._replace(day=None), lambda _: None)
    async with open_archive(database) as archive:
        async with archive.writer.transaction() as transaction:
            await mark_demo(transaction, f"unfinished {seed}")
        assert await fill(archive, seed._replace(day=None), lambda _: None)
        assert await demo_mark(archive) == str(seed)
        with pytest.raises(DatabaseOccupied, match="day=2026-01-20"):
            await fill(archive, seed._replace(day=another_day), lambda _: None)


async def test_without_a_day_the_last_conversations_are_of_yesterday(database: Path) -> None:
    before = datetime.now(UTC).date()
    await demo_archive(database, DEMO)
    async with open_archive(database) as archive:
        mark = await demo_mark(archive)
    assert mark in (str(DEMO._replace(day=before)), str(DEMO._replace(day=datetime.now(UTC).date())))


def test_the_account_has_exactly_the_given_size() -> None:
    lengths = [len(made.interactions) for made in Account(1, services=2, sessions=3, interactions=7).conversations()]
    assert lengths == [7] * 6


def test_it_has_every_status_and_mode(demo: Demo) -> None:
    assert {session["status"] for session, _, _ in demo} == set(SessionStatus)
    assert {session["mode"] for session, _, _ in demo} == set(SessionMode) - {SessionMode.UNKNOWN}
    outbound = {body["outbound_resource_status"] for _, _, interactions in demo for body in interactions}
    assert outbound == {*ResourceStatus, None}


def test_it_has_calls_with_lengths_and_one_sided_interactions(demo: Demo) -> None:
    rows = [twilio_mapping.record(Interaction, body) for _, _, interactions in demo for body in interactions]
    kinds = Counter((row.type, row.inbound is None, row.outbound is None) for row in rows)
    assert {("message", True, False), ("message", False, True), ("voice", False, False)} <= set(kinds)
    assert any(row.duration_seconds for row in rows if row.type == "voice")
    assert all(row.body and "{" not in row.body for row in rows if row.type == "message")


def test_it_has_removed_participants_and_their_successors(demo: Demo) -> None:
    crowds = [people for _, people, _ in demo if len(people) == 3]
    assert crowds
    for people in crowds:
        assert [bool(person["date_deleted"]) for person in people] == [False, True, False]
        assert people[1]["date_deleted"] == people[2]["date_created"]


def test_it_has_sessions_without_interactions(demo: Demo) -> None:
    silent = [session for session, _, interactions in demo if not interactions]
    assert silent
    assert all(session["date_last_interaction"] is None for session in silent)


def test_nobody_in_it_is_a_person(demo: Demo) -> None:
    roles = {role for trade in TRADES for role in trade.roles}
    people = [person for _, crowd, _ in demo for person in crowd]
    assert {person["friendly_name"] for person in people} == roles
    fiction = re.compile(r"\+1\d{3}55501\d\d")
    assert all(fiction.fullmatch(person[name]) for person in people for name in ("identifier", "proxy_identifier"))


def test_every_placeholder_of_every_line_has_values() -> None:
    for trade in TRADES:
        for scene in trade.scenes:
            for speaker, text in scene:
                assert speaker in (None, 0, 1)
                assert set(re.findall(r"{(\w+)}", text)) <= set(SLOTS)


def test_conversations_follow_the_order_of_their_script() -> None:
    (first,) = islice(Account(1, services=1, sessions=1, interactions=50).conversations(), 1)
    dates = [body["date_created"] for body in first.interactions]
    assert dates == sorted(dates)


def test_a_scene_uses_the_same_values_throughout(demo: Demo) -> None:
    checked = 0
    for _, _, interactions in demo:
        texts = [twilio_mapping.record(Interaction, body).body or "" for body in interactions]
        lost = None
        for text in texts:
            if found := re.search(r"I think I left (.+) on the back seat", text):
                lost = found[1]
            if found := re.fullmatch(r"Found (.+)! I can bring it to you .+\.", text):
                assert found[1] == lost
                checked += 1
    assert checked
