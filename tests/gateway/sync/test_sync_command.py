"""``python -m gateway sync``: its output, JSON and exit codes, and that a killed run is continued by the next."""

import asyncio
import json
import os
import re
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from aiohttp import web
from typer.testing import CliRunner

import bodies
from checkout import ROOT
from command_lines import FRESH, command_line
from databases import is_empty
from fake_account import Faults
from fake_twilio import AUTH_TOKEN, FakeTwilio, now
from gateway.cli.commands import commands
from gateway.settings.mirror import SyncSettings
from mirror import account, assert_equal
from store.archive import open_archive
from store.engine.database import Database


@asynccontextmanager
async def syncing(
    fake: FakeTwilio, database: Database, *flags: str, command: Sequence[str] = FRESH, **environment: str
) -> AsyncIterator[Process]:
    """Runs the command sync against the stand-in; kills it at the end of the block if it is still running."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROXYGRAPH_", "TWILIO_"))}
    account_of = {"TWILIO_ACCOUNT_SID": fake.account_sid, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    process = await asyncio.create_subprocess_exec(
        *(*command, "sync", "--database", str(database), *flags),
        cwd=ROOT,
        env=clean | account_of | {"TWILIO_PROXY_URL": fake.base_url, "PROXYGRAPH_SYNC_RATE": "0"} | environment,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def synced(fake: FakeTwilio, database: Database, *flags: str, **environment: str) -> tuple[int | None, str, str]:
    async with syncing(fake, database, *flags, command=command_line(), **environment) as process:
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, out.decode(), err.decode()


async def test_a_complete_run_prints_a_summary(empty_database: Database) -> None:
    fake = FakeTwilio()
    account(fake)
    async with fake.serving():
        code, out, err = await synced(fake, empty_database)
    assert (code, err) == (0, "")
    assert re.fullmatch(
        r"Rows: 32 new, 0 changed, 0 unchanged, 0 erased\. Sessions archived: 0\. "
        r"15 requests, 0 retries, \d+\.\d seconds\.\n",
        out,
    )
    async with open_archive(empty_database) as archive:
        await assert_equal(archive, fake)


async def test_with_json_only_json_is_printed(database: Database) -> None:
    fake = FakeTwilio()
    account(fake)
    async with fake.serving():
        code, out, err = await synced(fake, database, "--json")
    summary = json.loads(out)
    assert (code, err, summary["outcome"], summary["error"]) == (0, "", "complete", None)
    assert (summary["new"], summary["requests"], summary["sessions"]) == (32, 15, 6)


async def test_twilios_refusal_is_reported_with_exit_code_1(database: Database) -> None:
    fake = FakeTwilio()
    async with fake.serving():
        code, _, err = await synced(fake, database, TWILIO_AUTH_TOKEN="wrong-secret")
    assert code == 1
    assert "GET /Services was answered 401 (code 20003): Authenticate. Check the credentials" in err
    assert "wrong-secret" not in err


async def test_too_many_erasures_are_reported_with_exit_code_3(database: Database) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=30, interactions=1)
    async with fake.serving():
        await synced(fake, database)
        for sid in fake.sids("KI")[:25]:
            fake.remove(sid)
        code, out, err = await synced(fake, database, "--full")
        assert (code, "Nothing was erased." in err, "0 erased" in out) == (3, True, True)
        code, out, _ = await synced(fake, database, "--full", "--erase")
        assert (code, "25 erased" in out) == (0, True)


async def test_left_out_resources_are_listed_by_sid_with_exit_code_1(database: Database) -> None:
    def refuse(fake: FakeTwilio, path: str, number: int) -> None:
        if any(path.endswith(f"{sid}/Participants") for sid in odd):
            raise web.HTTPBadRequest(text='{"code": 70001, "message": "Odd"}', content_type="application/json")

    odd = [bodies.sid("KC", 2), bodies.sid("KC", 5)]
    fake = FakeTwilio(faults=Faults(drift=True, on_page=refuse))
    account(fake)
    async with fake.serving():
        code, out, err = await synced(fake, database)
        assert (code, "Rows: 22 new" in out) == (1, True)
        listed = [line for line in err.splitlines() if line.startswith("Left out: ")]
        assert sorted(line.split()[2] for line in listed) == odd  # The two Services are read at the same time.
        code, out, _ = await synced(fake, database, "--json")
        assert (code, sorted(each["sid"] for each in json.loads(out)["left_out"])) == (1, odd)


async def test_a_wrong_clock_is_reported_with_exit_code_1(database: Database) -> None:
    fake = FakeTwilio(clock=lambda: now() - timedelta(days=4_000))
    account(fake)
    async with fake.serving():
        code, out, err = await synced(fake, database)
    assert (code, "32 new" in out, "The machine's clock says" in err) == (1, True, True)


@pytest.mark.parametrize("given", ["KS" + "f" * 32, "no-such-name", ""])
async def test_an_unknown_service_is_reported_with_exit_code_2(database: Database, given: str) -> None:
    fake = FakeTwilio()
    account(fake)
    async with fake.serving():
        code, _, err = await synced(fake, database, "--service", given)
        assert (code, repr(given) in err, bodies.sid("KS", 1) in err) == (2, True, True)
        code, _, err = await synced(fake, database, PROXYGRAPH_SYNC_SERVICE=given)
        assert (code, bodies.sid("KS", 2) in err) == (2, True)


async def test_keep_and_erase_together_are_refused_with_exit_code_2(database: Database) -> None:
    fake = FakeTwilio()
    async with fake.serving():
        code, _, err = await synced(fake, database, "--keep", "--erase")
    assert (code, "either --keep or --erase" in err, fake.total_requests) == (2, True, 0)


async def test_a_second_sync_says_that_one_is_running_with_exit_code_4(database: Database) -> None:
    fake = FakeTwilio()
    async with fake.serving(), open_archive(database) as archive, archive.sync_lock():
        code, out, err = await synced(fake, database)
    assert (code, out) == (4, "")
    assert err == f"A sync of {database} is running already; let it finish, or stop it first.\n"


async def test_all_invalid_settings_are_reported_at_once_with_exit_code_2(empty_database: Database) -> None:
    fake = FakeTwilio()
    async with fake.serving():
        wrong = {"TWILIO_ACCOUNT_SID": "AC1", "PROXYGRAPH_SYNC_RECHECK_HOURS": "-1"}
        code, _, err = await synced(fake, empty_database, **wrong)
    assert code == 2
    assert [line.split(":")[0] for line in err.splitlines()] == ["PROXYGRAPH_SYNC_RECHECK_HOURS", "TWILIO_ACCOUNT_SID"]
    assert is_empty(empty_database)


def test_several_services_are_separated_by_commas_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYGRAPH_SYNC_SERVICE", "KS1, KS2")
    assert SyncSettings.of({}).service == ["KS1", "KS2"]
    assert SyncSettings.of({"service": ["KS3"]}).service == ["KS3"]


async def until(fake: FakeTwilio, requests: int) -> None:
    while fake.total_requests < requests:
        await asyncio.sleep(0.002)


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """A program started with ``&`` in a shell ignores Ctrl-C, and so do its children; the tests may be one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.processes
@pytest.mark.usefixtures("in_the_foreground")
async def test_ctrl_c_stops_cleanly_and_says_how_to_continue(database: Database) -> None:
    fake = FakeTwilio(latency=0.01)
    account(fake, services=2, sessions=150)
    async with fake.serving():
        async with syncing(fake, database) as process:
            await until(fake, 100)
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 130
        async with open_archive(database) as archive:
            tables = ("service", "session", "participant", "interaction")
            counts = [rows for table in tables for (rows,) in await archive.fetch(f"SELECT count(*) FROM {table}")]
        assert f"Rows: {sum(counts):,} new" in out.decode()
        assert counts[3] > 0
        assert err.decode() == "Stopped. What was read is kept; run it again to go on.\n"
        fake.latency = 0
        code, _, _ = await synced(fake, database)
    assert code == 0
    async with open_archive(database) as archive:
        await assert_equal(archive, fake)


