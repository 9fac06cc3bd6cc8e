"""``status`` as a person and a monitoring system see it: what needs attention, and the exit code for it."""

import asyncio
import json
import stat
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import bodies
import postgresql
from databases import change
from gateway.cli.commands import commands
from running_commands import in_a_terminal, run, running
from store import keys
from store.archive import open_archive
from store.backups.backup import back_up
from store.engine.database import Database
from store.sqlite import migrations
from store.sqlite.opening import prepare
from store.twilio_mapping import instant


def ago(**length: float) -> str:
    return instant((datetime.now(UTC) - timedelta(**length)).isoformat())


def write(database: Database, *statements: tuple[str, Sequence[object]]) -> None:
    """Past the archive's writer, since an archive that is opened and closed cleans what it can."""
    for sql, values in statements:
        change(database, sql, *values)


def completed(number: int, moment: str) -> tuple[str, Sequence[object]]:
    return (
        "INSERT INTO sync_run (number, mode, started_at, alive_at, finished_at, outcome) "
        "VALUES ($1, 'full', $2, $2, $2, 'complete')",
        (number, moment),
    )


def read(service: int, moment: str) -> tuple[str, Sequence[object]]:
    return ("INSERT INTO service_sync VALUES ($1, $2, 0)", (bodies.sid("KS", service), moment))


@pytest.fixture(scope="module")
def postgresql_cluster() -> Iterator[postgresql.Cluster]:
    """One that can't lose what it wrote: without these settings, as in other tests, status advises to set them."""
    with postgresql.cluster(fsync="on", full_page_writes="on") as running:
        yield running


@pytest.fixture
def database(empty_database: Database) -> Database:
    """An empty one, since the archive that other tests copy is in another cluster."""
    return empty_database


@pytest.fixture
def well(database: Database) -> Database:
    """An archive of two Services that was read completely an hour ago."""

    async def made() -> None:
        async with open_archive(database) as archive:
            await bodies.put(archive, bodies.service(1), bodies.service(2), bodies.session(1), bodies.interaction(1))

    asyncio.run(made())
    moment = ago(hours=1, minutes=10)
    write(database, completed(1, moment), read(1, moment), read(2, moment))
    return database


