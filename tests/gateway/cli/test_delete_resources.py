"""``erase --delete-resources`` also deletes the Message and Call records behind what it erases, and tells it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

import bodies
from databases import held
from erasing import erased, erasing
from fake_account import Faults
from fake_twilio import FakeTwilio
from mirror import mirroring
from person import CANARIES, NUMBER, put_person
from running_commands import run
from store.engine.database import Database

ASK = ("--identifier", NUMBER, "--reference", "DSR-1", "--yes", "--json")
DELETE = "DELETE /Accounts/{}/Messages/{}.json"
SM = bodies.sid("SM", 20_000)
"""The inbound Message of the person's first interaction in session 2."""
OF_THE_PERSON, OF_OTHERS = 40, 10


@asynccontextmanager
async def served(database: Database, fake: FakeTwilio, **size: int) -> AsyncIterator[FakeTwilio]:
    """``fake`` with a person, whose account ``database`` mirrors."""
    put_person(fake, **size)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    async with fake.serving():
        yield fake


def receipt(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


async def test_all_records_of_the_person_go_and_those_of_others_stay(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        assert len(fake.records) == OF_THE_PERSON + OF_OTHERS
        code, out, _ = await erased(fake, database, *ASK, "--delete-resources")
        assert (code, len(fake.records)) == (0, OF_OTHERS)
    found = receipt(out)
    assert (found["complete"], found["counts"]["records"]) == (True, {"DELETED": OF_THE_PERSON})
    assert {each["address"] for each in found["records"]} == {None}


async def test_they_stay_unless_that_is_asked_and_can_be_deleted_later_by_the_reference_alone(
    database: Database,
) -> None:
    async with served(database, FakeTwilio()) as fake:
        code, out, _ = await erased(fake, database, *ASK)
        assert (code, receipt(out)["counts"]["records"]) == (0, {"KEPT": OF_THE_PERSON})
        assert len(fake.records) == OF_THE_PERSON + OF_OTHERS
        later = ("--reference", "DSR-1", "--delete-resources")
        _, shown, _ = await erased(fake, database, *later)
        assert f"{OF_THE_PERSON} Messages and Calls behind what this case has erased already" in shown
        assert len(fake.records) == OF_THE_PERSON + OF_OTHERS
        code, out, _ = await erased(fake, database, *later, "--yes", "--json")
        assert (code, receipt(out)["counts"]["records"]) == (0, {"DELETED": OF_THE_PERSON})
        assert len(fake.records) == OF_OTHERS
    assert [each["options"]["delete_resources"] for each in receipt(out)["runs"]] == [False, True]


async def test_the_preview_counts_them_and_their_requests_and_deletes_none(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        counted = [
            json.loads((await erased(fake, database, "--identifier", NUMBER, "--json", *more))[1])
            for more in ((), ("--delete-resources",))
        ]
        assert len(fake.records) == OF_THE_PERSON + OF_OTHERS
    assert [each["deletes_resources"] for each in counted] == [False, True]
    assert counted[1]["requests"] - counted[0]["requests"] == OF_THE_PERSON


async def test_one_that_is_not_complete_ends_with_1_and_the_same_command_deletes_it_later(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        fake.records.set_complete(SM, False)
        code, out, _ = await erased(fake, database, *ASK, "--delete-resources")
        found = receipt(out)
        assert (code, found["complete"]) == (1, False)
        assert found["counts"]["records"] == {"DELETED": OF_THE_PERSON - 1, "INCOMPLETE": 1}
        (left,) = found["not_erased"]
        assert left["sid"] == SM
        assert "before it is complete (code 20009)" in left["reason"]
        fake.records.set_complete(SM)
        code, out, _ = await erased(fake, database, *ASK, "--delete-resources")
        assert (code, receipt(out)["complete"], SM in fake.records) == (0, True, False)


async def test_a_key_that_may_not_delete_them_erases_the_rest_and_says_so(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        fake.fail_next("GET /Accounts/{}/Messages.json", 403, {"code": 70051, "message": "Forbidden"})
        code, out, err = await erased(fake, database, *ASK, "--delete-resources")
        found = receipt(out)
        assert (code, len(fake.records)) == (1, OF_THE_PERSON + OF_OTHERS)
        assert "Twilio's Messages and Calls could not be deleted." in err
        assert (found["counts"]["interactions"], found["counts"]["participants"]) == ({"ERASED": 20}, {"ERASED": 4})
        assert {each["sid"][:2] for each in found["not_erased"]} == {"SM", "MM"}
        code, out, _ = await erased(fake, database, *ASK, "--delete-resources")
        assert (code, receipt(out)["complete"], len(fake.records)) == (0, True, OF_OTHERS)


async def test_without_an_account_it_is_refused(database: Database) -> None:
    async with served(database, FakeTwilio()):
        code, out, err = await erased(None, database, *ASK, "--delete-resources")
    assert (code, out) == (2, "")
    assert err == (
        "--delete-resources needs a Twilio account, but TWILIO_ACCOUNT_SID is not set. Set it (see sync --help).\n"
    )


@pytest.mark.processes
async def test_after_a_kill_at_any_point_the_same_command_continues_and_leaves_no_byte_and_no_record(
    database: Database, pytestconfig: pytest.Config
) -> None:
    pick = Random(pytestconfig.getoption("--seed"))
    faults = Faults(seed=7, too_many=0.05, server_error=0.05, broken=0.05)
    async with served(database, FakeTwilio(faults=faults, latency=0.005), sessions=6, interactions=20) as fake:
        for _ in range(pytestconfig.getoption("--kills")):
            before = fake.total_requests
            async with erasing(fake, database, *ASK, "--delete-resources") as process:
                until = before + pick.randrange(5, 200)
                while fake.total_requests < until and process.returncode is None:
                    await asyncio.sleep(0.005)
        code, out, err = await erased(fake, database, *ASK, "--delete-resources")
        assert (code, err if code else "", len(fake.records)) == (0, "", 2 * 20)
    found = receipt(out)
    assert found["complete"]
    assert sum(found["counts"]["records"].values()) == 2 * 6 * 20
    assert found["counts"]["records"].keys() <= {"DELETED", "ALREADY_GONE"}
    content = held(database)
    assert not [canary for canary in CANARIES if canary.encode() in content]


async def test_the_ledger_prints_what_became_of_them(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        await erased(fake, database, *ASK, "--delete-resources")
    text = run("ledger", "--database", str(database), "--reference", "DSR-1").stdout
    assert f"Messages, Calls {OF_THE_PERSON} deleted (at Twilio)" in text.splitlines()
    assert "With            delete resources" in text.splitlines()
    assert NUMBER not in text
