"""An archive is copied from a file into PostgreSQL and back; the copy answers as the archive does, byte for byte."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import bodies
import edge_case_rows
from canaries import canary, erase, put_canaries
from checkout import ROOT
from databases import New, change, held, new_addresses, new_files, rows, value
from gateway_under_test import serving
from postgresql import Cluster
from running_commands import ENVIRONMENT, run
from store.archive import open_archive
from store.copying import copy as copying
from store.copying import file_targets, states, tables
from store.copying.copy import copy
from store.copying.file_targets import beside
from store.engine.database import Address, Database, text_with_password
from store.engine.protocols import Written
from store.erasure import cases
from store.errors import CopyInterrupted, CopyRefused, DatabaseOccupied, DatabaseUnreachable, StoreError
from store.interactions import Interaction
from store.keys import create
from store.participants import Participant
from store.services import Service
from store.sessions import Session

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
ROWS_OF_TWILIO = (
    "SELECT (SELECT count(*) FROM service) + (SELECT count(*) FROM session) + (SELECT count(*) FROM participant) "
    "+ (SELECT count(*) FROM interaction)"
)


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
        assert table.read(given(rows(target, sql))) == table.read(given(rows(source, sql))), table.name
    assert schema(target) == schema_of_a_new_archive(target)
    before, after = await answers(source), await answers(target)
    assert before == after
    assert all(b'"errors"' not in answer for answer in before)
    assert bodies.sid("KI", 9_000 + ERASED) not in str(before)
    assert value(target, "SELECT count(*) FROM change") == 0
    assert value(target, "SELECT epoch FROM change_feed") != value(source, "SELECT epoch FROM change_feed")
    async with open_archive(target) as archive:  # What was erased stays out of the copy too.
        await bodies.put(archive, bodies.interaction(9_000 + ERASED, of=1))
    assert value(target, "SELECT count(*) FROM interaction WHERE sid = $1", bodies.sid("KI", 9_000 + ERASED)) == 0


@pytest.mark.parametrize(
    ("verb", "number"), [("Copying", 1), ("Copying", 60), ("Copying", 150), ("Indexing", 5), ("Comparing", 1)]
)
async def test_a_copy_that_is_killed_goes_on(ends: tuple[Database, Database], verb: str, number: int) -> None:
    source, target = ends
    crash(source, target, number, verb)
    with pytest.raises(StoreError) if isinstance(target, Address) else pytest.raises(DatabaseUnreachable):
        async with open_archive(target, create=False):
            pass
    crash(source, target, number + 20, "Comparing")
    assert (await copy(source, target)).resumed
    assert await answers(source) == await answers(target)
    assert schema(target) == schema_of_a_new_archive(target)


@pytest.mark.parametrize(("verb", "number"), [("Copying", 180), ("Indexing", 5), ("Comparing", 1)])
async def test_a_copy_that_was_killed_begins_anew_if_something_was_erased_since(
    ends: tuple[Database, Database], verb: str, number: int
) -> None:
    source, target = ends
    crash(source, target, number, verb)
    async with open_archive(source) as archive:
        await erase(archive, 9_010)
    copied = await copy(source, target)
    assert not copied.resumed
    assert await answers(source) == await answers(target)
    assert value(target, "SELECT count(*) FROM interaction WHERE sid = $1", bodies.sid("KI", 9_010)) == 0


async def test_a_sync_finds_each_row_of_the_copy_unchanged(ends: tuple[Database, Database]) -> None:
    """So what is derived from a row, which is copied too, is what the target's writer derives."""
    source, target = ends
    await put_again(source)  # Edge-case rows were changed past the writer.
    await copy(source, target)
    assert await put_again(target) == (0, 0, value(source, ROWS_OF_TWILIO))
    assert value(target, "SELECT count(*) FROM change") == 0


async def put_again(database: Database) -> Written:
    """Writes each row of Twilio's resources as it is."""
    total = Written()
    async with open_archive(database) as archive, archive.writer.transaction() as transaction:
        for record in (Service, Session, Participant, Interaction):
            found = rows(database, f"SELECT {', '.join(record.__struct_fields__)} FROM {record.table}")
            written = await transaction.put(record(*row) for row in found)
            total = Written(*(map(sum, zip(total, written, strict=True))))
    return total


