"""The receipt says who asked for what, each SID with its outcome, and what is still there and why; and no content."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import bodies
from gateway.erasure import receipt, receipt_text
from running_commands import run
from store.archive import open_archive
from store.backups.backup import back_up
from store.backups.holders import Holds
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger, twilio_records
from store.erasure.ledger import AtTwilio
from store.erasure.twilio_records import RecordState
from store.interactions import Interaction
from store.queries.lookups import Lookup

REFERENCE = "DSR-2026-114"
KI = [bodies.sid("KI", number) for number in range(1, 6)]
KP = [bodies.sid("KP", number) for number in (1, 2)]
NUMBER, MASKED, TEXT = "+12025550121", "+•••••••••••", "the canary of a message"
HOLD = "A legal hold at Twilio keeps it."
ENDED = "2026-11-28T09:00:30.000Z"
LIVE = "Twilio still has it in an open session. --remove-participants removes it there."


async def case(
    archive: Archive,
    items: dict[str, tuple[str | None, str | None]],
    reference: str = REFERENCE,
    ended: bool = True,
    **options: bool,
) -> None:
    """Writes a case with one run, as ``erase`` does."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO erasure_case VALUES (:reference, :account, '2026-11-28T09:00:00.000Z') ON CONFLICT DO NOTHING",
            {"reference": reference, "account": bodies.ACCOUNT},
        )
        await transaction.execute(
            "INSERT INTO erasure_run (id, reference, requested_by, question, options, begun_at, ended_at)"
            " SELECT coalesce(max(id), 0) + 1, :reference, 'alice', :question, :options, '2026-11-28T09:00:00.000Z',"
            " :ended FROM erasure_run",
            {
                "reference": reference,
                "question": json.dumps({"identifier": [MASKED], "older_than": None}),
                "options": json.dumps(options),
                "ended": "2026-11-28T09:01:00.000Z" if ended else None,
            },
        )
        for sid, (outcome, reason) in items.items():
            await transaction.execute(
                "INSERT INTO erasure_case_item VALUES (:reference, :sid, 1, :outcome, :reason, :at)"
                " ON CONFLICT (reference, sid) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason",
                {
                    "reference": reference,
                    "sid": sid,
                    "outcome": outcome,
                    "reason": reason,
                    "at": "2026-11-28T09:00:30.000Z",
                },
            )
            if sid.startswith("KP"):
                await transaction.execute(
                    "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at,"
                    " erased_at, closed_at) SELECT sid, session_sid, service_sid, account_sid, 'alice', :at, :at, :at"
                    " FROM participant WHERE sid = :sid",
                    {"sid": sid, "at": "2026-11-28T09:00:30.000Z"},
                )


async def erase(archive: Archive, *sids: str, twilio: AtTwilio = AtTwilio.DELETED) -> None:
    for found in await archive.reader().read(Lookup(Interaction), list(sids)):
        assert found
        async with archive.writer.transaction() as transaction:
            await ledger.add_request(transaction, found, "alice", at_twilio=True)
    if not await erasure.erase(archive, *sids, twilio=twilio):
        assert await archive.writer.purge(at_once=True) is None


@pytest.fixture
async def filled(archive: Archive) -> Archive:
    """Five Interactions of two people: messages, a call, and one with a record that isn't in the 2010 API."""
    await bodies.put(
        archive,
        *(bodies.participant(number, identifier=NUMBER) for number in (1, 2)),
        *(bodies.interaction(number, data=json.dumps({"body": TEXT})) for number in (1, 2, 3)),
        bodies.interaction(4, type="voice", inbound_resource_sid="CA" + "4" * 32, outbound_resource_sid=None),
        bodies.interaction(5, inbound_resource_sid="IM" + "5" * 32, outbound_resource_sid=None),
    )
    return archive


async def made(archive: Archive) -> receipt.Receipt:
    found = await receipt.receipt_of(archive, REFERENCE)
    assert found
    return found


async def test_a_case_of_which_all_is_erased_is_complete(filled: Archive) -> None:
    await erase(filled, *KI)
    await case(filled, {**dict.fromkeys(KI, ("ERASED", None)), KP[0]: ("ERASED", None)})
    found = await made(filled)
    assert (found.complete, found.not_erased, found.still_at_twilio) == (True, [], [])
    counts = {"interactions": {"ERASED": 5}, "participants": {"ERASED": 1}, "sessions": {}, "records": {"KEPT": 8}}
    assert found.counts == counts
    assert [each.at_twilio for each in found.interactions] == ["DELETED"] * 5
    assert [(each.requested_by, each.session_sid) for each in found.interactions] == [
        ("alice", bodies.sid("KC", 1))
    ] * 5


