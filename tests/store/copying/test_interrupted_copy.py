"""A copy that is killed, or loses its target, goes on and leaves nothing that a later erasure would miss."""

import asyncio
import subprocess
from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import canary, erase, put_canaries
from copied_archives import answers, crash, fill, schema, schema_of_a_new_archive
from databases import New, change, held, value
from running_commands import run
from store.archive import open_archive
from store.copying import copy as copying
from store.copying import file_targets, states
from store.copying.copy import copy
from store.copying.file_targets import FileTarget
from store.engine.database import Address, Database, text_with_password
from store.errors import CopyInterrupted, CopyRefused, DatabaseUnreachable, StoreError

ENDLESS = "WITH RECURSIVE one(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM one) SELECT count(*) FROM one"


@pytest.mark.processes
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


@pytest.mark.processes
@pytest.mark.parametrize(("verb", "number"), [("Copying", 180), ("Indexing", 5), ("Comparing", 1)])
async def test_a_copy_that_was_killed_begins_anew_if_something_was_erased_since(
    ends: tuple[Database, Database], verb: str, number: int
) -> None:
    source, target = ends
    async with open_archive(source) as archive:
        await put_canaries(archive, [9_010], Random(1))
    crash(source, target, number, verb)
    async with open_archive(source) as archive:
        await erase(archive, 9_010)
        await archive.writer.purge(at_once=True)
    copied = await copy(source, target)
    assert not copied.resumed
    assert canary(9_010).encode() not in held(target)
    # PostgreSQL's log may have what was copied before, so there the entry is open until the log is past it.
    unclosed = "SELECT purged_at IS NOT NULL AND closed_at IS NULL FROM deletion WHERE sid = $1"
    assert value(target, unclosed, bodies.sid("KI", 9_010)) == isinstance(target, Address)
    assert await answers(source) == await answers(target)
    async with open_archive(target) as archive:
        assert await archive.writer.purge(at_once=True) is None
    assert value(target, "SELECT count(*) FROM deletion WHERE closed_at IS NULL AND erased_at IS NOT NULL") == 0


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


@pytest.mark.parametrize(("fatal", "number"), [("Copying", 100), ("Indexing", 5), ("Comparing", 1)])
async def test_a_copy_that_is_cancelled_goes_on(ends: tuple[Database, Database], fatal: str, number: int) -> None:
    source, target = ends
    await cancel(source, target, fatal, number)
    assert (await copy(source, target)).resumed
    assert schema(target) == schema_of_a_new_archive(target)


async def test_making_an_index_of_a_large_file_can_be_cancelled(
    new_file: New, new_address: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build_for_ever(target: FileTarget, steps: list[str]) -> None:
        with target._transaction():
            target._connection.execute(ENDLESS).fetchall()

    source, target = new_address(), new_file()
    await fill(source)
    monkeypatch.setattr(FileTarget, "_build", build_for_ever)
    await cancel(source, target, "Indexing", 0)
    monkeypatch.undo()
    assert (await copy(source, target)).resumed


async def cancel(source: Database, target: Database, fatal: str, number: int) -> None:
    """Copies until this number is done of what the verb says, and then cancels that."""

    def show(verb: str, done: int, total: int) -> None:
        if verb == fatal and done >= number:
            tasks[0].cancel()

    tasks = [asyncio.create_task(copy(source, target, show))]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    tasks.clear()


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
        with pytest.raises(CopyRefused, match=refusal):
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