@pytest.mark.processes
async def test_killed_at_random_times_it_ends_equal_to_twilio(
    database: Database, request: pytest.FixtureRequest
) -> None:
    """Six kills by default; --kills sets the number."""
    pick = Random(11)
    fake = FakeTwilio(faults=Faults(seed=2, too_many=0.1, server_error=0.1))
    account(fake, services=2, sessions=120, interactions=3)
    fake.put(*(bodies.interaction(900_000 + number, account_sid=fake.account_sid) for number in range(250)))
    async with fake.serving():
        for _ in range(request.config.getoption("--kills")):
            async with syncing(fake, database) as process:
                await asyncio.wait_for(until(fake, fake.total_requests + pick.randint(1, 150)), 60)
                process.kill()
        code, _, _ = await synced(fake, database)
    assert code == 0
    async with open_archive(database) as archive:
        await assert_equal(archive, fake)


@pytest.mark.processes
@pytest.mark.parametrize("every", ["0.2"])
async def test_serve_syncs_beside_answering(database: Database, every: str) -> None:
    fake = FakeTwilio()
    account(fake)
    async with fake.serving():
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROXYGRAPH_", "TWILIO_"))}
        account_of = {"TWILIO_ACCOUNT_SID": fake.account_sid, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
        process = await asyncio.create_subprocess_exec(
            *command_line("serve", "--database", str(database), "--port", "0", "--sync-every", every, "--workers", "2"),
            cwd=ROOT,
            env=clean | account_of | {"TWILIO_PROXY_URL": fake.base_url},
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            await asyncio.wait_for(until(fake, 40), 30)
        finally:
            process.terminate()
            await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    async with open_archive(database) as archive:
        await assert_equal(archive, fake)
        ((runs,),) = await archive.fetch("SELECT count(*) FROM sync_run WHERE outcome = 'complete'")
        assert runs >= 1


@pytest.mark.of_a_file
async def test_a_failed_run_suggests_another_run_only_if_that_may_help(empty_database: Path) -> None:
    fake = FakeTwilio()
    account(fake)
    again = "run it again to go on"
    async with fake.serving():
        code, out, err = await synced(fake, empty_database, TWILIO_AUTH_TOKEN="wrong-secret")
        assert (code, again in err) == (1, False)
        empty_database.with_name(f"{empty_database.name}-sync-lock").unlink()
        empty_database.unlink()
        empty_database.mkdir()
        code, out, err = await synced(fake, empty_database)
        assert (code, out, again in err) == (1, "", False)
    empty_database.rmdir()
    code, _, err = await synced(
        fake, empty_database, PROXYGRAPH_SYNC_ATTEMPTS="1", TWILIO_PROXY_URL="http://127.0.0.1:9/v1"
    )
    assert (code, again in err) == (1, True)


def test_a_failed_run_prints_the_reason_before_the_summary(database: Database) -> None:
    environment = {
        "TWILIO_ACCOUNT_SID": bodies.sid("AC", 1),
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "TWILIO_PROXY_URL": "http://127.0.0.1:9/v1",
        "PROXYGRAPH_SYNC_ATTEMPTS": "1",
    }
    result = CliRunner().invoke(commands, ["sync", "--database", str(database)], env=environment)
    assert result.exit_code == 1
    reason, figures = result.output.splitlines()
    assert reason.endswith("run it again to go on.")
    assert figures.startswith("Rows: ")
