"""The Message and Call records behind erased Interactions are deleted at Twilio on request."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stamina

import bodies
from databases import held
from fake_account import Faults
from fake_twilio import FakeTwilio
from gateway.twilio import record_deletions
from gateway.twilio.errors import ForeignAccount, NotTwilio, TwilioDenied, TwilioError
from gateway.twilio.record_deletions import Deleted, delete_records, finish_records
from gateway.twilio.records import AGAIN, TwilioRecords
from mirror import Mirror, account, mirroring, settings_for
from resolvers.upstream import erase_everywhere
from retries import without_waits
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import twilio_records
from store.erasure.twilio_records import RecordState, address_of
from store.interactions import Interaction
from store.queries.lookups import Lookup

KI = [bodies.sid("KI", number) for number in (1000, 1001, 2000, 2001)]
SM, MM = bodies.sid("SM", 1000), bodies.sid("MM", 1000)
LIST, FETCH, DELETE = "GET /Accounts/{}/Messages.json", "GET /Accounts/{}/Messages/{}", "DELETE /Accounts/{}/Messages"
NOT_COMPLETE = {"code": 20009, "message": "Unable to delete record", "status": 409}


no_waiting = without_waits(3)


@pytest.fixture
def fake() -> FakeTwilio:
    fake = FakeTwilio()
    account(fake, services=1, sessions=2)
    return fake


@pytest.fixture
async def mirror(database: Database, fake: FakeTwilio) -> AsyncIterator[Mirror]:
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        yield mirror


async def delete(mirror: Mirror, *sids: str) -> Deleted:
    return await delete_records(mirror.archive, mirror.twilio.records, sids, "a test")


async def states(archive: Archive, *sids: str) -> dict[str, str]:
    return {sid: each.state for sid, each in (await twilio_records.of_interactions(archive, sids)).items()}


async def test_erasing_an_interaction_leaves_its_records_at_twilio(mirror: Mirror, fake: FakeTwilio) -> None:
    await mirror.erase(KI[0])
    assert (KI[0] in fake, SM in fake.records, MM in fake.records) == (False, True, True)
    assert await states(mirror.archive, *KI) == {}


async def test_the_records_of_both_legs_are_deleted_and_nothing_else(mirror: Mirror, fake: FakeTwilio) -> None:
    call = bodies.interaction(
        3000,
        type="voice",
        inbound_resource_sid=bodies.sid("CA", 1),
        outbound_resource_sid=bodies.sid("CA", 2),
        inbound_resource_type="Call",
        outbound_resource_type="Call",
    )
    fake.put(call)
    await mirror.sync(full=True)
    await mirror.erase(KI[0], call["sid"])
    before = len(fake.records)
    assert await delete(mirror, KI[0], call["sid"]) == Deleted(gone=4)
    assert len(fake.records) == before - 4
    assert [fake.requests[f"GET /Accounts/{{}}/{listed}.json"] for listed in ("Messages", "Calls")] == [1, 1]
    assert not [sid for sid in (SM, MM, bodies.sid("CA", 1), bodies.sid("CA", 2)) if sid in fake.records]
    assert set((await states(mirror.archive, KI[0], call["sid"])).values()) == {"DELETED"}


async def test_what_is_not_erased_keeps_its_records(mirror: Mirror, fake: FakeTwilio) -> None:
    """Neither does one under legal hold, or one that was only erased here."""
    fake.hold(KI[0])
    await mirror.erase(KI[0])
    (found,) = await mirror.archive.reader().read(Lookup(Interaction), [KI[1]])
    assert found
    await erase_everywhere(mirror.archive, None, found, "a test")
    assert await delete(mirror, *KI) == Deleted()
    assert (len(fake.records), fake.requests[DELETE]) == (8, 0)


async def test_a_record_that_the_api_does_not_have_is_left_and_has_no_address(mirror: Mirror, fake: FakeTwilio) -> None:
    chat = bodies.sid("IM", 1)
    fake.put(bodies.interaction(3000, inbound_resource_sid=chat, outbound_resource_sid=None))
    await mirror.sync(full=True)
    await mirror.erase(bodies.sid("KI", 3000))
    assert await delete(mirror, bodies.sid("KI", 3000)) == Deleted()
    assert address_of(fake.account_sid, chat) is None
    assert address_of(fake.account_sid, SM) == (
        f"https://api.twilio.com/2010-04-01/Accounts/{fake.account_sid}/Messages/{SM}.json"
    )


async def test_a_404_is_believed_while_the_accounts_list_can_be_read(mirror: Mirror, fake: FakeTwilio) -> None:
    fake.records.remove(SM)
    await mirror.erase(KI[0])
    assert await delete(mirror, KI[0]) == Deleted(gone=2)
    assert await states(mirror.archive, KI[0]) == {SM: "ALREADY_GONE", MM: "DELETED"}
    assert (fake.requests[LIST] >= 1, fake.requests["GET /Accounts/{}/Messages/{}.json"]) == (True, 1)


async def test_a_404_for_what_is_still_there_is_not_believed(mirror: Mirror, fake: FakeTwilio) -> None:
    await mirror.erase(KI[0])
    fake.fail_next(DELETE, 404, {"code": 20404, "message": "not found"}, times=2)
    assert await delete(mirror, KI[0]) == Deleted(left=2)
    assert await states(mirror.archive, KI[0]) == {SM: "PENDING", MM: "PENDING"}
    assert await delete(mirror, KI[0]) == Deleted(gone=2)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((401, {"code": 20003, "message": "Authenticate"}), TwilioDenied),
        ((403, {"code": 70051, "message": "Forbidden"}), TwilioDenied),
        ((404, {"code": 20404, "message": "not found"}), NotTwilio),
        ((404, "<html>"), NotTwilio),
        ((200, {"messages": None}), NotTwilio),
        ((200, {"messages": [{"account_sid": "AC" + "9" * 32}]}), ForeignAccount),
        ((200, {"messages": [None]}), ForeignAccount),
        ((200, {"messages": [], "uri": f"/2010-04-01/Accounts/AC{'9' * 32}/Messages.json"}), ForeignAccount),
    ],
)
async def test_nothing_is_deleted_where_the_list_is_not_the_accounts(
    mirror: Mirror, fake: FakeTwilio, answer: tuple[int, Any], error: type[TwilioError]
) -> None:
    await mirror.erase(KI[0])
    fake.fail_next(LIST, *answer)
    with pytest.raises(error):
        await delete(mirror, KI[0])
    assert (fake.requests[DELETE], await states(mirror.archive, KI[0])) == (0, {SM: "REQUESTED", MM: "REQUESTED"})
    assert await finish_records(mirror.archive, mirror.twilio.records) == Deleted(gone=2)


@pytest.mark.parametrize("status", [400, 409])
async def test_an_incomplete_record_waits_and_is_reported(mirror: Mirror, fake: FakeTwilio, status: int) -> None:
    await mirror.erase(KI[0])
    fake.fail_next(DELETE, status, NOT_COMPLETE)
    assert await delete(mirror, KI[0]) == Deleted(gone=1, left=1)
    found = await twilio_records.of_interactions(mirror.archive, [KI[0]])
    (waiting,) = [each for each in found.values() if each.state is RecordState.INCOMPLETE]
    assert waiting.reason == f"Twilio can't delete it before it is complete (code 20009). {AGAIN}"


async def test_a_record_that_is_not_complete_is_tried_again_after_a_while(
    mirror: Mirror, fake: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mirror.erase(KI[0])
    fake.records.set_complete(SM, False)
    assert await delete(mirror, KI[0]) == Deleted(gone=1, left=1)
    asked = fake.total_requests
    assert await finish_records(mirror.archive, mirror.twilio.records, at_start=False) == Deleted()
    assert fake.total_requests == asked
    fake.records.set_complete(SM)
    monkeypatch.setattr(record_deletions, "RETRY_AFTER", 0 * record_deletions.RETRY_AFTER)
    assert await finish_records(mirror.archive, mirror.twilio.records, at_start=False) == Deleted(gone=1)
    assert await states(mirror.archive, KI[0]) == {SM: "DELETED", MM: "DELETED"}


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (
            (400, {"code": 80615, "message": "+12025550121"}),
            "HELD",
            "A legal hold at Twilio keeps it (400, code 80615).",
        ),
        (
            (400, {"code": 21000, "message": "+12025550121"}),
            "REFUSED",
            "Twilio refuses to delete it (400, code 21000).",
        ),
    ],
)
async def test_what_twilio_refuses_is_stored_without_its_words_and_asked_again_when_somebody_asks_again(
    mirror: Mirror, fake: FakeTwilio, answer: tuple[int, Any], state: str, reason: str
) -> None:
    await mirror.erase(KI[0])
    fake.fail_next(DELETE, *answer)
    assert await delete(mirror, KI[0]) == Deleted(gone=1, left=1)
    found = await twilio_records.of_interactions(mirror.archive, [KI[0]])
    assert [(each.state, each.reason) for each in found.values() if each.reason] == [(state, reason)]
    assert await finish_records(mirror.archive, mirror.twilio.records) == Deleted()
    assert await delete(mirror, KI[0]) == Deleted(gone=1)
    assert await states(mirror.archive, KI[0]) == {SM: "DELETED", MM: "DELETED"}


async def test_while_twilio_is_away_nothing_is_tried_and_all_wait(mirror: Mirror, fake: FakeTwilio) -> None:
    await mirror.erase(*KI)
    fake.fail_next(LIST, 503, "<html>", times=100)
    assert await delete(mirror, *KI) == Deleted(left=8, is_unavailable=True)
    assert await twilio_records.open_count(mirror.archive) == 8
    assert (fake.requests[LIST], fake.requests[DELETE]) == (3, 0)
    assert sorted((await states(mirror.archive, *KI)).values()) == ["REQUESTED"] * 8


async def test_a_server_leaves_what_a_command_just_requested_to_the_command(mirror: Mirror, fake: FakeTwilio) -> None:
    await mirror.erase(*KI)
    async with mirror.archive.writer.transaction() as transaction:
        await twilio_records.request(transaction, KI, "a test")
    assert await finish_records(mirror.archive, mirror.twilio.records, at_start=False) == Deleted()
    assert await finish_records(mirror.archive, mirror.twilio.records) == Deleted(gone=8)


async def test_many_interactions_go_in_groups(
    mirror: Mirror, fake: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_deletions, "GROUP", 3)
    await mirror.erase(*KI)
    assert await delete(mirror, *KI) == Deleted(gone=8)


async def test_where_deletions_alone_fail_all_wait_and_the_reason_is_stored(mirror: Mirror, fake: FakeTwilio) -> None:
    await mirror.erase(KI[0])
    fake.fail_next(DELETE, 503, "<html>", times=6)
    assert await delete(mirror, KI[0]) == Deleted(left=2)
    found = await twilio_records.of_interactions(mirror.archive, [KI[0]])
    assert {each.reason for each in found.values()} == {f"Twilio answered 503. {AGAIN}"}


@pytest.mark.parametrize(
    "faults", [Faults(seed=1, too_many=0.3), Faults(seed=2, server_error=0.3), Faults(seed=3, broken=0.3)]
)
async def test_temporary_failures_are_retried(database: Database, faults: Faults) -> None:
    fake = FakeTwilio(faults=faults)
    account(fake, services=1, sessions=4, interactions=10)
    with stamina.set_testing(True, attempts=30):
        async with mirroring(database, fake, PROXYGRAPH_SYNC_ATTEMPTS=30) as mirror:
            await mirror.sync()
            sids = fake.sids("KI")
            await mirror.erase(*sids)
            assert await delete(mirror, *sids) == Deleted(gone=80)
            assert set((await states(mirror.archive, *sids)).values()) <= {"DELETED", "ALREADY_GONE"}
    assert len(fake.records) == 0


async def test_the_rate_is_that_of_proxys_endpoints(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1, interactions=30)
    async with mirroring(database, fake) as unlimited:
        await unlimited.sync()
        await unlimited.erase(*fake.sids("KI"))
    async with mirroring(database, fake, PROXYGRAPH_SYNC_RATE=30) as mirror:
        begun = asyncio.get_running_loop().time()
        assert await delete(mirror, *(bodies.sid("KI", 1000 + number) for number in range(30))) == Deleted(gone=60)
        assert asyncio.get_running_loop().time() - begun > 60 / 30 - 1


async def test_another_accounts_records_are_not_asked_for(database: Database, mirror: Mirror, fake: FakeTwilio) -> None:
    await mirror.erase(KI[0])
    other = FakeTwilio(account_sid="AC" + "9" * 32)
    async with other.serving():
        settings = settings_for(other)
        records = TwilioRecords(settings, mirror.twilio.records._sender)
        assert await delete_records(mirror.archive, records, [KI[0]], "a test") == Deleted()
        assert await finish_records(mirror.archive, records) == Deleted()
    assert (other.total_requests, SM in fake.records) == (0, True)


async def test_the_archive_holds_no_byte_of_what_the_records_hold(
    database: Database, mirror: Mirror, fake: FakeTwilio
) -> None:
    for number in (2, 3):  # the participants that the Interactions name
        fake.put(bodies.participant(number, of=1, identifier=f"+1202555010{number}"))
    fake.put(bodies.interaction(1000, data=json.dumps({"body": "the canary of the records"})))
    assert b"canary" in json.dumps(fake.records._records[SM]).encode()
    await mirror.sync(full=True)
    await mirror.erase(KI[0])
    fake.records.remove(MM)
    await delete(mirror, KI[0])
    assert b"canary of the records" not in held(database)


async def test_an_archive_that_is_opened_again_knows_what_became_of_them(database: Database, fake: FakeTwilio) -> None:
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        await mirror.erase(KI[0])
        await delete(mirror, KI[0])
    async with open_archive(database) as archive:
        assert await states(archive, KI[0]) == {SM: "DELETED", MM: "DELETED"}
