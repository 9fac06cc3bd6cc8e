"""What a question selects is erased, and nothing beside it."""

from datetime import UTC, datetime

import pytest

import bodies
from databases import New
from erasure_runs import of_session, run
from fake_twilio import FakeTwilio
from gateway.sync.clock import ClockMismatch
from mirror import mirroring
from person import NUMBER, put_person
from store.engine.database import Database
from store.erasure import selections

DELETE = "DELETE /Services/{}/Sessions/{}/Interactions/{}"
SEE_SESSION = "GET /Services/{}/Sessions/{}"
REMOVE = "DELETE /Services/{}/Sessions/{}/Participants/{}"
pytestmark = pytest.mark.usefixtures("no_waiting")


async def test_a_session_goes_whole_and_alone(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        receipt = await run(mirror, session=bodies.sid("KC", 5))
        assert receipt.counts["interactions"] == {"ERASED": 5}
        assert [each.sid for each in receipt.participants] == [bodies.sid("KP", 10), bodies.sid("KP", 11)]
        assert of_session(5, fake) == []
        assert len(await mirror.stored("KI")) == 20


async def test_single_interactions_leave_the_participants_alone(database: Database, fake: FakeTwilio) -> None:
    first, second, *_ = of_session(2, fake)
    unknown = bodies.sid("KI", 1)
    async with mirroring(database, fake) as mirror:
        await mirror.erase(first)
        receipt = await run(mirror, interaction=[first, second, unknown])
        assert {each.sid: each.outcome for each in receipt.interactions} == {
            first: "ERASED",
            second: "ERASED",
            unknown: "FAILED",
        }
        assert (receipt.complete, receipt.participants) == (False, [])
        assert len(await mirror.stored("KI")) == 23


async def test_a_proxy_number_is_nobodys(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        receipt = await run(mirror, identifier="+12025550999")
        assert (receipt.interactions, receipt.participants) == ([], [])
        counts = await selections.count(mirror.archive, selections.Question(identifiers=("+12025550999",)))
        assert counts.as_proxy_number == 5


async def test_a_participant_that_a_number_shares_with_another_person_goes_alone_by_its_sid(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror:
        receipt = await run(mirror, participant=bodies.sid("KP", 4))
        assert receipt.counts["interactions"] == {"ERASED": 5}
        identifiers = await mirror.column("KP", "identifier")
        assert [identifiers[bodies.sid("KP", number)] for number in (2, 4, 6, 8)] == [NUMBER, None, NUMBER, NUMBER]


async def test_age_selects_what_is_older_and_the_participants_of_sessions_that_are_over(
    database: Database, fake: FakeTwilio
) -> None:
    of = {"service_sid": bodies.sid("KS", 2), "account_sid": fake.account_sid}
    legs = {"inbound_participant_sid": bodies.sid("KP", 6), "outbound_participant_sid": bodies.sid("KP", 7)}
    fake.put(bodies.interaction(99, of=3, **legs, **of) | {"date_created": "2026-06-01T00:00:00Z"})
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        receipt = await run(mirror, service=bodies.sid("KS", 2), older_than="2026-05-01")
        # Sessions 1, 3 and 5 are this Service's: 1 is open, 3 has a newer message.
        assert receipt.counts["interactions"] == {"ERASED": 15}
        assert [each.sid for each in receipt.participants] == [bodies.sid("KP", 10), bodies.sid("KP", 11)]
        assert bodies.sid("KI", 99) in await mirror.stored("KI")
        await run(mirror)
        assert bodies.sid("KI", 99) in await mirror.stored("KI"), "a later run selects nothing else"


async def test_an_age_needs_a_clock_that_twilio_confirms(
    database: Database, new_database: New, fake: FakeTwilio
) -> None:
    service = bodies.sid("KS", 2)
    async with mirroring(database, fake) as mirror:
        with pytest.raises(ClockMismatch, match="Give a date"):
            await run(mirror, alone=True, service=service, older_than="1d")
        assert (await run(mirror, service=service, older_than="1d")).counts["interactions"] == {"ERASED": 15}
    wrong = FakeTwilio(clock=lambda: datetime(2026, 1, 3, tzinfo=UTC))
    put_person(wrong)
    async with mirroring(new_database(), wrong) as mirror:
        with pytest.raises(ClockMismatch):
            await run(mirror, service=service, older_than="1d")
        assert len(wrong.sids("KI")) == 25
