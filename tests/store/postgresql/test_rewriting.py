"""A table is rewritten beside its readers and writers, and no row is lost, wherever it is interrupted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
import pytest

import bodies
from canaries_in_clusters import erase, fill
from postgresql import Cluster
from store.postgresql.purging import table_copy
from store.postgresql.purging.rewriting import rewrite
from store.postgresql.purging.stages import writers_locked
from store.postgresql.purging.table_copy import Unfinished

ROWS = "SELECT count(*), sum(hash_record_extended(row, 0)) FROM interaction AS row"
CATALOGUE = """
SELECT 'index ' || indexdef FROM pg_indexes WHERE tablename = 'interaction'
UNION ALL SELECT 'constraint ' || conname || pg_get_constraintdef(oid) || convalidated FROM pg_constraint
  WHERE conrelid = 'interaction'::regclass
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger
  WHERE tgrelid = 'interaction'::regclass AND NOT tgisinternal
UNION ALL SELECT 'column ' || attnum || attname || atttypid || attnotnull || attcollation || coalesce(attstattarget, -1)
    || coalesce(array_to_string(attoptions, ','), '') FROM pg_attribute
  WHERE attrelid = 'interaction'::regclass AND attnum > 0
UNION ALL SELECT 'rights ' || relacl::text || coalesce(reloptions::text, '') || pg_get_userbyid(relowner)
  FROM pg_class WHERE relname = 'interaction'
