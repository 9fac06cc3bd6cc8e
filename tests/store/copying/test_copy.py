"""An archive is copied from a file into PostgreSQL and back; the copy answers as the archive does, byte for byte."""

import asyncio
from pathlib import Path

import pytest

import bodies
from copied_archives import ERASED, ROWS_OF_TWILIO, answers, crash, fill, given, schema, schema_of_a_new_archive
from databases import New, change, rows, value
from running_commands import run
from store.archive import open_archive
from store.copying import copy as copying
from store.copying import tables
from store.copying.copy import copy
from store.engine.database import Database, text_with_password
from store.engine.protocols import Written
from store.erasure.copies import name_of
from store.errors import CopyRefused, DatabaseOccupied, StoreError
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session


async def test_the_copy_answers_as_the_archive_does_and_has_all_that_is_no_answer(
    ends: tuple[Database, Database],
) -> None:
    source, target = ends
    copied = await copy(source, target)
    assert [table for table, number in copied.rows.items() if not number] == [], "every table has rows to copy"
    for table in tables.TABLES:
        # The archive and its copy record each other, and so not the same (test_recorded_copies.py).
        all_but = f"WHERE target NOT IN ('{name_of(source)}', '{name_of(target)}')" if "target" in table.names else ""
        sql = f"SELECT {', '.join(table.names)} FROM {table.name} {all_but} ORDER BY {', '.join(table.key)}"
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
