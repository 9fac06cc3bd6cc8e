"""A request's budget in the store: a statement past its deadline is interrupted in SQLite, without effect on others.

These tests are of SQLite's file, so they run on no other engine.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator

import pytest

from bodies import put, service, sid
from store.engine.database import file_in
from store.engine.protocols import Archive
from store.errors import OutOfStatements, OutOfTime
from store.queries.lookups import Lookup
from store.services import Service
from store.sqlite.reading.read_connections import ReadConnection, open_read_connection

pytestmark = pytest.mark.of_a_file

COUNT_SERVICES = "SELECT count(*) FROM service"
FOR_EVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
async def connection(archive: Archive) -> AsyncIterator[ReadConnection]:
    opened = await open_read_connection(str(file_in(archive.database)))
    yield opened
    await opened.close()


async def test_a_statement_is_interrupted_at_its_deadline(connection: ReadConnection) -> None:
    with pytest.raises(OutOfTime):
        await asyncio.wait_for(connection.fetch(FOR_EVER, by=time.monotonic() + 0.01), 20)
    assert list(await connection.fetch("SELECT 1")) == [(1,)]


async def test_a_transaction_ends_whatever_its_deadline(archive: Archive) -> None:
    """SQLite sometimes calls the progress handler during ROLLBACK; here it does so at each step."""
    connection = await open_read_connection(
        str(file_in(archive.database)), one_transaction=True, steps_between_checks=1
    )
    try:
        assert list(await connection.fetch(COUNT_SERVICES)) == [(1,)]
        await put(archive, service(2))
        with pytest.raises(OutOfTime):
            await asyncio.wait_for(connection.fetch(FOR_EVER, by=time.monotonic() + 0.01), 20)
        assert list(await connection.fetch(COUNT_SERVICES)) == [(1,)]
        await connection.end_transaction()
        assert list(await connection.fetch(COUNT_SERVICES)) == [(2,)]
    finally:
        await connection.close()


async def test_a_statement_that_waits_behind_a_long_one_is_not_interrupted_with_it(connection: ReadConnection) -> None:
    long = asyncio.create_task(connection.fetch(FOR_EVER, by=time.monotonic() + 0.01))
    short = asyncio.create_task(connection.fetch("SELECT 1"))
    assert list(await asyncio.wait_for(short, 20)) == [(1,)]
    with pytest.raises(OutOfTime):
        await long


async def test_a_cancelled_statement_ends(connection: ReadConnection) -> None:
    connection.deadline.at = 1
    task = asyncio.create_task(connection.fetch(FOR_EVER, by=math.inf))
    while connection.deadline.at == 1:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(await asyncio.wait_for(connection.fetch("SELECT 1"), 20)) == [(1,)]


async def test_nothing_runs_after_the_deadline(archive: Archive) -> None:
    reader = archive.reader()
    reader.deadline = 0
    with pytest.raises(OutOfTime):
        await reader.read(Lookup(Service), [sid("KS", 1)])
    assert isinstance(reader.refusal, OutOfTime)


async def test_a_reader_runs_no_more_statements_than_it_may(archive: Archive) -> None:
    reader = archive.reader()
    reader.allowed = 1
    assert await reader.read(Lookup(Service), [sid("KS", 2)]) == [None]
    with pytest.raises(OutOfStatements):
        await reader.read(Lookup(Service), [sid("KS", 2)])
    assert len(reader.statements) == 1