UNION ALL SELECT 'left ' || relname FROM pg_class WHERE relname LIKE '%\\_copy%' OR relname LIKE '%\\_noted%'
UNION ALL SELECT 'left ' || proname FROM pg_proc WHERE proname LIKE '%\\_noted'
ORDER BY 1
"""
NUMBER_OF_ROWS = 300


@pytest.fixture
async def name(postgresql_cluster: Cluster) -> AsyncIterator[str]:
    """A database with some rows, of which one was erased."""
    name = postgresql_cluster.database()
    await fill(postgresql_cluster, name, NUMBER_OF_ROWS, large=2)
    erase(postgresql_cluster, name, 7)
    yield name
    postgresql_cluster.drop(name)


class Breaking:
    """A connection to PostgreSQL that breaks at one of its statements."""

    def __init__(self, connection: asyncpg.Connection, at: int) -> None:
        self._connection, self._left = connection, at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def execute(self, *arguments: Any) -> Any:
        if self._left == 0:
            self._connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError
        self._left -= 1
        return await self._connection.execute(*arguments)


@asynccontextmanager
async def connected(cluster: Cluster, name: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(cluster.url(name))
    try:
        yield connection
    finally:
        await connection.close()


async def rewrite_by_copy(connection: Any) -> None:
    await rewrite(connection, "interaction", partial(writers_locked, connection), small_bytes=0)


async def test_the_copy_has_every_row_and_all_of_the_tables_definition(postgresql_cluster: Cluster, name: str) -> None:
    postgresql_cluster.sql(
        "DO $$ BEGIN CREATE ROLE reading; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
        "GRANT SELECT ON interaction TO reading WITH GRANT OPTION; GRANT UPDATE (kept_at) ON interaction TO reading; "
        "ALTER TABLE interaction SET (fillfactor = 90, autovacuum_enabled = off); "
        "ALTER TABLE interaction ALTER COLUMN type SET STATISTICS 7, ALTER COLUMN sid SET (n_distinct = -1)",
        name,
    )
    before = postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)
    file = postgresql_cluster.sql("SELECT pg_relation_filepath('interaction')", name)
    async with connected(postgresql_cluster, name) as connection:
        await rewrite_by_copy(connection)
    assert (postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)) == before
    assert postgresql_cluster.sql("SELECT pg_relation_filepath('interaction')", name) != file
    assert postgresql_cluster.sql("SELECT count(*) FROM pg_stats WHERE attname IN ('data', 'body')", name) == "0"


async def test_no_row_is_lost_wherever_the_connection_breaks(postgresql_cluster: Cluster, name: str) -> None:
    before = postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)
    statements = 0
    while True:
        async with connected(postgresql_cluster, name) as connection:
            try:
                await rewrite_by_copy(Breaking(connection, statements))
                break
            except (asyncpg.ConnectionDoesNotExistError, asyncpg.InterfaceError):
                pass
        assert postgresql_cluster.sql(ROWS, name) == before[1], f"after {statements} statements"
        statements += 4
    assert statements > 50
    assert (postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)) == before


async def test_what_others_write_meanwhile_is_in_the_table_afterwards(postgresql_cluster: Cluster, name: str) -> None:
    written = 0

    class Beside(Breaking):
        """A connection before whose statements others write rows, as far as its locks let them."""

        swaps, has_lock = 0, False

        async def execute(self, *arguments: Any) -> Any:
            (sql, *_) = arguments
            if not self.has_lock and not self._connection.is_in_transaction():
                await write()
            if sql.startswith("LOCK TABLE"):
                self.swaps += 1
                if self.swaps < 3:  # A writer without triggers, as logical replication is, needs no writers' lock.
                    await writing.execute(
                        "SET session_replication_role = replica; UPDATE interaction SET extra = '{}' "
                        f"WHERE sid = '{bodies.sid('KI', 1)}'; RESET session_replication_role"
                    )
            self.has_lock = "pg_advisory_lock" in sql or (self.has_lock and "pg_advisory_unlock" not in sql)
            return await self._connection.execute(*arguments)

    async def write() -> None:
        nonlocal written
        written += 1
        await writing.execute(
            "INSERT INTO interaction (sid, session_sid, service_sid, account_sid, type, body, date_created, "
            "date_updated) SELECT $1, session_sid, service_sid, account_sid, type, $2, date_created, date_updated "
            "FROM interaction WHERE sid = $3",
            *(bodies.sid("KI", 1_000 + written), f"new {written}", bodies.sid("KI", 1)),
        )
        changed = bodies.sid("KI", 10 + written)
        await writing.execute("UPDATE interaction SET body = $1 WHERE sid = $2", f"changed {written}", changed)
        await writing.execute("DELETE FROM interaction WHERE sid = $1", bodies.sid("KI", 1_000 + written - 10))

    async with connected(postgresql_cluster, name) as connection, connected(postgresql_cluster, name) as writing:
        beside = Beside(connection, -1)
        await rewrite_by_copy(beside)
    assert written > 20
    assert beside.swaps == 3, "a row that changed before the table was locked kept the copy out, twice"
    lines = postgresql_cluster.sql("SELECT sid, left(body, 40) FROM interaction", name).splitlines()
    found = dict(line.split("|") for line in lines)
    new = {bodies.sid("KI", 1_000 + number): f"new {number}" for number in range(written - 9, written + 1)}
    changed = {bodies.sid("KI", 10 + number): f"changed {number}" for number in range(1, written + 1)}
    assert {sid: found.get(sid) for sid in new | changed} == new | changed
    extra = postgresql_cluster.sql(f"SELECT extra FROM interaction WHERE sid = '{bodies.sid('KI', 1)}'", name)
    assert extra == "{}"
    assert found.keys() == new.keys() | {bodies.sid("KI", number) for number in range(1, 301) if number != 7}


async def test_a_change_that_overlaps_the_copying_of_an_earlier_one_is_copied_too(
    postgresql_cluster: Cluster, name: str
) -> None:
    """The row is noted already when it changes again, and its note is taken before the second change is committed."""
    change = f"UPDATE interaction SET body = $1 WHERE sid = '{bodies.sid('KI', 1)}'"

    class Overlapped(Breaking):
        overlaps = 0

        async def fetch(self, *arguments: Any) -> Any:
            if arguments[0].startswith("DELETE FROM interaction_noted") and not self.overlaps:
                self.overlaps += 1
                await one.execute(change, "first")
                await second.start()
                await other.execute(change, "second")
            return await self._connection.fetch(*arguments)

        async def execute(self, *arguments: Any) -> Any:
            if self.overlaps == 1 and not self._connection.is_in_transaction():
                self.overlaps += 1
                await second.commit()
            return await self._connection.execute(*arguments)

    async with (
        connected(postgresql_cluster, name) as connection,
        connected(postgresql_cluster, name) as one,
        connected(postgresql_cluster, name) as other,
    ):
        await other.execute("SET lock_timeout = '5s'")
        second = other.transaction()
        overlapped = Overlapped(connection, -1)
        await rewrite_by_copy(overlapped)
    assert overlapped.overlaps == 2
    sql = f"SELECT body FROM interaction WHERE sid = '{bodies.sid('KI', 1)}'"
    assert postgresql_cluster.sql(sql, name) == "second"


async def test_a_copy_that_differs_is_not_used(postgresql_cluster: Cluster, name: str) -> None:
    class Losing(Breaking):
        """A connection on which the copy loses a row."""

        async def execute(self, *arguments: Any) -> Any:
            done = await self._connection.execute(*arguments)
            if arguments[0].startswith("VACUUM (FREEZE, ANALYZE)"):
                await self._connection.execute("DELETE FROM interaction_copy WHERE sid = $1", bodies.sid("KI", 100))
            return done

    before = postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)
    async with connected(postgresql_cluster, name) as connection:
        with pytest.raises(Unfinished, match="differs from it, so it is not used"):
            await rewrite_by_copy(Losing(connection, -1))
    assert (postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)) == before


async def test_a_snapshot_from_before_the_copy_never_sees_it_empty(
    postgresql_cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_copy, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(table_copy, "GIVE_UP_SECONDS", 0.5)
    async with connected(postgresql_cluster, name) as reading, connected(postgresql_cluster, name) as connection:
        transaction = reading.transaction(isolation="repeatable_read", readonly=True)
        await transaction.start()
        await reading.fetchval("SELECT count(*) FROM session")  # It has a snapshot, but no lock on the table.
        with pytest.raises(Unfinished, match="long transactions"):
            await rewrite_by_copy(connection)
        assert await reading.fetchval("SELECT count(*) FROM interaction") == NUMBER_OF_ROWS - 1
        await transaction.rollback()
        monkeypatch.undo()
        await rewrite_by_copy(connection)


async def test_a_table_that_a_view_reads_is_rewritten_in_its_place(postgresql_cluster: Cluster, name: str) -> None:
    postgresql_cluster.sql("CREATE VIEW messages AS SELECT sid, body FROM interaction", name)
    before = postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)
    oid, file = "SELECT 'interaction'::regclass::oid", "SELECT pg_relation_filenode('interaction')"
    found = postgresql_cluster.sql(oid, name), postgresql_cluster.sql(file, name)
    async with connected(postgresql_cluster, name) as connection:
        await rewrite_by_copy(connection)
    assert (postgresql_cluster.sql(CATALOGUE, name), postgresql_cluster.sql(ROWS, name)) == before
    assert postgresql_cluster.sql(oid, name) == found[0]
    assert postgresql_cluster.sql(file, name) != found[1]
