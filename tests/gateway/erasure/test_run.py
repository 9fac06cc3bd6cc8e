"""A run erases what was asked for, at Twilio and here, and keeps what others said; stopped anywhere, it goes on."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

import bodies
from databases import New, held
from erasure_runs import of_session, reasons, run, traces
from fake_twilio import FakeTwilio
from gateway.erasure import deletions
from gateway.erasure.deletions import TwilioAway
from gateway.erasure.questions import asked
from mirror import mirroring
from person import CANARIES, NUMBER, put_person
from resolvers.upstream import request_all
from store.archive import open_archive
from store.demo import mark_demo
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import selections
from store.errors import DatabaseFull, DatabaseOccupied

DELETE = "DELETE /Services/{}/Sessions/{}/Interactions/{}"
SEE_SESSION = "GET /Services/{}/Sessions/{}"
REMOVE = "DELETE /Services/{}/Sessions/{}/Participants/{}"
pytestmark = pytest.mark.usefixtures("no_waiting")


async def test_a_person_is_erased_in_all_services_and_others_keep_theirs(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        assert traces(database) == list(CANARIES)
        receipt = await run(mirror, identifier="+1 (202) 555-0121")
        assert traces(database) == []
        assert (receipt.complete, receipt.counts["interactions"]) == (True, {"ERASED": 20})
        assert receipt.counts["participants"] == {"ERASED": 4}
        assert await mirror.stored("KI") == fake.sids("KI") == of_session(5, fake)
        assert len(await mirror.stored("KP")) == 10
        identifiers = await mirror.column("KP", "identifier")
        assert identifiers[bodies.sid("KP", 3)] == "+49305550001", "the other side of the conversation stays"
        assert fake.requests[DELETE] == 20
        await mirror.sync(full=True)
    assert traces(database) == [], "no sync brings it back"


async def test_the_case_has_no_byte_of_who_was_asked_for(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        receipt = await run(mirror, identifier=["+1 (202) 555-0121", "Somebody Else"])
        assert receipt.runs[0].question == {"identifier": ["•" * 17, "•" * 13]}
    content = held(database)
    for text in (b"+1 (202) 555-0121", b"555-0121", b"Somebody"):
        assert text not in content


async def test_a_participant_that_twilio_still_has_is_reported(database: Database, fake: FakeTwilio) -> None:
    fake.remove(bodies.sid("KC", 2))
    async with mirroring(database, fake) as mirror:
        told = reasons(await run(mirror, identifier=NUMBER))
    assert told == {
        bodies.sid("KP", 2): "Twilio still has it, in a live session; --remove-participants removes it there.",
        bodies.sid("KP", 4): None,
        bodies.sid("KP", 6): "Twilio still has it, in a session that ended on 2026-01-02; Twilio deletes that 90 days "
        "after it was closed.",
        bodies.sid("KP", 8): "Twilio still has it, in a session that ended on 2026-01-02; Twilio deletes that 90 days "
        "after it was closed.",
    }
    assert fake.requests[REMOVE] == 0


async def test_participants_are_removed_from_live_sessions_alone_if_that_is_asked(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror:
        told = reasons(await run(mirror, identifier=NUMBER, remove_participants=True))
        assert "marked as removed" in str(told[bodies.sid("KP", 2)])
        assert fake.requests[REMOVE] == 1
        assert fake.get(bodies.sid("KP", 2))["date_deleted"]
        await run(mirror, identifier=NUMBER, remove_participants=True)
    assert fake.requests[REMOVE] == 1


async def test_a_participant_that_twilio_does_not_remove_stays_until_it_does(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror:
        fake.fail_next(REMOVE, 400, {"code": 80607, "message": "no"}, times=1)
        receipt = await run(mirror, identifier=NUMBER, remove_participants=True)
        assert (receipt.complete, receipt.counts["participants"]) == (False, {"ERASED": 3, "FAILED": 1})
        assert traces(database) == ["CANARY-NAME", NUMBER]
        receipt = await run(mirror, remove_participants=True)
        assert (receipt.complete, receipt.counts["participants"]) == (True, {"ERASED": 4})
    assert traces(database) == []


async def test_a_session_that_exists_only_here_is_asked_for_once(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        fake.expire()
        await mirror.sync(full=True)
        fake.requests.clear()
        receipt = await run(mirror, identifier=NUMBER)
        assert receipt.complete
        assert Counter(each.at_twilio for each in receipt.interactions) == {"DELETED": 5, "ALREADY_GONE": 15}
        assert (fake.requests[DELETE], fake.requests[SEE_SESSION]) == (5, 4)
    assert traces(database) == []


async def test_a_session_that_is_archived_by_mistake_is_deleted_at_twilio(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE session SET archived_at = date_created")
        receipt = await run(mirror, identifier=NUMBER)
        assert {each.at_twilio for each in receipt.interactions} == {"DELETED"}
    assert fake.sids("KI") == of_session(5, fake)


async def test_another_accounts_credentials_erase_nothing(database: Database, fake: FakeTwilio) -> None:
    other = FakeTwilio(account_sid="AC" + "9" * 32)
    put_person(other, sessions=1)
    async with mirroring(database, other) as mirror:
        with pytest.raises(DatabaseOccupied):
            await run(mirror, identifier=NUMBER)
        assert len(await mirror.stored("KI")) == 25


@pytest.mark.parametrize("archived", [False, True])
async def test_a_404_of_an_account_that_shows_nothing_erases_nothing(
    database: Database, fake: FakeTwilio, archived: bool
) -> None:
    async with mirroring(database, fake) as mirror:
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute(
                "UPDATE session SET archived_at = date_created WHERE :archived", {"archived": archived}
            )
        for sid in fake.sids("KS"):
            fake.remove(sid)
        receipt = await run(mirror, identifier=NUMBER)
        assert receipt.counts == {
            "interactions": {"FAILED": 20},
            "participants": {"KEPT": 4},
            "sessions": {},
            "records": {"KEPT": 40},
        }
        assert len(await mirror.stored("KI")) == 25


@pytest.mark.parametrize("leg", [0, 1], ids=["outbound", "inbound"])
async def test_a_legal_hold_keeps_it_and_is_known_to_the_next_preview(
    database: Database, fake: FakeTwilio, leg: int
) -> None:
    held = of_session(2, fake)[leg]
    fake.hold(held)
    async with mirroring(database, fake) as mirror:
        receipt = await run(mirror, identifier=NUMBER)
        assert (receipt.complete, receipt.counts["interactions"]) == (False, {"ERASED": 19, "HELD": 1})
        assert receipt.counts["participants"] == {"ERASED": 3, "KEPT": 1}
        question = asked({"identifier": [NUMBER]}, "", (), datetime.now(UTC)).question
        assert [each.held for each in (await selections.count(mirror.archive, question)).services] == [1]
        fake.release(held)
        receipt = await run(mirror, identifier=NUMBER)
        assert (receipt.complete, len(receipt.runs)) == (True, 2)
        assert list(await mirror.archive.fetch("SELECT * FROM legal_hold")) == []
    assert traces(database) == []


async def test_a_run_ends_if_twilio_stops_answering_and_the_same_command_continues_it(
    database: Database, fake: FakeTwilio
) -> None:
    put_person(fake, sessions=4, interactions=60)
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        fake.requests.clear()
        fake.fail_next(DELETE, 429, {"code": 20429}, times=10_000)
        with pytest.raises(TwilioAway, match="times in a row"):
            await run(mirror, identifier=NUMBER)
        assert fake.requests[DELETE] <= 3 * (25 + 20), "it does not ask for all of them"
        assert await mirror.ledger() == {}, "what was certainly not deleted is not requested any more"
        vars(fake)["_script"].clear()
        receipt = await run(mirror, identifier=NUMBER)
        assert (receipt.complete, receipt.counts["interactions"]) == (True, {"ERASED": 240})


async def test_two_erasures_of_one_person_at_once_both_end(database: Database, fake: FakeTwilio) -> None:
    put_person(fake, interactions=300)
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        fake.requests.clear()
        one, other = await asyncio.gather(
            run(mirror, identifier=NUMBER, reference="one"), run(mirror, identifier=NUMBER, reference="other")
        )
        assert (one.complete, other.complete) == (True, True)
        assert one.counts["interactions"] == other.counts["interactions"] == {"ERASED": 1200}
    assert traces(database) == []


async def test_what_is_erased_by_another_process_meanwhile_is_not_asked_for(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror:
        sids = [sid for sid in fake.sids("KI") if sid not in of_session(5, fake)]
        await mirror.erase(*sids[:10])
        asked_before = fake.requests[DELETE]
        assert [address.sid for address, _ in await request_all(mirror.archive, None, sids, "x")] == sids[10:]
        assert fake.requests[DELETE] == asked_before


async def test_a_full_disk_is_reported(database: Database, fake: FakeTwilio, monkeypatch: pytest.MonkeyPatch) -> None:
    async def settle(*_: object) -> None:
        monkeypatch.undo()
        raise DatabaseFull("The disk is full.")

    async with mirroring(database, fake) as mirror:
        monkeypatch.setattr(deletions, "settle", settle)
        with pytest.raises(DatabaseFull):
            await run(mirror, identifier=NUMBER)
        assert (await run(mirror, identifier=NUMBER)).complete, "the same command goes on"
    assert traces(database) == []


async def test_what_twilio_may_have_deleted_stays_requested(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        await mirror.twilio.verify()
        fake.fail_next(DELETE, 504, "<html>", times=3 * 5)
        receipt = await run(mirror, session=bodies.sid("KC", 2))
        assert (receipt.complete, receipt.counts["interactions"]) == (False, {"FAILED": 5})
        assert len(await mirror.ledger()) == 5
        assert (await run(mirror)).complete
    assert of_session(2, fake) == []


async def test_without_the_account_it_is_erased_here_and_later_there(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        receipt = await run(mirror, alone=True, identifier=NUMBER)
        assert (receipt.complete, receipt.counts["interactions"]) == (False, {"ERASED": 20})
        assert (traces(database), len(fake.sids("KI"))) == ([], 25)
        receipt = await run(mirror)
        assert receipt.complete
    assert fake.sids("KI") == of_session(5, fake)


async def test_an_archive_that_has_no_account_is_complete_without_one(archive: Archive) -> None:
    await bodies.put(archive, bodies.participant(1, identifier=NUMBER), bodies.interaction(1))
    assert (await run(archive, identifier=NUMBER)).complete


async def test_a_demo_is_erased_here_alone_whatever_account_is_set(new_database: New, fake: FakeTwilio) -> None:
    async with mirroring(new_database(), fake) as mirror:
        await bodies.put(mirror.archive, bodies.service(1), bodies.session(1), bodies.interaction(10_000))
        async with mirror.archive.writer.transaction() as transaction:
            await mark_demo(transaction, "a demo")
        assert (await run(mirror, interaction=bodies.sid("KI", 10_000))).complete
    assert (fake.total_requests, len(fake.sids("KI"))) == (0, 25)


async def test_messages_that_come_later_are_erased_by_the_same_reference(database: Database, fake: FakeTwilio) -> None:
    """The number is erased here by then, so it can't be asked for any more; the case knows the participant's SID."""
    async with mirroring(database, fake) as mirror:
        await run(mirror, identifier=NUMBER)
        late = bodies.interaction(
            77, data='{"body": "CANARY-TEXT late"}', inbound_participant_sid=bodies.sid("KP", 2), service_sid="KS"
        )
        fake.put(late | {"service_sid": bodies.sid("KS", 2), "account_sid": fake.account_sid})
        await mirror.sync(full=True)
        assert traces(database) == ["CANARY-TEXT"]
        receipt = await run(mirror)
        assert receipt.counts["interactions"] == {"ERASED": 21}
    assert traces(database) == []


async def test_a_run_that_was_killed_before_it_stored_an_outcome_learns_it_from_the_ledger(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror:
        await run(mirror, identifier=NUMBER)
        async with mirror.archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE erasure_case_item SET outcome = NULL, reason = NULL")
        receipt = await run(mirror)
        assert (receipt.complete, receipt.counts["participants"]) == (True, {"ERASED": 4})
        assert "live session" in str(reasons(receipt)[bodies.sid("KP", 2)])


async def test_the_archive_can_be_opened_and_read_while_a_run_is_under_way(
    database: Database, fake: FakeTwilio
) -> None:
    async with mirroring(database, fake) as mirror, open_archive(database) as other:
        await run(mirror, identifier=NUMBER)
        assert len(list(await other.fetch("SELECT sid FROM interaction"))) == 5