def status(database: Database, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(commands, ["status", "--database", str(database), "--json", *arguments])
    assert result.stderr == ""
    return result.exit_code, json.loads(result.stdout)


def test_an_archive_that_is_well_ends_with_0_and_shows_its_figures(well: Database) -> None:
    result = run("status", "--database", str(well))
    lines = result.stdout.splitlines()
    assert (result.returncode, result.stderr) == (0, "")
    assert lines[0] == f"{well}: all is well."
    facts = {line[:14].strip(): line[14:].strip() for line in lines[1:]}
    assert facts["Account"] == bodies.ACCOUNT
    assert facts["Last sync"].startswith("70 minutes ago (")
    assert (facts["Services"], facts["Interactions"]) == ("2, with 1 session and 0 participants", "1")
    assert facts["Last error"] == "none"
    assert facts.get("Checked") == ("never" if isinstance(well, Path) else None)
    assert lines[-3].split() == ["Service", "Last", "read", "Waiting", "Left", "out"]
    assert lines[-1].startswith("service-2  70 minutes ago (")


def held(sql: str, *values: object) -> tuple[str, Sequence[object]]:
    return sql, values


DELETION = "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, {}) VALUES "
ROW = "('KI1', 'KC1', 'KS1', 'AC1', 'somebody', $1, $2)"
ERASED_ROW = ROW.replace("$1, $2", "$1, 'A reader.', $1")
FAILED_RUN = (
    "INSERT INTO sync_run (number, mode, started_at, alive_at, finished_at, outcome, error) "
    "VALUES (2, 'full', $1, $1, $1, 'failed', 'Twilio said no.')"
)
KEY = (
    "INSERT INTO access_key (name, hash, scopes, created_at, expires_at, revoked_at) "
    "VALUES ('console', '1', '', '', $1, $2)"
)

NEEDS_ATTENTION: dict[str, tuple[Callable[[], tuple[str, Sequence[object]]], str]] = {
    "stale": (
        lambda: held("UPDATE sync_run SET finished_at = $1", ago(days=3, hours=1)),
        "It is stale: the last sync of the whole account was completed 3 days ago.",
    ),
    "never synced": (lambda: held("DELETE FROM sync_run"), "No sync of the whole account was ever completed."),
    "one service stale": (
        lambda: held("UPDATE service_sync SET completed_at = $1 WHERE service_sid LIKE '%2'", ago(days=2)),
        "The Service service-2 was last read completely 2 days ago.",
    ),
    "one service never read": (
        lambda: held("DELETE FROM service_sync WHERE service_sid = $1", bodies.sid("KS", 1)),
        "The Service service-1 was never read completely.",
    ),
    "failing": (lambda: held(FAILED_RUN, ago(minutes=3)), "The last sync failed: Twilio said no."),
    "left out": (
        lambda: held("INSERT INTO left_out VALUES ('KC9', $1, '2026', 'answered 500')", bodies.sid("KS", 1)),
        "1 Session or Service could not be read.",
    ),
    "waits for Twilio": (
        lambda: held(DELETION.format("at_twilio") + ROW, ago(hours=3), 2),
        "1 deletion waits for Twilio, the oldest for 3 hours.",
    ),
    "not to the last byte": (
        lambda: held(DELETION.format("waits_for, erased_at") + ERASED_ROW, ago(hours=2)),
        "1 row is erased, but not yet every byte of them: A reader.",
    ),
    "key expires": (lambda: held(KEY, ago(days=-3, hours=-1), None), "The key console expires in 3 days."),
    "key expired": (
        lambda: held(KEY, ago(days=2, hours=1), None),
        "The key console expired 2 days ago. Revoke it, or create another.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", NEEDS_ATTENTION)
def test_what_needs_attention_ends_with_1_and_is_a_sentence(well: Database, reason: str) -> None:
    statement, sentence = NEEDS_ATTENTION[reason]
    write(well, statement())
    code, found = status(well)
    assert (code, found["state"], found["attention"]) == (1, "attention", [sentence])


@pytest.mark.parametrize(
    "statement",
    [
        lambda: held(KEY, ago(days=-60), None),
        lambda: held(KEY, ago(days=-3), ago(days=1)),
        lambda: held(KEY, ago(days=60), None),
        lambda: held(DELETION.format("at_twilio") + ROW, ago(seconds=5), 1),
    ],
    ids=["a key that lasts", "a revoked key", "a key that expired long ago", "a deletion in progress"],
)
def test_what_is_as_usual_needs_no_attention(
    well: Database, statement: Callable[[], tuple[str, Sequence[object]]]
) -> None:
    write(well, statement())
    assert status(well)[0] == 0


def test_the_bounds_are_settings(well: Database) -> None:
    assert status(well, "--stale-hours", "1")[0] == 1
    write(well, held(KEY, ago(days=-20), None))
    assert (status(well)[0], status(well, "--key-days", "30")[0]) == (0, 1)
    wrong = run("status", "--database", str(well), "--stale-hours", "0", "--key-days", "soon")
    assert (wrong.returncode, wrong.stdout, len(wrong.stderr.splitlines())) == (2, "", 2)


@pytest.mark.of_a_file
def test_backups_and_resources_left_out_are_shown(well: Path, tmp_path: Path) -> None:
    async def made() -> None:
        async with open_archive(well) as archive:
            await back_up(archive, tmp_path / "copy.db")
            await back_up(archive, tmp_path / "moved.db")
            await keys.create(archive, "console", ("read",), None)

    asyncio.run(made())
    (tmp_path / "moved.db").unlink()
    write(well, held("INSERT INTO left_out VALUES ('KC9', $1, '2026', 'answered 500')", bodies.sid("KS", 1)))
    _, found = status(well)
    assert 0 <= found["integrity_age_seconds"] < 600
    assert found["backups_gone"] == [str(tmp_path / "moved.db")]
    assert [(each["left_out"], each["last_error"]) for each in found["services"]] == [(1, "answered 500"), (0, None)]
    assert (found["file_bytes"], found["log_bytes"]) == (well.stat().st_size, 0)
    assert 4_200 <= found["lag_seconds"] <= 4_800
    assert (found["rows"]["interactions"], found["keys"][0]["name"], found["running"]) == (1, "console", False)
    shown = run("status", "--database", str(well)).stdout
    assert "service-1: the last of what was left out: answered 500" in shown
    assert "Backups       1; 1 no longer at their paths" in shown


def test_an_archive_that_cant_be_read_ends_with_2(tmp_path: Path) -> None:
    missing, foreign = tmp_path / "missing.db", tmp_path / "foreign.db"
    foreign.write_text("something else" * 1_000)
    for path in (missing, foreign):
        result = run("status", "--database", str(path))
        assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
        code, found = status(path)
        assert (code, found["state"], f"{found['error']}\n") == (2, "unreadable", result.stderr)
    assert not missing.exists()


@pytest.mark.of_a_file
def test_status_reads_a_file_that_may_not_be_written_and_leaves_nothing_beside_it(well: Path) -> None:
    for file in well.parent.iterdir():
        if file != well:
            file.unlink()
    well.chmod(stat.S_IRUSR)
    well.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    before = well.read_bytes()
    try:
        assert status(well)[0] == 0
        assert [file.name for file in well.parent.iterdir()] == [well.name]
    finally:
        well.parent.chmod(stat.S_IRWXU)
    assert well.read_bytes() == before


def test_status_reads_beside_a_server(well: Database) -> None:
    with running("serve", "--database", str(well)) as address:
        urllib.request.urlopen(f"{address}/readyz", timeout=20).close()
        result = run("status", "--database", str(well))
        assert (result.returncode, result.stderr) == (0, "")


def test_an_archive_of_an_older_version_is_not_migrated_by_looking_at_it(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in sorted(migrations.FOLDER.glob("*.sql"))[:9]:
        (folder / file.name).write_text(file.read_text("utf-8"))
    database = tmp_path / "archive.db"
    prepare(database, folder).close()
    code, found = status(database)
    assert (code, found["versions"]["database"], found["rows"]) == (1, 9, None)
    assert found["attention"][0].startswith("The file is of version 9. The next server or sync")
    assert status(database)[1]["versions"]["database"] == 9


def test_a_run_that_is_in_progress_hides_no_error(well: Database) -> None:
    now = ago(seconds=1)
    write(
        well,
        held(FAILED_RUN, ago(minutes=3)),
        held("INSERT INTO sync_run (number, mode, started_at, alive_at) VALUES (3, 'full', $1, $2)", now, now),
    )
    code, found = status(well)
    assert (code, found["running"], found["attention"]) == (1, True, ["The last sync failed: Twilio said no."])


def test_a_demo_is_never_stale(well: Database) -> None:
    write(well, held("UPDATE archive SET demo = 'a demo'"), held("DELETE FROM sync_run"))
    assert status(well)[0] == 0


def test_status_fits_80_columns_of_a_terminal(well: Database) -> None:
    shown = in_a_terminal(80, "status", "--database", str(well))
    assert max(map(len, shown.splitlines()[1:])) <= 80
    assert "service-2  70 minutes ago (" in shown


def test_what_twilio_said_can_not_steer_the_terminal(well: Database) -> None:
    write(well, held(FAILED_RUN.replace("Twilio said no.", "No.\x1b[2J\nforged: 1"), ago(minutes=3)))
    shown = run("status", "--database", str(well)).stdout
    assert "- The last sync failed: No.\\x1b[2J\\nforged: 1" in shown
    assert not any(line.startswith("forged") for line in shown.splitlines())
