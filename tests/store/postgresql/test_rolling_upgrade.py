"""Servers of two versions work on one database, so that they can be replaced one after the other."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from bodies import interaction, put, service, session, sid
from store.archive import open_archive
from store.engine.database import Address
from store.errors import DatabaseNewer
from store.interactions import Interaction
from store.postgresql.migrations import FOLDER, latest, migrate, oldest_served
from store.queries.lookups import Lookup

ADDS = """
ALTER TABLE interaction ADD COLUMN later text COLLATE "C";
ALTER TABLE archive ADD COLUMN later bigint NOT NULL DEFAULT 0;
CREATE TABLE of_later (sid text COLLATE "C" PRIMARY KEY);
CREATE INDEX interaction_by_later ON interaction (later) WHERE later IS NOT NULL;
"""
"""What a later version may add: columns that are null or have a default, tables, indexes."""


@pytest.fixture
async def newer(address: Address) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the later version's server, to migrate by."""
    connection = await asyncpg.connect(address.url)
    yield connection
    await connection.close()


def with_another(folder: Path, text: str) -> Path:
    """A folder with all migrations and another one."""
    for file in FOLDER.glob("*.sql"):
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    (folder / f"{latest() + 1:04}_later.sql").write_text(text, "utf-8")
    return folder


async def test_an_open_server_reads_and_writes_on_while_a_later_version_migrates(
    address: Address, newer: asyncpg.Connection, tmp_path: Path
) -> None:
    async with open_archive(address) as archive:
        reader = archive.operation_reader()
        await put(archive, interaction(1))
        assert (await reader.read(Lookup(Interaction), [sid("KI", 1)]))[0] is not None
        await reader.release()
        await migrate(newer, with_another(tmp_path, f"-- Serves: {latest()}\n{ADDS}"))
        await newer.execute("UPDATE interaction SET later = 'kept'")
        await put(archive, interaction(1, data='{"body": "changed"}'), interaction(2))
        found = await reader.read(Lookup(Interaction), [sid("KI", 1), sid("KI", 2)])
        await reader.release()
        assert [row and row.body for row in found] == ["changed", "text 2"]
    assert await newer.fetchval("SELECT later FROM interaction WHERE sid = $1", sid("KI", 1)) == "kept"


async def test_a_server_starts_again_on_a_later_version_that_serves_it(
    address: Address, newer: asyncpg.Connection, tmp_path: Path
) -> None:
    await migrate(newer, with_another(tmp_path, f"-- Serves: {latest()}\n{ADDS}"))
    assert await oldest_served(newer) == latest()
    async with open_archive(address) as archive:
        await put(archive, service(2), session(2, of=2))
        assert not archive.created
    assert await newer.fetchval("SELECT max(number) FROM migration") == latest() + 1


async def test_it_refuses_a_later_version_that_does_not(
    address: Address, newer: asyncpg.Connection, tmp_path: Path
) -> None:
    await migrate(newer, with_another(tmp_path, "ALTER TABLE interaction DROP COLUMN extra;"))
    with pytest.raises(DatabaseNewer):
        async with open_archive(address):
            pass
