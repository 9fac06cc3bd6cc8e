"""Rewrites a large table while others read and write it: a copy replaces the table.

The copy is filled and indexed while everybody reads and writes; a trigger notes which rows change meanwhile, and these
are copied again. In the end the copy replaces the table, under a lock for some milliseconds. pg_repack works in
the same way, but it is an extension, which many managed clusters don't have. Every step is committed under a name, so
what an interrupted run leaves is known, and is dropped by the next one.

No row can get lost:

- Both tables are compared, by the number and a hash of all rows but those noted, in one snapshot.
- From then on a row that changes is noted. After it was copied again it is compared too, while no writer is let in.
- The copy replaces the table only if no row is noted while the lock keeps everybody out.

A snapshot from before the copy's rows were written sees none of them. So the copy replaces the table only when every
transaction that was open at the last write to it has ended. On a standby the freezing of the rows has the same effect:
there PostgreSQL itself lets no older snapshot live on.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import TypeAlias

from asyncpg import Connection, LockNotAvailableError

from store.postgresql.purging.definitions import Definition, definition
from store.postgresql.purging.transactions import have_ended, open_transactions

Locked: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]
"""Keeps all other writers out until the end of the block."""

LOCK_MS = 200
"""How long an attempt to lock a table may make readers wait; after that it is given up and tried again later."""
WAIT_SECONDS = 2.0
"""How long writers wait for older transactions to end before they are let in again."""
GIVE_UP_SECONDS = 900.0
PAUSE_SECONDS = 0.1
ROWS_AT_ONCE = 5_000
FEW_ROWS = 500
"""Up to this many changed rows are copied while writers wait."""

COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
NOTE_CHANGES = """
CREATE UNLOGGED TABLE {noted} (sid text COLLATE "C" NOT NULL);
CREATE FUNCTION {noted}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  INSERT INTO {noted} VALUES (coalesce(NEW.sid, OLD.sid));
  RETURN NULL;
END
$$;
CREATE TRIGGER {noted} AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {noted}();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER {noted};
"""
"""Each change adds a note, even if its row has one already: that one may be taken before the change is committed, and
the change would be lost."""
DROP_LEFTOVERS = """
DROP TABLE IF EXISTS {copy};
DROP TRIGGER IF EXISTS {noted} ON {table};
DROP FUNCTION IF EXISTS {noted}();
DROP TABLE IF EXISTS {noted};
"""
ANY_LEFTOVERS = "SELECT to_regclass($1) IS NOT NULL OR to_regclass($2) IS NOT NULL"
FILL = "INSERT INTO {copy} ({columns}) SELECT {columns} FROM {table}"
TAKE_NOTED = "DELETE FROM {noted} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {noted} LIMIT $1)) RETURNING sid"
DELETE_COPIED = "DELETE FROM {copy} WHERE sid = ANY($1::text[])"
COPY_CHANGED = f"{FILL} WHERE sid = ANY($1::text[])"
EQUAL_EXCEPT_NOTED = """
SELECT (SELECT (count(*), sum(hash_record_extended(row, 0))) FROM {table} AS row
    WHERE NOT EXISTS (SELECT 1 FROM {noted} WHERE {noted}.sid = row.sid))
  IS NOT DISTINCT FROM (SELECT (count(*), sum(hash_record_extended(row, 0))) FROM {copy} AS row
    WHERE NOT EXISTS (SELECT 1 FROM {noted} WHERE {noted}.sid = row.sid))
"""
EQUAL_AMONG_RECOPIED = """
SELECT (SELECT (count(*), sum(hash_record_extended(row, 0))) FROM {table} AS row WHERE sid = ANY($1::text[]))
  IS NOT DISTINCT FROM (SELECT (count(*), sum(hash_record_extended(row, 0))) FROM {copy} AS row
    WHERE sid = ANY($1::text[]))
