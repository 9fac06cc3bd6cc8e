"""``python -m gateway erase``: the preview, the receipt, exit codes, input from files and pipes, Ctrl-C and kills."""

import asyncio
import json
import re
import signal
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest

import bodies
from checkout import ROOT
from command_lines import command_line
from databases import held, is_empty
from erasing import environment_of, erased, erasing
from fake_account import Faults
from fake_twilio import FakeTwilio
from gateway_under_test import serving
from mirror import mirroring, settings_for
from person import CANARIES, NUMBER, put_person
from store.archive import open_archive
from store.engine.database import Database
from store.erasure import ledger

DELETE = "DELETE /Services/{}/Sessions/{}/Interactions/{}"
TYPED = "+1 (202) 555-0121"


@asynccontextmanager
async def served(database: Database, fake: FakeTwilio, **size: int) -> AsyncIterator[FakeTwilio]:
    """The account with the person, that ``database`` is a mirror of, at its address until the end of the block."""
    put_person(fake, **size)
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
    fake.requests.clear()
    async with fake.serving():
        yield fake


def traces(database: Database) -> list[str]:
    """What of the person the database holds."""
    content = held(database)
    return [text for text in CANARIES if text.encode() in content]


async def test_the_preview_shows_what_would_be_erased_and_changes_nothing(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        before = held(database)
        code, out, err = await erased(fake, database, "--identifier", TYPED)
        assert (code, err, fake.total_requests) == (0, "", 0)
        assert held(database) == before
    assert f"For             {TYPED} is understood as {NUMBER}." in out
    for line in (
        "Sessions        4",
        "Interactions    20",
        "                10 in service-1",
        "Participants    4",
        "Legal hold      0 interactions, as far as known",
        "Twilio keeps    40 Messages and 0 Calls",
        "Twilio is sent  24 requests, in about 1 second",
        "Participants in live sessions: 1. They stay there, and what is sent later is mirrored again. "
        "--remove-participants removes them at Twilio.",
        "Nothing was changed. Run it again with --yes to erase.",
    ):
        assert line in out.splitlines(), line


async def test_the_time_is_that_of_twilios_rate(database: Database) -> None:
    async with served(database, FakeTwilio(), sessions=2, interactions=400) as fake:
        _, out, _ = await erased(fake, database, "--identifier", NUMBER, "--json", PROXYGRAPH_SYNC_RATE="30")
    preview = json.loads(out)
    assert (preview["interactions"], preview["requests"]) == (800, 802)
    assert 400 / 30 < preview["seconds"] < 400 / 30 + 3, "each of two Services has a rate of its own"


@pytest.mark.of_a_file
async def test_a_file_that_may_not_be_written_is_previewed(database: Path) -> None:
    async with served(database, FakeTwilio()) as fake:
        pass
    database.chmod(0o400)
    database.parent.chmod(0o500)
    try:
        code, out, err = await erased(None, database, "--identifier", NUMBER, "--json")
    finally:
        database.parent.chmod(0o700)
    assert (code, err, json.loads(out)["interactions"], len(fake.sids("KI"))) == (0, "", 20, 25)
    assert any("No Twilio account is set" in note for note in json.loads(out)["notes"])


async def test_the_number_comes_through_a_pipe_and_the_receipt_is_complete(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        options = ("--identifier", "-", "--yes", "--reference", "DSR-1", "--by", "Dana", "--json")
        code, out, err = await erased(fake, database, *options, stdin=f"\n{TYPED}\n")
        assert fake.sids("KI") == [bodies.sid("KI", 50_000 + number) for number in range(5)]
    receipt = json.loads(out)
    assert (code, err, receipt["complete"], receipt["reference"]) == (0, "", True, "DSR-1")
    assert (receipt["runs"][0]["requested_by"], receipt["counts"]["interactions"]) == ("Dana", {"ERASED": 20})
    assert NUMBER not in out, "the JSON has the question masked"
    assert traces(database) == []


async def test_the_text_shows_the_question_once_and_no_log_line_does(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        code, out, err = await erased(fake, database, "--identifier", TYPED, "--yes", PROXYGRAPH_LOG_FORMAT="json")
        assert (code, err) == (0, "")
        assert out.startswith("Receipt of the erasure erasure-20")
        assert f"For             identifier {TYPED}" in out.splitlines()
        _, _, err = await erased(None, database, "--identifier", "/no/+12025550121", "--participant", NUMBER)
    assert NUMBER not in err
    assert "--participant: expected KP and 32 hexadecimal digits" in err


async def test_erasures_of_the_same_second_have_cases_of_their_own(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        sids = fake.sids("KI")
        receipts = [(await erased(fake, database, "--interaction", sid, "--yes", "--json"))[1] for sid in sids[:4]]
    assert len({json.loads(receipt)["reference"] for receipt in receipts}) == 4
    assert [json.loads(receipt)["counts"]["interactions"] for receipt in receipts] == [{"ERASED": 1}] * 4


async def test_lists_come_from_files_and_repeated_options(database: Database, tmp_path: Path) -> None:
    async with served(database, FakeTwilio()) as fake:
        sids = fake.sids("KI")
        listed = tmp_path / "sids.txt"
        listed.write_text("\ufeff" + "\r\n".join([*sids[:3], ""]))
        code, out, _ = await erased(fake, database, "--interaction", str(listed), "--interaction", sids[4], "--json")
        assert (code, json.loads(out)["interactions"]) == (0, 4)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "Expected what to erase, but got nothing"),
        (("--service", bodies.sid("KS", 1)), "--service and --older-than belong together"),
        (("--older-than", "3y"), "--service and --older-than belong together"),
        (("--service", bodies.sid("KS", 1), "--older-than", "3"), "--older-than: expected an age such as 90d"),
        (("--service", bodies.sid("KS", 1), "--older-than", "2999-01-01"), "expected a date in the past"),
        (("--service", bodies.sid("KS", 1), "--older-than", "3y", "--identifier", "a"), "They would not narrow"),
        (("--interaction", bodies.sid("KP", 1)), "--interaction: expected KI and 32 hexadecimal digits"),
        (("--identifier", ""), "--identifier: Expected an identifier"),
        (("--identifier", "-", "--session", "-"), "--identifier: expected - once"),
        (("--session", "-"), "--session: expected a value on each line of standard input, but it has none"),
        (("--identifier", "a", "--remove-participants"), "--remove-participants needs a Twilio account"),
        (("--reference", "nowhere"), "There is no case nowhere to continue."),
        (("--identifier", "a", "--reference", "a\nb"), "--reference: expected up to 100 printable characters"),
    ],
)
async def test_wrong_settings_end_with_2_and_say_what_is_right(
    one_session: Database, options: tuple[str, ...], problem: str
) -> None:
    code, out, err = await erased(None, one_session, *options)
    assert (code, out) == (2, "")
    assert problem in err


async def test_a_missing_database_is_not_created(empty_database: Database) -> None:
    for more in ((), ("--yes",)):
        code, out, err = await erased(None, empty_database, "--identifier", NUMBER, *more)
        assert (code, out, err.count("\n")) == (1, "", 1)
    assert is_empty(empty_database)


async def test_messages_that_a_number_no_longer_finds_are_reported(database: Database) -> None:
    """Who is erased by number and writes again can't be found by the number: that must not look as if nothing was."""
    late: dict[str, Any] = {"inbound_participant_sid": bodies.sid("KP", 2), "service_sid": bodies.sid("KS", 2)}
    async with served(database, FakeTwilio()) as fake:
        assert (await erased(fake, database, "--identifier", NUMBER, "--yes"))[0] == 0
    fake.put(bodies.interaction(77, **late) | {"account_sid": fake.account_sid})
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
    _, shown, _ = await erased(None, database, "--identifier", NUMBER)
    code, _, err = await erased(None, database, "--identifier", NUMBER, "--yes")
    told = "Interactions that came in after their participants were erased: 1. A number doesn't find them any more"
    assert told in shown
    assert told in err
    assert code == 0


async def test_a_hold_ends_with_1_and_says_so(database: Database) -> None:
    async with served(database, FakeTwilio()) as fake:
        fake.hold(bodies.sid("KI", 10_000))
        code, out, _ = await erased(fake, database, "--identifier", NUMBER, "--yes")
    assert code == 1
    assert "Interactions    19 erased, 1 held" in out


@pytest.mark.processes
async def test_ctrl_c_ends_with_130_withdraws_unsent_requests_and_the_same_command_continues(
    database: Database,
) -> None:
    async with served(database, FakeTwilio(latency=0.02), sessions=2, interactions=100) as fake:
        options = ("--identifier", NUMBER, "--yes", "--reference", "DSR-1")
        async with erasing(fake, database, *options, PROXYGRAPH_SYNC_CONCURRENCY="2") as process:
            while fake.requests[DELETE] < 20:
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.stderr
            err = (await process.stderr.read()).decode()
            assert await process.wait() == 130
        assert "Stopped. What is erased stays erased; run it again with --reference DSR-1 to continue." in err
        async with open_archive(database) as archive:
            unfinished = [entry for entry in await ledger.entries(archive) if entry.state == "intended"]
        assert len(unfinished) <= 2, "only those whose answers were awaited"
        assert (await erased(fake, database, *options))[0] == 0
        assert fake.requests[DELETE] <= 200 + 2
    assert traces(database) == []


@pytest.mark.processes
async def test_no_byte_is_left_wherever_it_was_killed(database: Database, pytestconfig: pytest.Config) -> None:
    """Killed at random moments, with a server and faults beside it, the same command goes on to the end."""
    pick = Random(pytestconfig.getoption("--seed"))
    faults = Faults(seed=1, too_many=0.03, server_error=0.02, broken=0.02, not_json=0.02)
    fake = FakeTwilio(faults=faults, latency=0.005)
    options = ("--identifier", TYPED, "--yes", "--reference", "DSR-1", "--remove-participants", "--json")
    async with served(database, fake, sessions=6, interactions=120), serving(database, twilio=settings_for(fake)):
        for _ in range(pytestconfig.getoption("--kills")):
            fake.requests.clear()
            async with erasing(fake, database, *options, PROXYGRAPH_SYNC_CONCURRENCY="4") as process:
                goal = pick.randrange(1, 150)
                while fake.total_requests < goal and process.returncode is None:
                    await asyncio.sleep(0.001)
                if process.returncode is None:
                    process.kill()
                await process.wait()
        code, out, err = await erased(fake, database, *options)
        assert (code, err) == (0, "")
        receipt = json.loads(out)
        assert receipt["complete"]
        assert receipt["counts"]["interactions"] == {"ERASED": 720}
        assert receipt["counts"]["participants"] == {"ERASED": 6}
        assert traces(database) == []
    async with mirroring(database, fake) as mirror:
        await mirror.sync(full=True)
        assert len(await mirror.stored("KI")) == len(fake.sids("KI")) == 120
    assert traces(database) == []
    assert fake.get(bodies.sid("KP", 2))["date_deleted"]


@pytest.mark.processes
async def test_a_server_answers_and_syncs_beside_it(database: Database) -> None:
    """The server sweeps the whole account again and again, while rows vanish at Twilio and then here."""
    query = {"query": "{ interactions(first: 5) { nodes { body } } syncStatus { lastError run { mode } } }"}
    fake = FakeTwilio(latency=0.01)
    async with served(database, fake, sessions=4, interactions=100), beside(database, fake) as client:
        async with erasing(fake, database, "--identifier", NUMBER, "--yes", PROXYGRAPH_SYNC_CONCURRENCY="4") as process:
            answers, seconds = 0, 0.0
            while process.returncode is None:
                begun = time.monotonic()
                async with client.post("/graphql", json=query) as response:
                    answer = await response.json()
                seconds = max(seconds, time.monotonic() - begun)
                assert "errors" not in answer
                assert answer["data"]["syncStatus"]["lastError"] is None
                answers += 1
            assert process.returncode == 0
        assert answers > 20
        assert seconds < 5
        assert len(fake.sids("KI")) == 100
    assert traces(database) == []


@asynccontextmanager
async def beside(database: Database, fake: FakeTwilio) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a server in a process of its own, which syncs without a pause."""
    process = await asyncio.create_subprocess_exec(
        *command_line("serve", "--database", str(database), "--port", "0", "--sync-every", "0.05"),
        cwd=ROOT,
        env=environment_of(fake) | {"PROXYGRAPH_SYNC_FULL_EVERY": "0.000001", "PROXYGRAPH_DRAIN": "0"},
        stdout=PIPE,
    )
    try:
        assert process.stdout
        address = re.search(r"http://[\d.:]+", (await process.stdout.readline()).decode())
        assert address
        async with aiohttp.ClientSession(address[0]) as client:
            while fake.requests["GET /Services/{}/Sessions"] < 4:
                await asyncio.sleep(0.01)
            yield client
    finally:
        process.terminate()
        await process.wait()
