"""Copies an archive into an empty one of the other engine.

It reads one state of the source. The copy succeeds only if the source is still in this state at the end, since rows
that were erased meanwhile would be in the copy. A copy that was killed continues if the source hasn't changed since;
otherwise it begins anew. At the end the number and a hash of each table's rows are compared.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from store.archive import read_archive
from store.copying import targets
from store.copying.progress import CopyProgress, Target
from store.copying.states import ArchiveState, state_of
from store.copying.tables import OF_ARCHIVE, TABLES, Digest, Table, TableRows
from store.engine.database import Database
from store.erasure.copies import copies_of, forget, name_of, note_begun, note_finished
from store.errors import CopyDamaged, CopyInterrupted, CopyRefused, DatabaseOccupied, DatabaseReadOnly, StoreError

BYTES = 8 * 2**20
"""The bytes of a transaction's rows, as JSON: many enough that commits cost little, few enough for little memory."""
STATE = """
SELECT (SELECT epoch FROM change_feed), (SELECT data_version FROM archive), (SELECT account_sid FROM archive),
  (SELECT last_callback_at FROM archive), (SELECT count(*) FROM deletion), (SELECT max(intended_at) FROM deletion),
  (SELECT max(erased_at) FROM deletion), (SELECT count(*) FROM deletion WHERE closed_at IS NULL),
  (SELECT count(*) FROM access_key), (SELECT max(revoked_at) FROM access_key), (SELECT max(number) FROM sync_run),
  (SELECT count(*) FROM erasure_case_item WHERE outcome IS NOT NULL), (SELECT count(*) FROM backup),
  (SELECT count(*) FROM archive_copy), (SELECT max(begun_at) FROM archive_copy)
""".strip()
EPOCH = "SELECT epoch FROM change_feed"
HOW_TO_GO_ON = (
    "Run the same command again to continue it. To give it up, run it with --discard: erasures don't reach what it has."
)
ARCHIVE = f"SELECT {', '.join(OF_ARCHIVE)} FROM archive"
Show = Callable[[str, int, int], None]
"""Shows progress: a verb, how much is done, and of how much. The numbers are rows, except for Indexing and Cleaning."""


class ComparedCopy(msgspec.Struct, frozen=True):
    """A copy that was made and compared: the number and the hash of the rows, by table."""

    rows: dict[str, int]
    hashes: dict[str, str]
    resumed: bool


async def copy(source: Database, target: Database, show: Show = lambda verb, done, total: None) -> ComparedCopy:
    """Copies the archive in ``source`` into ``target``, which must be empty or an unfinished copy of the same archive.

    Raises CopyRefused, CopyDamaged or a DatabaseError.
    """
    _demand_two_kinds(source, target)
    async with state_of(source) as state, targets.opened(target) as writing:
        await _progress_of_same(state, writing, target)  # A target that is refused isn't recorded.
    await _note(source, target)
    async with state_of(source) as state, targets.opened(target) as writing:
        try:
            progress, resumed = await _progress(state, writing, target)
            copied = await _copied(source, target, state, writing, progress, show, resumed)
        except (CopyDamaged, CopyRefused, DatabaseOccupied):
            raise
        except StoreError as error:
            raise CopyInterrupted(f"The copy stopped. {error} {HOW_TO_GO_ON}") from error
    await note_finished(source, target)
    return copied


async def discard(source: Database, target: Database) -> None:
    """Removes an unfinished copy of ``source`` from ``target``, and the record of it, or of one that was deleted.

    Raises CopyRefused if the copy is complete or another archive's, or a DatabaseError.
    """
    _demand_two_kinds(source, target)
    async with read_archive(source) as archive:
        ((epoch,),) = await archive.fetch(EPOCH)
        is_noted = name_of(target) in {copied.target for copied in await copies_of(archive)}
    try:
        async with targets.opened(target) as writing:
            progress = await writing.progress()
            if progress and progress.epoch != epoch:
                raise another_archive(target)
            await writing.discard()
    except DatabaseOccupied as error:
        raise CopyRefused(
            f"{target} is not an unfinished copy, so nothing is discarded. Delete it yourself if it isn't needed, and "
            "run this command again, so that the archive forgets it."
        ) from error
    if not (progress or is_noted):
        raise CopyRefused(f"There is no unfinished copy in {target}, and {source} has none recorded there.")
    await forget(source, target)


def _demand_two_kinds(source: Database, target: Database) -> None:
    if isinstance(source, Path) == isinstance(target, Path):
        raise CopyRefused(
            "Expected a file and a database of PostgreSQL, but got two of a kind. Use backup and restore for files, "
            "and PostgreSQL's own programs for its databases."
        )


