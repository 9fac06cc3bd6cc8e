"""An archive is copied from a file into PostgreSQL and back; the copy answers as the archive does, byte for byte."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bodies
import edge_case_rows
from canaries import erase
from checkout import ROOT
from databases import New, change, new_addresses, new_files, rows, value
from gateway_under_test import serving
from postgresql import Cluster
from running_commands import ENVIRONMENT, run
from store.archive import open_archive
from store.copying import copy as copying
from store.copying import tables
from store.copying.copy import copy
from store.copying.targets import beside
from store.engine.database import Address, Database, text_with_password
from store.erasure import cases
from store.errors import CopyRefused, DatabaseOccupied, DatabaseUnreachable, StoreError
from store.keys import create

DOCUMENTS = (
    "{ services { totalCount nodes { sid uniqueName defaultTtl geoMatchLevel dateUpdated url sessions(first: 3) "
    "{ totalCount nodes { sid uniqueName status mode ttl archivedAt participants { sid identifier friendlyName "
    "proxyIdentifier dateDeleted } interactions(first: 5) { totalCount edges { cursor node { sid type data body "
    "durationSeconds inbound { participantSid resourceSid resourceStatus resourceType resourceUrl } "
    "outbound { participantSid resourceSid resourceStatus resourceType resourceUrl } dateCreated url } } } } } } } }",
    "{ interactions(first: 100, orderBy: DATE_UPDATED_DESC) { totalCount nodes { sid data body } } }",
    '{ interactions(filter: { identifier: "+12025550121" }) { totalCount nodes { sid body } } }',
    '{ interactions(filter: { bodyContains: "a" }) { totalCount nodes { sid } } }',
    "{ sessions(orderBy: DATE_LAST_INTERACTION_DESC) { totalCount nodes { sid } } }",
    '{ sessions(filter: { uniqueName: "session-1", status: [OPEN] }) { totalCount nodes { sid status } } }',
    "{ participants { totalCount nodes { sid identifier proxyIdentifier friendlyName } } }",
)
ERASED = 3


@pytest.fixture
def new_file(tmp_path: Path) -> Iterator[New]:
    with new_files(tmp_path) as new:
        yield new


@pytest.fixture
def new_address(postgresql_cluster: Cluster) -> Iterator[New]:
    with new_addresses(postgresql_cluster) as new:
        yield new


@pytest.fixture(params=["into PostgreSQL", "into a file"])
def ends(request: pytest.FixtureRequest, new_file: New, new_address: New) -> tuple[Database, Database]:
    """The source, with edge-case rows and something in every table, and the target."""
    source, target = (new_file(), new_address()) if request.param == "into PostgreSQL" else (new_address(), new_file())
    asyncio.run(fill(source))
    return source, target


async def fill(source: Database) -> None:
    async with open_archive(source) as archive:
        await edge_case_rows.fill(archive, with_nuls=False)
        await bodies.put(archive, *(bodies.interaction(9_000 + number, of=1) for number in range(30)))
        await erase(archive, 9_000 + ERASED)
        await archive.writer.purge(at_once=True)  # Where the target is a file, it would close the entry by itself.
        await create(archive, "console", ("read",), None)
        case = await cases.begin_run(archive, "request-1", "alice", {}, {})
        await case.add([bodies.sid("KI", 9_000 + ERASED)])
        await case.note_erased()
        async with archive.writer.transaction() as transaction:
            await transaction.execute("UPDATE archive SET account_sid = :account", {"account": bodies.ACCOUNT})
    sid, session, service = bodies.sid("KI", 9_001), bodies.sid("KC", 1), bodies.sid("KS", 1)
    at = "2026-01-01T00:00:00.000Z"
    for sql, values in (
        ("INSERT INTO session_read VALUES ($1, $2, TRUE)", (session, at)),
        ("INSERT INTO session_listed VALUES ($1, 7, $2)", (session, at)),
        ("INSERT INTO left_out VALUES ($1, $2, $3, 'An error.')", (session, service, at)),
        ("INSERT INTO legal_hold VALUES ($1, $2)", (sid, at)),
        ("INSERT INTO twilio_record VALUES ('SM1', $1, 'AC', 'REFUSED', 'No.', 'alice', $2, $2)", (sid, at)),
        ("INSERT INTO backup (number, path, begun_at, bytes) VALUES (1, '/b', $1, 5000000000)", (at,)),
        ("INSERT INTO callback_row VALUES ($1, $2, $3, FALSE)", (sid, session, at)),
        ("INSERT INTO callback_session (session_sid, service_sid, due_at) VALUES ($1, $2, $3)", (session, service, at)),
        # Requested, and not erased yet: the row and the ledger's entry are both copied.
        (
            "INSERT INTO deletion (sid, session_sid, service_sid, account_sid, requested_by, intended_at, at_twilio) "
            "VALUES ($1, $2, $3, 'AC', 'bob', $4, 1)",
            (sid, session, service, at),
        ),
    ):
        change(source, sql, *values)


async def answers(database: Database) -> list[bytes]:
    async with serving(database) as client:
        found = []
        for document in DOCUMENTS:
            async with client.post("/graphql", json={"query": document}) as response:
                found.append(await response.read())
        return found


async def test_the_copy_answers_as_the_archive_does_and_has_all_that_is_no_answer(
    ends: tuple[Database, Database],
) -> None:
    source, target = ends
    copied = await copy(source, target)
    assert [table for table, number in copied.rows.items() if not number] == [], "every table has rows to copy"
    for table in tables.TABLES:
        sql = f"SELECT {', '.join(table.names)} FROM {table.name} ORDER BY {', '.join(table.key)}"
        assert table.read(rows(target, sql)) == table.read(rows(source, sql)), table.name
    before, after = await answers(source), await answers(target)
    assert before == after
    assert all(b'"errors"' not in answer for answer in before)
    assert bodies.sid("KI", 9_000 + ERASED) not in str(before)
    assert value(target, "SELECT count(*) FROM change") == 0
    assert value(target, "SELECT epoch FROM change_feed") != value(source, "SELECT epoch FROM change_feed")
    async with open_archive(target) as archive:  # What was erased stays out of the copy too.
        await bodies.put(archive, bodies.interaction(9_000 + ERASED, of=1))
    assert value(target, "SELECT count(*) FROM interaction WHERE sid = $1", bodies.sid("KI", 9_000 + ERASED)) == 0


@pytest.mark.parametrize("killed_after", [1, 60, 150])
async def test_a_copy_that_is_killed_goes_on(ends: tuple[Database, Database], killed_after: int) -> None:
    source, target = ends
    crash(source, target, killed_after)
    with pytest.raises(StoreError) if isinstance(target, Address) else pytest.raises(DatabaseUnreachable):
        async with open_archive(target, create=False):
            pass
    crash(source, target, killed_after + 20)
    assert (await copy(source, target)).resumed
    assert await answers(source) == await answers(target)


async def test_a_copy_that_was_killed_begins_anew_if_something_was_erased_since(
    ends: tuple[Database, Database],
) -> None:
    source, target = ends
    crash(source, target, 180)
    async with open_archive(source) as archive:
        await erase(archive, 9_010)
    copied = await copy(source, target)
    assert not copied.resumed
    assert await answers(source) == await answers(target)
    assert value(target, "SELECT count(*) FROM interaction WHERE sid = $1", bodies.sid("KI", 9_010)) == 0


async def test_a_copy_of_an_archive_that_is_written_meanwhile_does_not_count(
    ends: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = ends
    last = copying._digest

    async def written_meanwhile(*arguments: object) -> object:
        change(source, "UPDATE deletion SET erased_at = $1 WHERE erased_at IS NULL", "2027-01-01T00:00:00.000Z")
        return await last(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "_digest", written_meanwhile)
    with pytest.raises(CopyRefused, match="was written while it was copied"):
        await copy(source, target)
    monkeypatch.undo()
    with pytest.raises(StoreError):
        async with open_archive(target, create=False):
            pass
    assert not (await copy(source, target)).resumed


async def test_a_target_that_is_not_empty_or_of_another_copy_is_refused(
    ends: tuple[Database, Database], new_file: New, new_address: New
) -> None:
    source, target = ends
    another = new_file() if isinstance(source, Path) else new_address()
    await fill(another)
    crash(another, target, 60)
    with pytest.raises(CopyRefused, match="unfinished copy of another archive"):
        await copy(source, target)
    await copy(another, target)
    with pytest.raises(DatabaseOccupied, match="not empty"):
        await copy(source, target)
    with pytest.raises(CopyRefused, match="two of a kind"):
        await copy(source, another)


def test_the_command_says_what_it_copied_and_what_it_expects(ends: tuple[Database, Database]) -> None:
    source, target = ends
    arguments = "copy", "--from", text_with_password(source), "--to", text_with_password(target)
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Copied {source} to {target}" in " ".join(done.stdout.split())
    assert "all tables compared" in " ".join(done.stdout.split())
    again = run(*arguments)
    assert again.returncode == 1
    assert "is not empty" in " ".join(again.stderr.split())
    wrong = run("copy", "--from", "mysql://host/name", "--to", "file.db")
    assert wrong.returncode == 2
    assert "--from: Expected the path of a file or a URL" in " ".join(wrong.stderr.split())


def test_every_table_and_column_is_copied_or_said_to_be_derived(new_address: New) -> None:
    address = new_address()

    async def made() -> None:
        async with open_archive(address):
            pass

    asyncio.run(made())
    found = {
        (table, name, kind)
        for table, name, kind in rows(
            address,
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'",
        )
        if table not in tables.DERIVED and table != "migration"
    }
    copied = {(table.name, *column) for table in tables.TABLES for column in table.columns}
    of_writer = {(table, name) for table, name, _ in found - copied}
    assert copied <= found
    assert of_writer == tables.LEFT_OUT | {
        ("session", "kind"),
        ("participant", "kind"),
        ("participant", "person"),
        *(("interaction", name) for name in ("kind", "plain", "inbound_person", "outbound_person")),
    }


def crash(source: Database, target: Database, rows: int) -> None:
    """Copies in a process that is killed after this many rows."""
    program = str(Path(ROOT, "tests/support/crashing_copy.py"))
    done = subprocess.run(
        [sys.executable, program, text_with_password(source), text_with_password(target), str(rows)],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests/support")))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    if isinstance(target, Path):
        assert beside(target).exists()
