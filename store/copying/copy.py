"""Copies an archive into an empty one of the other engine.

All of it is read in one state of the source, and the copy counts only if the source is still in this state in the end:
what was erased meanwhile would be in the copy. A copy that was killed continues, if the source is as it was then;
else it begins anew. In the end the number and a hash of each table's rows are compared.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from store.copying import targets
from store.copying.states import State, state_of
from store.copying.tables import OF_ARCHIVE, RECORDS, TABLES, Digest, Table
from store.copying.targets import Progress
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import CopyDamaged, CopyRefused

ROWS = 1_000
"""The rows of one transaction."""
STATE = """
SELECT (SELECT epoch FROM change_feed), (SELECT data_version FROM archive), (SELECT account_sid FROM archive),
  (SELECT last_callback_at FROM archive), (SELECT count(*) FROM deletion), (SELECT max(intended_at) FROM deletion),
  (SELECT max(erased_at) FROM deletion), (SELECT count(*) FROM deletion WHERE closed_at IS NULL),
  (SELECT count(*) FROM access_key), (SELECT max(revoked_at) FROM access_key), (SELECT max(number) FROM sync_run),
  (SELECT count(*) FROM erasure_case_item WHERE outcome IS NOT NULL), (SELECT count(*) FROM backup)
""".strip()
ARCHIVE = f"SELECT {', '.join(OF_ARCHIVE)} FROM archive"
SET_ARCHIVE = f"UPDATE archive SET {', '.join(f'{name} = :{name}' for name in OF_ARCHIVE)}"

Show = Callable[[str, int, int], None]
"""Is called with the rows that are done of all rows: a verb, and both numbers."""


class Copied(msgspec.Struct, frozen=True):
    """A copy that was made and compared: the number and the hash of the rows, by table."""

    rows: dict[str, int]
    hashes: dict[str, str]
    resumed: bool


async def copy(source: Database, target: Database, show: Show = lambda verb, done, total: None) -> Copied:
    """Copies the archive in ``source`` into ``target``, which must be empty or an unfinished copy of the same archive.

    Raises CopyRefused, CopyDamaged or a DatabaseError.
    """
    if isinstance(source, Path) == isinstance(target, Path):
        raise CopyRefused(
            "Expected a file and a database of PostgreSQL, but got two of a kind. Use backup and restore for files, "
            "and PostgreSQL's own programs for its databases."
        )
    async with state_of(source) as state, targets.opened(target) as archive:
        progress, resumed = await _progress(state, archive, target)
        numbers = {table.name: (await state.fetch(f"SELECT count(*) FROM {table.name}", {}))[0][0] for table in TABLES}
        counting = _Counting(show, sum(numbers.values()))
        for table in TABLES:
            await _copy_table(state, archive, table, progress, counting)
        ((*values,),) = await state.fetch(ARCHIVE, {})
        async with archive.writer.transaction() as transaction:
            await transaction.execute(SET_ARCHIVE, dict(zip(OF_ARCHIVE, values, strict=True)))
        counting.begin("Comparing")
        copied = Copied({}, {}, resumed)
        for table in TABLES:
            expected, found = await _digest(state, table, counting), await _digest(archive, table)
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
        await targets.finish(archive)
    targets.put_in_place(target)
    return copied


async def _progress(state: State, archive: Archive, target: Database) -> tuple[Progress, bool]:
    text = await _state_text(state)
    epoch = msgspec.json.decode(text)[0]
    progress = await targets.progress_of(archive, target)
    if progress is None:
        return await targets.begin(archive, epoch, text), False
    if progress.epoch != epoch:
        raise CopyRefused(f"{target} is an unfinished copy of another archive. Name another target.")
    if progress.state == text:
        return progress, True
    await targets.empty(archive)
    return await targets.begin(archive, epoch, text), False


async def _state_text(state: State) -> str:
    ((*values,),) = await state.fetch(STATE, {})
    return msgspec.json.encode(values).decode()


async def _copy_table(state: State, archive: Archive, table: Table, progress: Progress, counting: "_Counting") -> None:
    record = next((record for record in RECORDS if record.table == table.name), None)
    after = progress.done.get(table.name)
    if after is not None:
        counting.add(await _number_up_to(archive, table))
    while rows := table.read(await state.fetch(table.page_sql(after is None), table.bound(after, ROWS))):
        after = progress.done[table.name] = table.key_of(rows[-1])
        async with archive.writer.transaction(is_mirrored=True) as transaction:
            if record:
                await transaction.put([record(*row) for row in rows])
            else:
                await transaction.execute(table.insert(), {"rows": msgspec.json.encode(rows).decode()})
            await transaction.execute(targets.NOTE, {"done": msgspec.json.encode(progress.done).decode()})
        counting.add(len(rows))


async def _number_up_to(archive: Archive, table: Table) -> int:
    ((number,),) = await archive.fetch(f"SELECT count(*) FROM {table.name}")
    return int(number)


async def _digest(state: "State | Archive", table: Table, counting: "_Counting | None" = None) -> Digest:
    digest, after = Digest(), None
    while rows := table.read(await state.fetch(table.page_sql(after is None), table.bound(after, ROWS))):
        digest.add(rows)
        after = table.key_of(rows[-1])
        if counting:
            counting.add(len(rows))
    return digest


class _Counting:
    def __init__(self, show: Show, total: int) -> None:
        self._show, self._total, self._done, self._verb = show, total, 0, "Copying"

    def begin(self, verb: str) -> None:
        self._verb, self._done = verb, 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._show(self._verb, self._done, self._total)