"""
ANY_NOTED = "SELECT EXISTS (SELECT 1 FROM {noted})"
FREEZE = "VACUUM (FREEZE, INDEX_CLEANUP OFF, TRUNCATE OFF) {copy}"


class Unfinished(Exception):
    """A table could not be rewritten now. The message is a whole sentence; trying again later may help."""


class TableCopy:
    """Rewrites a table, whose key is ``sid``, by a copy that replaces it."""

    def __init__(self, connection: Connection, table: str, locked: Locked) -> None:
        self._connection, self._table, self._locked = connection, table, locked
        self._copy, self._noted = f"{table}_copy", f"{table}_noted"
        self._columns = ""
        self._open: list[str] = []
        """The transactions that were open at the last write to the copy."""
        self._recopied: set[str] = set()
        """The rows that were copied again since both tables were compared."""

    async def drop_leftovers(self) -> None:
        """Drops the copy and the trigger that an interrupted run left. Raises Unfinished."""
        until = time.monotonic() + WAIT_SECONDS
        while await self._connection.fetchval(ANY_LEFTOVERS, self._copy, self._noted):
            try:
                async with self._locked(), self._connection.transaction():
                    await self._connection.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
                    await self._execute(DROP_LEFTOVERS)
            except LockNotAvailableError as error:  # Its foreign keys need a lock on the parents' table too.
                if time.monotonic() > until:
                    raise Unfinished(f"The table {self._table} is always read, so it can't be rewritten.") from error
                await asyncio.sleep(PAUSE_SECONDS)

    async def run(self) -> None:
        """Copies the table and replaces it by the copy; drops the copy if that fails. Raises Unfinished."""
        try:
            begun = await self._begin()
            await self._fill(begun)
            await self._compare()
            await self._replace_table(begun)
        except Exception:
            if not self._connection.is_closed():
                with suppress(Unfinished):  # The next run drops it.
                    await self.drop_leftovers()
            raise

    async def _begin(self) -> Definition:
        self._columns = await self._connection.fetchval(COLUMNS, self._table)
        async with self._locked(), self._connection.transaction():
            begun = await self._definition()
            for sql in begun.create:
                await self._connection.execute(sql)
            await self._execute(NOTE_CHANGES)
        return begun

    async def _fill(self, begun: Definition) -> None:
        await self._execute(FILL)
        for index in begun.indexes:
            for sql in (index.create, *index.after):
                await self._connection.execute(sql)
        while await self._copy_changed() > FEW_ROWS:
            pass
        async with self._locked():
            await self._copy_all_changed()
            for name, text in begun.foreign_keys:
                await self._execute(f'ALTER TABLE {{copy}} ADD CONSTRAINT "{name}" {text} NOT VALID')
        for name, _ in begun.foreign_keys:
            await self._execute(f'ALTER TABLE {{copy}} VALIDATE CONSTRAINT "{name}"')
        await have_ended(self._connection, await open_transactions(self._connection), WAIT_SECONDS)
        await self._execute("VACUUM (FREEZE, ANALYZE) {copy}")

    async def _compare(self) -> None:
        self._recopied.clear()
        async with self._connection.transaction(isolation="repeatable_read"):
            if not await self._connection.fetchval(self._named(EQUAL_EXCEPT_NOTED)):
                raise Unfinished(f"The copy of the table {self._table} differs from it, so it is not used.")

    async def _copy_changed(self) -> int:
        """Copies rows again that have changed since; returns how many."""
        async with self._connection.transaction(isolation="repeatable_read"):
            sids = list({row[0] for row in await self._connection.fetch(self._named(TAKE_NOTED), ROWS_AT_ONCE)})
            if sids:
                await self._execute(DELETE_COPIED, sids)
                await self._execute(COPY_CHANGED, sids)
        if sids:
            self._recopied.update(sids)
            self._open = await open_transactions(self._connection)
        return len(sids)

    async def _copy_all_changed(self) -> int:
        total = 0
        while some := await self._copy_changed():
            total += some
        return total

    async def _replace_table(self, begun: Definition) -> None:
        until = time.monotonic() + GIVE_UP_SECONDS
        self._open = await open_transactions(self._connection)
        while time.monotonic() < until:
            if await self._copy_changed() > FEW_ROWS:
                continue
            if await have_ended(self._connection, self._open, WAIT_SECONDS) and await self._try_to_replace(begun):
                return
            await asyncio.sleep(PAUSE_SECONDS)
        raise Unfinished(
            f"The table {self._table} is read by long transactions all the time, so it can't be rewritten."
        )

    async def _try_to_replace(self, begun: Definition) -> bool:
        async with self._locked():
            if await self._copy_all_changed() and not await have_ended(self._connection, self._open, WAIT_SECONDS):
                return False
            await self._execute(FREEZE)
            if not await self._connection.fetchval(self._named(EQUAL_AMONG_RECOPIED), list(self._recopied)):
                return False  # A program that doesn't take the writers' lock changed one of them.
            if (await self._definition()).fingerprint != begun.fingerprint:
                raise Unfinished(f"The table {self._table} was changed while it was rewritten.")
            try:
                async with self._connection.transaction():
                    return await self._swap(begun)
            except LockNotAvailableError:
                return False

    async def _swap(self, begun: Definition) -> bool:
        await self._connection.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
        await self._execute("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        if await self._connection.fetchval(self._named(ANY_NOTED)):
            return False
        await self._execute("DROP TABLE {table}")
        await self._execute("ALTER TABLE {copy} RENAME TO {table}")
        for sql in (*(index.rename for index in begun.indexes), *begun.triggers):
            await self._connection.execute(sql)
        await self._execute("DROP FUNCTION {noted}()")
        await self._execute("DROP TABLE {noted}")
        return True

    async def _definition(self) -> Definition:
        return await definition(self._connection, self._table, self._copy, self._noted)

    def _named(self, sql: str) -> str:
        return sql.format(table=self._table, copy=self._copy, noted=self._noted, columns=self._columns)

    async def _execute(self, sql: str, *values: object) -> None:
        await self._connection.execute(self._named(sql), *values)
