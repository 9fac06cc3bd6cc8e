"""Archives to copy, with something in every table; what copies answer and consist of; and a copy that is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bodies
import edge_case_rows
from canaries import erase
from checkout import ROOT
from databases import change, rows
from gateway_under_test import serving
from running_commands import ENVIRONMENT
from store.archive import open_archive
from store.engine.database import Address, Database, text_with_password
from store.erasure import cases
from store.keys import create
from store.sqlite.copies.unfinished import unfinished_copy

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
        ("INSERT INTO archive_copy VALUES ('/c', $1, NULL)", (at,)),
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
        assert unfinished_copy(target).exists()