async def test_each_record_that_twilio_keeps_has_the_address_to_delete_it(filled: Archive) -> None:
    await erase(filled, KI[0], KI[3], KI[4])
    await case(filled, dict.fromkeys((KI[0], KI[3], KI[4]), ("ERASED", None)))
    records = {each.sid: each for each in (await made(filled)).records}
    root = f"https://api.twilio.com/2010-04-01/Accounts/{bodies.ACCOUNT}"
    sm, mm, ca, im = bodies.sid("SM", 1), bodies.sid("MM", 1), "CA" + "4" * 32, "IM" + "5" * 32
    assert {sid: each.address for sid, each in records.items()} == {
        sm: f"{root}/Messages/{sm}.json",
        mm: f"{root}/Messages/{mm}.json",
        ca: f"{root}/Calls/{ca}.json",
        im: None,
    }
    assert records[im].reason == "Twilio's 2010 API has no such records. Delete it where it was made."
    assert {each.interaction_sid for each in records.values()} == {KI[0], KI[3], KI[4]}


async def test_what_could_not_be_erased_is_listed_with_the_reason(filled: Archive) -> None:
    await erase(filled, KI[0], twilio=AtTwilio.NOT_CONNECTED)
    await case(filled, {KI[0]: ("ERASED", None), KI[1]: ("HELD", HOLD), KI[2]: (None, None), KP[0]: ("ERASED", LIVE)})
    found = await made(filled)
    assert not found.complete
    assert {left.sid: left.reason for left in found.not_erased} == {
        KI[
            0
        ]: "It is erased here, but no Twilio account was connected, so Twilio still has it. A server or a sync with "
        "the account deletes it there.",
        KI[1]: HOLD,
        KI[2]: "The run ended before it. Run the same command again.",
    }
    assert [(left.sid, left.reason) for left in found.still_at_twilio] == [(KP[0], LIVE)]
    assert found.counts["interactions"] == {"ERASED": 1, "HELD": 1, "NOT_YET": 1}


async def test_what_was_asked_for_and_is_not_here_is_listed(filled: Archive) -> None:
    elsewhere = bodies.sid("KC", 9)
    await case(filled, {elsewhere: ("FAILED", "There is no such Session here.")})
    found = await made(filled)
    assert ([each.sid for each in found.sessions], found.complete) == ([elsewhere], False)
    assert "Sessions        1 failed" in receipt_text.as_text(found).splitlines()


async def test_what_is_not_gone_to_the_last_byte_is_not_complete(filled: Archive) -> None:
    await erase(filled, KI[0])
    async with filled.writer.transaction() as transaction:
        await transaction.execute(
            "UPDATE deletion SET purged_at = NULL, closed_at = NULL, waits_for = 'A program still reads.'"
        )
    await case(filled, {KI[0]: ("ERASED", None)})
    (left,) = (await made(filled)).not_erased
    assert left.reason == "It is erased, but the files still have bytes of it. A program still reads."
    assert "1 erased, 0 of them purged from the tables, 0 out of the log too" in receipt_text.as_text(
        await made(filled)
    )
    async with filled.writer.transaction() as transaction:
        await transaction.execute("UPDATE deletion SET purged_at = erased_at, waits_for = NULL")
    (left,) = (await made(filled)).not_erased
    assert left.reason == "It is erased and purged from the tables, but the database's log still has bytes of it."
    assert "1 erased, 1 of them purged from the tables, 0 out of the log too" in receipt_text.as_text(
        await made(filled)
    )


async def test_records_that_were_to_be_deleted_have_their_outcome_and_count(filled: Archive) -> None:
    await erase(filled, *KI[:2], KI[4])
    await case(filled, dict.fromkeys((*KI[:2], KI[4]), ("ERASED", None)), delete_resources=True)
    async with filled.writer.transaction() as transaction:
        await twilio_records.request(transaction, [*KI[:2], KI[4]], "alice")
        await twilio_records.note(
            transaction,
            [
                (bodies.sid("SM", 1), RecordState.DELETED, None),
                (bodies.sid("MM", 1), RecordState.ALREADY_GONE, None),
                (bodies.sid("SM", 2), RecordState.INCOMPLETE, "Twilio can't delete it yet."),
            ],
        )
    found = await made(filled)
    assert found.counts["records"] == {"DELETED": 1, "ALREADY_GONE": 1, "INCOMPLETE": 1, "REQUESTED": 1, "KEPT": 1}
    assert [each.address is None for each in found.records] == [True, True, False, False, True]
    assert {left.sid: left.reason for left in found.not_erased} == {
        bodies.sid("SM", 2): "Twilio can't delete it yet.",
        bodies.sid("MM", 2): "The run ended before it. Run the same command again.",
        "IM" + "5" * 32: "Twilio's 2010 API has no such records. Delete it where it was made.",
    }