async def _note(source: Database, target: Database) -> None:
    """Records the copy before there is any row of it, so that receipts of erasures name it."""
    try:
        await note_begun(source, target)
    except DatabaseReadOnly as error:
        raise CopyRefused(f"A copy is recorded in the archive that it is made of. {error}") from error


async def _copied(
    source: Database,
    target: Database,
    state: ArchiveState,
    writing: Target,
    progress: CopyProgress,
    show: Show,
    resumed: bool,
) -> ComparedCopy:
    numbers = {table.name: (await state.fetch(f"SELECT count(*) FROM {table.name}", {}))[0][0] for table in TABLES}
    counting = _Counting(show, "Copying", sum(numbers.values()))
    digests = {table.name: await _copy_table(state, writing, table, progress, counting) for table in TABLES}
    ((*values,),) = await state.fetch(ARCHIVE, {})
    await writing.set_archive(dict(zip(OF_ARCHIVE, values, strict=True)))
    steps = 0
    async for left in writing.build():
        steps = max(steps, left)
        show("Indexing", steps - left, steps)
    counting = _Counting(show, "Comparing", sum(numbers.values()))
    copied = ComparedCopy({}, {}, resumed)
    async with writing.state() as written:
        for table in TABLES:
            expected, found = digests[table.name], Digest()
            await _read(_rows_of(written, table), found, counting)
            if (expected.count, expected.hexdigest()) != (found.count, found.hexdigest()):
                raise CopyDamaged(
                    f"The copy of the table {table.name} has {found.count:,} rows instead of {expected.count:,}, or "
                    f"other ones. Delete {target} and report this."
                )
            copied.rows[table.name], copied.hashes[table.name] = expected.count, expected.hexdigest()
    async with state_of(source) as newest:
        if await _state_text(newest) != progress.state:
            raise CopyRefused(
                f"{source} was written while it was copied, so the copy is not complete. Stop the servers and the "
                "sync that use it, and run the same command again."
            )
    async for done, total in writing.finish(name_of(source)):
        show("Cleaning", done, total)
    return copied


def another_archive(target: Database) -> CopyRefused:
    """The error of a target into which another archive is being copied."""
    return CopyRefused(f"{target} is an unfinished copy of another archive. Name another target.")


async def _progress(state: ArchiveState, writing: Target, target: Database) -> tuple[CopyProgress, bool]:
    text = await _state_text(state)
    progress = await _progress_of_same(state, writing, target)
    if progress and progress.state == text:
        return progress, True
    progress = CopyProgress(msgspec.json.decode(text)[0], text, {})
    await writing.begin(progress)
    return progress, False


async def _progress_of_same(state: ArchiveState, writing: Target, target: Database) -> CopyProgress | None:
    """The progress of an unfinished copy; None if the target is empty. Raises an error if it is anything else."""
    ((epoch,),) = await state.fetch(EPOCH, {})
    progress = await writing.progress()
    if progress and progress.epoch != epoch:
        raise another_archive(target)
    return progress


async def _state_text(state: ArchiveState) -> str:
    ((*values,),) = await state.fetch(STATE, {})
    return msgspec.json.encode(values).decode()


async def _copy_table(
    state: ArchiveState, writing: Target, table: Table, progress: CopyProgress, counting: "_Counting"
) -> Digest:
    """Copies the rows that the target doesn't have yet; returns the digest of all rows."""
    digest, after = Digest(), progress.done.get(table.name)
    if after is not None:
        await _read(_rows_of(state, table, "<=", after), digest, counting)
    batch: list[TableRows] = []

    async def write() -> None:
        before, key = dict(progress.done), table.key_of(batch[-1].rows[-1])
        progress.done[table.name] = key
        await writing.write(table, batch, before, progress.done)
        counting.add(sum(len(some.rows) for some in batch))
        batch.clear()

    async with aclosing(_rows_of(state, table, ">" if after else "", after)) as rows:
        async for some in rows:
            digest.add(some)
            batch.append(some)
            if sum(len(some.lines) for some in batch) >= BYTES:
                await write()
    if batch:
        await write()
    return digest


async def _rows_of(
    state: ArchiveState, table: Table, condition: str = "", key: list[Any] | None = None
) -> AsyncGenerator[TableRows, None]:
    async with aclosing(state.rows(table.rows_sql(condition), table.bound(key or ()))) as found:
        async for some in found:
            yield table.read(some)


async def _read(rows: AsyncGenerator[TableRows, None], digest: Digest, counting: "_Counting") -> None:
    async with aclosing(rows):
        async for some in rows:
            digest.add(some)
            counting.add(len(some.rows))


class _Counting:
    def __init__(self, show: Show, verb: str, total: int) -> None:
        self._show, self._verb, self._total, self._done = show, verb, total, 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._show(self._verb, self._done, self._total)
