"""deleteInteraction also deletes at Twilio, and says which of the two deletions did not happen."""

from typing import Any

import bodies
from fake_twilio import FakeTwilio
from gateway.endpoint.execution import execute
from gateway.endpoint.results import Request
from gateway.settings.server import Limits
from gateway.twilio.upstream import TwilioUpstream
from mirror import Mirror, account, mirroring
from resolvers.context import Context
from resolvers.upstream import finish_deletions
from retries import without_waits
from store.engine.database import Database
from store.erasure import interactions as erasure
from store.erasure import ledger
from store.interactions import Interaction
from store.queries.lookups import Lookup
from store.twilio_mapping import now

KI = bodies.sid("KI", 1000)
DELETE = """
mutation ($sid: ID!) {
  deleteInteraction(input: {sid: $sid}) {
    deletedInteractionId remainingResources { sid } userErrors { code message field }
  }
}
"""
TEMPLATE = "DELETE /Services/{}/Sessions/{}/Interactions/{}"


no_waiting = without_waits(3)


async def delete(mirror: Mirror) -> dict[str, Any]:
    context = Context(mirror.archive, TwilioUpstream(mirror.twilio))
    answer = (await execute(Request(DELETE, variables={"sid": KI}), context, Limits.of({}))).response
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["deleteInteraction"]
    return payload


async def code(mirror: Mirror) -> str:
    payload = await delete(mirror)
    assert payload["deletedInteractionId"] is None
    (error,) = payload["userErrors"]
    assert error["message"].endswith(".")
    return str(error["code"])


def small() -> FakeTwilio:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1)
    return fake


async def test_it_is_deleted_at_twilio_and_here(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        payload = await delete(mirror)
        assert payload["deletedInteractionId"] == KI
        assert len(payload["remainingResources"]) == 2
        assert KI not in fake
        await mirror.assert_equal()


async def test_what_twilio_no_longer_had_is_erased_here(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.remove(KI)
        assert (await delete(mirror))["deletedInteractionId"] == KI
        assert KI not in await mirror.stored("KI")


async def test_an_interaction_under_legal_hold_stays_here_too_and_is_not_retried(database: Database) -> None:
    fake = small()
    fake.hold(KI)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        assert await code(mirror) == "LEGAL_HOLD"
        assert fake.requests[TEMPLATE] == 1
        assert (KI in await mirror.stored("KI"), await mirror.ledger()) == (True, {})


async def test_an_interaction_that_twilio_refuses_to_delete_stays(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.fail_next(TEMPLATE, 403, {"code": 70051, "message": "No"})
        assert await code(mirror) == "UPSTREAM_REFUSED"
        assert (KI in await mirror.stored("KI"), await mirror.ledger()) == (True, {})


async def test_if_twilio_is_overloaded_it_stays_and_can_be_deleted_later(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.fail_next(TEMPLATE, 429, {"code": 20429, "message": "Too many requests"}, times=3)
        assert await code(mirror) == "UPSTREAM_UNAVAILABLE"
        assert (KI in await mirror.stored("KI"), await mirror.ledger()) == (True, {})
        assert (await delete(mirror))["deletedInteractionId"] == KI


async def test_a_lost_answer_stays_in_the_ledger_and_is_finished_later(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        fake.fail_next(TEMPLATE, 504, "<html>", times=3)
        assert await code(mirror) == "UPSTREAM_UNAVAILABLE"
        assert await mirror.ledger() == {KI: "anonymous"}
        assert await finish_deletions(mirror.archive, TwilioUpstream(mirror.twilio)) == (1, 0)
        assert KI not in fake
        await mirror.assert_equal()


async def test_a_deletion_interrupted_before_twilio_was_asked_waits_for_twilio(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        (found,) = await mirror.archive.reader().read(Lookup(Interaction), [KI])
        assert found
        await erasure.request(mirror.archive, found, "a test", at_twilio=True)
        assert await finish_deletions(mirror.archive, None) == (0, 1)
        assert KI in await mirror.stored("KI")
        fake.fail_next(TEMPLATE, 429, {"code": 20429}, times=3)
        assert await finish_deletions(mirror.archive, TwilioUpstream(mirror.twilio)) == (0, 1)
        assert await finish_deletions(mirror.archive, TwilioUpstream(mirror.twilio)) == (1, 0)
        await mirror.assert_equal()
        assert await ledger.pending_at_twilio(mirror.archive, now()) == []


async def test_a_deletion_interrupted_after_twilio_did_it_is_erased_here(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        (found,) = await mirror.archive.reader().read(Lookup(Interaction), [KI])
        assert found
        await erasure.request(mirror.archive, found, "a test", at_twilio=True)
        fake.remove(KI)
        assert await finish_deletions(mirror.archive, TwilioUpstream(mirror.twilio)) == (1, 0)
        await mirror.assert_equal()


async def test_a_legal_hold_found_when_finishing_withdraws_the_request(database: Database) -> None:
    fake = small()
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        (found,) = await mirror.archive.reader().read(Lookup(Interaction), [KI])
        assert found
        await erasure.request(mirror.archive, found, "a test", at_twilio=True)
        fake.hold(KI)
        assert await finish_deletions(mirror.archive, TwilioUpstream(mirror.twilio)) == (1, 0)
        assert (KI in await mirror.stored("KI"), await mirror.ledger()) == (True, {})