async def test_two_runs_with_one_reference_have_one_receipt(filled: Archive) -> None:
    await erase(filled, KI[0])
    await case(filled, {KI[0]: ("ERASED", None), KI[1]: (None, None)}, ended=False)
    assert not (await made(filled)).complete
    await erase(filled, KI[1])
    await case(filled, {KI[1]: ("ERASED", None)})
    found = await made(filled)
    assert (found.complete, [each.ended_at is None for each in found.runs]) == (True, [True, False])
    assert [each.sid for each in found.interactions] == KI[:2]


async def test_the_number_is_shown_once_and_never_again(filled: Archive, database: Database) -> None:
    await erase(filled, *KI)
    await case(filled, dict.fromkeys(KI, ("ERASED", None)))
    found = await made(filled)
    assert f"identifier {NUMBER}" in receipt_text.as_text(found, {"identifier": [NUMBER]})
    for shown in (receipt_text.as_text(found), receipt.as_json(found)):
        assert NUMBER not in shown
        assert MASKED in shown
        assert TEXT not in shown


@pytest.fixture
async def archived(filled: Archive, database: Database) -> Database:
    await erase(filled, *KI[:3])
    await case(filled, {**dict.fromkeys(KI[:3], ("ERASED", None)), KI[3]: ("HELD", HOLD), KP[0]: ("ERASED", None)})
    await case(filled, {}, "another case")
    return database


def test_ledger_prints_the_receipt_again(archived: Database) -> None:
    result = run("ledger", "--database", str(archived), "--reference", REFERENCE)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"Receipt of the erasure {REFERENCE}"
    assert "Asked by        alice, 2026-11-28T09:00:00.000Z to 2026-11-28T09:01:00.000Z" in lines
    assert f"For             identifier {MASKED}" in lines
    assert "Complete        no, see below" in lines
    assert "Interactions    3 erased, 1 held" in lines
    assert "Messages, Calls 7 kept (at Twilio)" in lines
    assert f"  {KI[3]}  {HOLD}" in lines
    assert not [line for line in lines if len(line) > 80 and "https://" not in line and HOLD not in line]


@pytest.mark.of_a_file
async def test_backups_that_still_hold_what_was_erased_are_named(filled: Archive, database: Path) -> None:
    made_before = database.with_name("before.db")
    await back_up(filled, made_before)
    await erase(filled, KI[0])
    await back_up(filled, database.with_name("after.db"))
    await case(filled, {KI[0]: ("ERASED", None), KI[1]: ("HELD", HOLD)})
    found = await made(filled)
    assert [(each.path, each.state) for each in found.backups] == [(str(made_before), Holds.HOLDS)]
    (line,) = [line for line in receipt_text.as_text(found).splitlines() if str(made_before) in line]
    assert line.endswith("has it; delete it, or make it again")
    made_before.unlink()
    assert [each.state for each in (await made(filled)).backups] == [Holds.GONE]


def test_ledger_prints_the_receipt_as_json_and_as_csv(archived: Database) -> None:
    found: dict[str, Any] = json.loads(
        run("ledger", "--database", str(archived), "--reference", REFERENCE, "--json").stdout
    )
    text = run("ledger", "--database", str(archived), "--reference", REFERENCE, "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    outcomes = {row["sid"]: row["outcome"] for row in rows}
    listed = (*found["interactions"], *found["participants"], *found["records"])
    assert outcomes == {each["sid"]: each["outcome"] for each in listed}
    assert len(rows) == 4 + 1 + 7


def test_an_unknown_reference_is_reported_with_the_existing_ones(archived: Database) -> None:
    result = run("ledger", "--database", str(archived), "--reference", "DSR-1")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"There is no erasure with the reference 'DSR-1'. The last ones are: {REFERENCE}, another case.\n"
    )


async def test_a_name_with_control_characters_obeys_nobody(filled: Archive) -> None:
    await case(filled, {}, REFERENCE)
    async with filled.writer.transaction() as transaction:
        await transaction.execute("UPDATE erasure_run SET requested_by = 'eve\x1b[2J\nComplete   yes'")
    text = receipt_text.as_text(await made(filled))
    assert "\x1b" not in text
    assert [line for line in text.splitlines() if line.startswith("Complete")] == ["Complete        yes"]


@pytest.mark.of_a_file
async def test_an_archive_that_may_not_be_written_prints_receipts(archived: Path) -> None:
    async with open_archive(archived):
        pass
    archived.chmod(0o400)
    result = run("ledger", "--database", str(archived), "--reference", REFERENCE)
    assert (result.returncode, result.stderr) == (0, "")
