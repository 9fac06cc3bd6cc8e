"""An archive and its copy record each other, so that receipts of erasures name where else a person's data may be."""

from pathlib import Path
from random import Random

import pytest

import bodies
from canaries import canary, erase, put_canaries
from copied_archives import answers, crash, fill, schema, schema_of_a_new_archive
from databases import New, held
from gateway.erasure.receipt import receipt_of
from gateway.erasure.receipt_text import as_text
from running_commands import run
from store.archive import open_archive
from store.backups.holders import Holds
from store.copying import targets
from store.copying.copy import copy, discard
from store.engine.database import Database, text_with_password
from store.erasure import cases
from store.erasure.copies import copies_of, name_of
from store.errors import CopyRefused, DatabaseOccupied

LATER = 9_010


async def erase_later(database: Database) -> None:
    """Erases a row for the case ``request-2``."""
    async with open_archive(database) as archive:
        await erase(archive, LATER)
        case = await cases.begin_run(archive, "request-2", "alice", {}, {})
        await case.add([bodies.sid("KI", LATER)])
        await case.note_erased()


async def places(database: Database) -> list[tuple[str, Holds]]:
    """The copies that the receipt names."""
    async with open_archive(database) as archive:
        receipt = await receipt_of(archive, "request-2")
    assert receipt
    for holder in receipt.copies:
        assert holder.path in as_text(receipt)
    return [(holder.path, holder.state) for holder in receipt.copies]


async def with_canary(source: Database) -> None:
    async with open_archive(source) as archive:
        await put_canaries(archive, [LATER], Random(1))


@pytest.mark.parametrize(("verb", "number"), [("Copying", 180), ("Indexing", 5), ("Comparing", 1)])
async def test_receipts_name_an_unfinished_copy_until_it_is_discarded(
    ends: tuple[Database, Database], verb: str, number: int
) -> None:
    source, target = ends
    await with_canary(source)
    crash(source, target, number, verb)
    await erase_later(source)
    assert await places(source) == [(name_of(target), Holds.UNFINISHED)]
    await discard(source, target)
    assert await places(source) == []
    if isinstance(target, Path):
        assert list(target.parent.glob(f"{target.name}*")) == []
    else:
        assert canary(LATER).encode() not in held(target)
        assert schema(target) == schema_of_a_new_archive(target)
    assert not (await copy(source, target)).resumed
    assert await answers(source) == await answers(target)


async def test_an_archive_and_its_copy_name_each_other(ends: tuple[Database, Database]) -> None:
    source, target = ends
    await with_canary(source)
    await copy(source, target)
    for database, other in (ends, ends[::-1]):
        async with open_archive(database) as archive:
            found, _ = await copies_of(archive)
            assert (found.target, found.finished_at is not None) == (name_of(other), True)
    await erase_later(target)
    assert await places(target) == [(name_of(source), Holds.HOLDS if isinstance(source, Path) else Holds.ELSEWHERE)], (
        "a file is read, and has the row"
    )
    if isinstance(source, Path):
        async with open_archive(source) as archive:
            await erase(archive, LATER)
        assert await places(target) == [], "the file no longer has it"
        source.unlink()
        assert await places(target) == [(name_of(source), Holds.GONE)]
        await discard(target, source)
        assert await places(target) == []


async def test_only_an_unfinished_copy_of_the_archive_is_discarded(
    ends: tuple[Database, Database], new_file: New, new_address: New
) -> None:
    source, target = ends
    with pytest.raises(CopyRefused, match="There is no unfinished copy"):
        await discard(source, target)
    another = new_file() if isinstance(source, Path) else new_address()
    await fill(another)
    crash(another, target, 60)
    with pytest.raises(CopyRefused, match="unfinished copy of another archive"):
        await discard(source, target)
    assert (await copy(another, target)).resumed
    with pytest.raises(CopyRefused, match="is not an unfinished copy, so nothing is discarded"):
        await discard(another, target)
    assert await answers(another) == await answers(target)


async def test_a_copy_that_was_finished_meanwhile_is_not_discarded(new_file: New, new_address: New) -> None:
    """In PostgreSQL; the file of an unfinished copy is locked by who writes it."""
    source, target = new_file(), new_address()
    await fill(source)
    crash(source, target, 60)
    async with targets.opened(target) as discarding:
        assert await discarding.progress()
        await copy(source, target)
        with pytest.raises(DatabaseOccupied):
            await discarding.discard()
    assert await answers(source) == await answers(target)


async def test_a_target_that_is_refused_is_not_recorded(
    ends: tuple[Database, Database], new_file: New, new_address: New
) -> None:
    source, target = ends
    another = new_file() if isinstance(source, Path) else new_address()
    await fill(another)
    crash(another, target, 60)
    with pytest.raises(CopyRefused, match="unfinished copy of another archive"):
        await copy(source, target)
    await copy(another, target)
    with pytest.raises(DatabaseOccupied):
        await copy(source, target)
    async with open_archive(source) as archive:
        assert name_of(target) not in [recorded.target for recorded in await copies_of(archive)]


async def test_the_commands_say_where_an_unfinished_copy_is_and_discard_it(ends: tuple[Database, Database]) -> None:
    source, target = ends
    crash(source, target, 60)
    status = "status", "--database", text_with_password(source)
    assert " ".join(run(*status).stdout.split()).count("(unfinished, begun") == 2, "and another one's"
    assert name_of(target) in run(*status, "--json").stdout
    arguments = "copy", "--from", text_with_password(source), "--to", text_with_password(target), "--discard"
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{target} has nothing of {source} any more." in " ".join(done.stdout.split())
    assert name_of(target) not in run(*status, "--json").stdout
    assert run(*arguments).returncode == 1