async def test_a_copy_stops_with_a_sentence_if_its_target_is_lost_and_goes_on(
    ends: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = ends
    monkeypatch.setattr(states, "ROWS", 7)
    monkeypatch.setattr(copying, "BYTES", 1)
    if isinstance(target, Path):  # SQLite's limit on the file's size causes the same error as a full disk.
        monkeypatch.setattr(file_targets, "WRITING", f"{file_targets.WRITING} PRAGMA max_page_count = 150;")

    def lose(verb: str, done: int, total: int) -> None:
        if isinstance(target, Address) and done >= 100:
            change(target, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")

    reason = "can't be reached now" if isinstance(target, Address) else "is full"
    with pytest.raises(CopyInterrupted, match=rf"^The copy stopped\. .*{reason}.* Run the same command again"):
        await copy(source, target, lose)
    monkeypatch.undo()
    assert (await copy(source, target)).resumed
    assert await answers(source) == await answers(target)


async def test_of_two_copies_into_one_target_one_is_refused(
    ends: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = ends
    monkeypatch.setattr(states, "ROWS", 7)
    monkeypatch.setattr(copying, "BYTES", 1)
    others: list[subprocess.CompletedProcess[str]] = []

    def begin_another(verb: str, done: int, total: int) -> None:
        if done >= 100 and not others:
            others.append(run("copy", "--from", text_with_password(source), "--to", text_with_password(target)))

    refusal = "Another copy into"
    if isinstance(target, Path):
        assert not (await copy(source, target, begin_another)).resumed
        assert refusal in others[0].stderr
    else:  # The other one has gone on from the rows that were there, and is complete.
        with pytest.raises(StoreError):
            await copy(source, target, begin_another)
        assert others[0].returncode == 0, others[0].stderr
    assert await answers(source) == await answers(target)


async def test_what_is_erased_in_a_copy_leaves_no_bytes_though_the_copying_was_killed(
    new_file: New, new_address: New
) -> None:
    source, target = new_address(), new_file()
    assert isinstance(target, Path)
    async with open_archive(source) as archive:
        await bodies.put(archive, bodies.service(1), bodies.session(1))
        await put_canaries(archive, list(range(1, 400)), Random(1), large=0.2)
    crash(source, target, 200)
    await copy(source, target)
    assert all(canary(number).encode() in held(target) for number in range(1, 400))
    async with open_archive(target) as archive:
        await erase(archive, *range(1, 400, 2))
    found = held(target)
    assert [number for number in range(1, 400, 2) if canary(number).encode() in found] == []
    assert all(canary(number).encode() in found for number in range(2, 400, 2))


async def test_a_text_with_a_nul_of_an_older_file_arrives_without_it(new_file: New, new_address: New) -> None:
    source, target = new_file(), new_address()
    await fill(source)
    sid = bodies.sid("KI", 9_001)
    change(source, "UPDATE interaction SET body = 'a' || char(0) || 'b' WHERE sid = $1", sid)
    await copy(source, target)
    assert value(target, "SELECT body FROM interaction WHERE sid = $1", sid) == "a\N{REPLACEMENT CHARACTER}b"


async def test_a_copy_of_an_archive_that_is_written_meanwhile_does_not_count(
    ends: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = ends
    compare = copying._read

    async def written_meanwhile(*arguments: object) -> None:
        change(source, "UPDATE deletion SET erased_at = $1 WHERE erased_at IS NULL", "2027-01-01T00:00:00.000Z")
        await compare(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "_read", written_meanwhile)
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
        if table not in tables.NOT_COPIED and table != "migration"
    }
    copied = {(table.name, *column) for table in tables.TABLES for column in table.columns}
    assert copied <= found
    assert {(table, name) for table, name, _ in found - copied} == tables.LEFT_OUT


def schema(database: Database) -> list[tuple[Any, ...]]:
    """The definitions of all indexes, keys and triggers; the latter in the order in which SQLite runs them."""
    if isinstance(database, Address):
        return sorted(
            rows(database, "SELECT indexdef, NULL FROM pg_indexes WHERE schemaname = 'public'")
            + rows(
                database, "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint"
            )
            + rows(database, "SELECT pg_get_triggerdef(oid), tgenabled FROM pg_trigger WHERE NOT tgisinternal"),
            key=repr,
        )
    indexes = rows(database, "SELECT name, sql FROM sqlite_schema WHERE type <> 'trigger' ORDER BY name")
    return indexes + rows(database, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid")


def schema_of_a_new_archive(like: Database) -> list[tuple[Any, ...]]:
    with ExitStack() as stack:
        new: Database
        if isinstance(like, Path):
            new = Path(stack.enter_context(TemporaryDirectory())) / "new.db"
        else:
            new = Address(like.url.rpartition("/")[0] + "/new_for_its_schema")
            change(like, "CREATE DATABASE new_for_its_schema")
            stack.callback(change, like, "DROP DATABASE new_for_its_schema WITH (FORCE)")

        async def made() -> None:
            async with open_archive(new):
                pass

        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, made()).result()
        return schema(new)


def given(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


def crash(source: Database, target: Database, number: int, verb: str = "Copying") -> None:
    """Copies in a process that is killed once this number is done."""
    program = str(Path(ROOT, "tests/support/crashing_copy.py"))
    done = subprocess.run(
        [sys.executable, program, text_with_password(source), text_with_password(target), verb, str(number)],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests/support")))},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    if isinstance(target, Path):
        assert beside(target).exists()
