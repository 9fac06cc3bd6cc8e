"""An archive is bound to one account, and only Twilio's own 404 shows that a resource is gone."""

from typing import Any

import pytest
from aiohttp import web

import bodies
from fake_twilio import API_KEY, API_SECRET, HTML, FakeTwilio
from gateway.sync.reconcile import TooManyErasures
from gateway.twilio.errors import ForeignAccount, TwilioError
from mirror import Mirror, account, mirroring
from retries import without_waits
from store.engine.database import Database

A, B = "AC" + "a" * 32, "AC" + "b" * 32


no_waiting = without_waits(2)


async def content(mirror: Mirror) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("archive", "service", "session", "participant", "interaction", "deletion", "session_read")
    omitted = {"archive": "account_sid, demo"}
    return {
        table: [tuple(row) for row in await mirror.archive.fetch(f"SELECT {omitted.get(table, '*')} FROM {table}")]
        for table in tables
    }


@pytest.mark.parametrize("flags", [{}, {"full": True}, {"full": True, "erase": True}, {"keep": True}])
@pytest.mark.parametrize("sessions", [2, 60])
async def test_an_account_sid_with_the_key_of_another_account_changes_nothing(
    database: Database, sessions: int, flags: dict[str, bool]
) -> None:
    ours, others = FakeTwilio(account_sid=A), FakeTwilio(account_sid=B)
    account(ours, services=2, sessions=sessions)
    account(others, services=1, sessions=3)
    mixed = {"account_sid": A, "auth_token": None, "api_key": API_KEY, "api_secret": API_SECRET}
    async with mirroring(database, ours) as mirror:
        await mirror.sync()
        before = await content(mirror)
        async with mirroring(database, others, **mixed) as wrong:
            with pytest.raises(ForeignAccount, match=f"Expected a resource of the account {A}"):
                await wrong.sync(**flags)
        assert await content(mirror) == before
        await mirror.sync(full=True)
        await mirror.assert_equal()


async def test_a_wrong_account_sid_at_the_first_run_claims_no_archive(database: Database) -> None:
    fake = FakeTwilio(account_sid=B)
    account(fake)
    mixed = {"account_sid": A, "auth_token": None, "api_key": API_KEY, "api_secret": API_SECRET}
    async with mirroring(database, fake, **mixed) as wrong:
        with pytest.raises(ForeignAccount):
            await wrong.sync()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await mirror.assert_equal()


def page(key: str) -> dict[str, Any]:
    return {key: [], "meta": {"key": key, "next_page_url": None}}


@pytest.mark.parametrize("flags", [{"full": True}, {"full": True, "erase": True}])
@pytest.mark.parametrize("sessions", [3, 50])
@pytest.mark.parametrize(
    ("lists", "key", "below"),
    [("/Interactions", "interactions", "/Interactions/{}"), ("{}/Sessions", "sessions", "/Sessions/{}")],
    ids=["interactions", "sessions"],
)
@pytest.mark.parametrize(
    "refusal", [HTML, {"message": "no Route matched with those values"}, {"code": 404, "message": "No"}]
)
async def test_a_404_from_something_else_than_twilio_erases_and_marks_nothing(
    database: Database, refusal: Any, lists: str, key: str, below: str, sessions: int, flags: dict[str, bool]
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=sessions)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = await content(mirror)
        fake.fail_next(below, 404, refusal, times=1_000)
        fake.fail_next(lists, 200, page(key), times=1_000)
        with pytest.raises(TwilioError):
            await mirror.sync(**flags)
        after = await content(mirror)
        assert before | {"session_read": []} == after | {"session_read": []}
        fake._script.clear()
        await mirror.sync()
        await mirror.assert_equal()


@pytest.mark.parametrize("sessions", [2, 130])
async def test_a_list_of_sessions_without_next_page_url_is_incomplete(database: Database, sessions: int) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=sessions, interactions=1)
    rows = [fake.get(sid) for sid in fake.sids("KC")[:2]]
    async with mirroring(database, fake) as mirror:
        for odd in (
            {"sessions": rows, "meta": {"key": "sessions"}},
            {"sessions": [rows[0], None], "meta": page("x")["meta"]},
        ):
            fake.fail_next("{}/Sessions", 200, odd)
            with pytest.raises(TwilioError, match=bodies.sid("KS", 1)):
                await mirror.sync()
        await mirror.sync()
        await mirror.assert_equal()


async def test_a_full_page_of_interactions_without_next_page_url_is_incomplete(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2, interactions=0)
    fake.put(*(bodies.interaction(number, account_sid=fake.account_sid) for number in range(1, 131)))
    cut = {"interactions": [fake.get(sid) for sid in fake.sids("KI")[:100]], "meta": {"key": "interactions"}}
    async with mirroring(database, fake) as mirror:
        fake.fail_next("/Interactions", 200, cut, times=2)
        with pytest.raises(TwilioError):
            await mirror.sync()
        await mirror.sync()
        await mirror.assert_equal()


class Unsure(FakeTwilio):
    """Something between here and Twilio answers requests for the Services itself, and forwards the rest."""

    unsure = False

    def _one(self, verb: str, path: str, name: str) -> web.Response:
        if self.unsure and path == "/Services":
            return web.Response(status=404, text=HTML, content_type="text/html")
        return super()._one(verb, path, name)


@pytest.mark.parametrize("flags", [{"full": True}, {"full": True, "erase": True}, {"keep": True}])
async def test_the_parent_must_be_confirmed_to_exist(database: Database, flags: dict[str, bool]) -> None:
    fake = Unsure()
    account(fake, services=2, sessions=5)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = await content(mirror)
        fake.remove(bodies.sid("KC", 2))
        fake.unsure = True
        with pytest.raises(TwilioError):
            await mirror.sync(**flags)
        assert await content(mirror) == before | {"session_read": (await content(mirror))["session_read"]}
        fake.unsure = False
        await mirror.sync()
        await mirror.assert_equal()


@pytest.mark.parametrize("template", ["GET /Services", "{}/Sessions", "/Participants", "/Interactions"])
@pytest.mark.parametrize(
    "body", [HTML, {}, {"interactions": None}, '{"sessions": [{"sid": "KC0'], ids=["login page", "empty", "null", "cut"]
)
async def test_an_answer_that_is_not_a_page_ends_the_run_as_incomplete(
    database: Database, template: str, body: dict[str, Any] | str
) -> None:
    fake = FakeTwilio()
    account(fake, services=2, sessions=4)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = await content(mirror)
        fake.remove(bodies.sid("KC", 3))
        fake.remove(bodies.sid("KI", 1000))
        fake.fail_next(template, 200, body, times=1_000)
        with pytest.raises(TwilioError):
            await mirror.sync(full=True, erase=True)
        ((outcome,),) = await mirror.archive.fetch("SELECT outcome FROM sync_run ORDER BY number DESC LIMIT 1")
        assert outcome == "failed"
        assert (await content(mirror))["interaction"] == before["interaction"]
        assert await mirror.ledger() == {}


async def test_an_empty_list_of_services_is_refused_before_anything(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=3, sessions=4, interactions=1)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = await content(mirror)
        for sid in fake.sids("KS"):
            fake.remove(sid)
        with pytest.raises(TooManyErasures):
            await mirror.sync()
        assert await content(mirror) == before
