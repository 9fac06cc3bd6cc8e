"""A Service or Session for which Twilio answers 404 isn't gone as long as Twilio still shows what is below it."""

import json

import pytest
from aiohttp import web

import bodies
from fake_answers import answer_of, missing
from fake_twilio import FakeTwilio
from gateway.erasure.at_twilio import ErasureUpstream
from gateway.twilio.errors import TwilioRefused
from mirror import account, mirroring
from store.engine.database import Database
from store.erasure.ledger import TwilioAddress

SERVICE, SESSION = bodies.sid("KS", 2), bodies.sid("KC", 2)


class Denying(FakeTwilio):
    """Lists that lack one resource, and a 404 for it, as of an index that is behind; what is below it is answered."""

    denied = ""
    lists_nothing_below = False

    def _one(self, verb: str, path: str, name: str) -> web.Response:
        return missing(f"{path}/{name}") if name == self.denied else super()._one(verb, path, name)

    def _list(self, request: web.BaseRequest, path: str) -> web.Response:
        if self.denied and self.lists_nothing_below and path.endswith(f"{self.denied}/Sessions"):
            return missing(path)
        page = json.loads(str(super()._list(request, path).text))
        if "meta" not in page:
            return missing(path)
        key = page["meta"]["key"]
        return answer_of(200, page | {key: [row for row in page[key] if row["sid"] != self.denied]})


@pytest.mark.parametrize("flags", [{}, {"full": True}, {"full": True, "erase": True}, {"full": True, "keep": True}])
@pytest.mark.parametrize(
    ("denied", "lists_nothing_below"), [(SERVICE, False), (SERVICE, True), (SESSION, False)], ids=str
)
async def test_a_404_for_something_whose_contents_are_still_shown_erases_and_marks_nothing(
    database: Database, denied: str, lists_nothing_below: bool, flags: dict[str, bool]
) -> None:
    fake = Denying()
    account(fake, services=2, sessions=3)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.denied, fake.lists_nothing_below = denied, lists_nothing_below
        with pytest.raises(TwilioRefused, match=denied):
            await mirror.sync(**flags)
        assert await mirror.ledger() == {}
        for table in ("session", "interaction"):
            assert await mirror.archive.fetch(f"SELECT sid FROM {table} WHERE kept_at IS NOT NULL") == []
        fake.denied = ""
        await mirror.sync(full=True)
        await mirror.assert_equal()
        fake.remove(denied)
        await mirror.sync(full=True)
        await mirror.assert_equal()
        assert SESSION in await mirror.ledger() or denied == SERVICE


async def test_an_erasure_asks_for_each_interaction_of_a_session_that_is_answered_404_while_its_contents_are_shown(
    database: Database,
) -> None:
    fake = Denying()
    account(fake, services=1, sessions=2)
    address = TwilioAddress(bodies.sid("KI", 2_000), SESSION, bodies.sid("KS", 1), fake.account_sid)
    async with mirroring(database, fake) as mirror:
        fake.denied = SESSION
        assert await ErasureUpstream(mirror.twilio).with_its_session(address) is None
        fake.denied = ""
        fake.remove(SESSION)
        assert await ErasureUpstream(mirror.twilio).with_its_session(address) is not None
