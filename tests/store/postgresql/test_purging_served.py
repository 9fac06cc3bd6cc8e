"""Servers bring erasures through their stages by themselves, and say what hinders that."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator

import aiohttp
import asyncpg
import pytest

import bodies
import postgresql
from canaries_in_clusters import erase_person, files_with, fill, stages
from checkout import ROOT
from postgresql import Cluster
from running_commands import address_of, run
from store.postgresql.purging.hindrances import hindrances

PERSON = 900_003
DELETE = 'mutation { deleteInteraction(input: { sid: "%s" }) { erasure userErrors { message } } }'


@pytest.fixture(scope="module")
def primary() -> Iterator[Cluster]:
    with postgresql.cluster(wal_recycle="off", full_page_writes="on") as cluster:
        yield cluster


@pytest.fixture
async def name(primary: Cluster) -> AsyncIterator[str]:
    name = primary.database()
    await fill(primary, name, 50, persons=5)
    yield name
    primary.drop(name)


async def reached(primary: Cluster, name: str, stage: str) -> None:
    until = time.monotonic() + 60
    while set(stages(primary, name)) != {stage}:
        assert time.monotonic() < until, stages(primary, name)
        await asyncio.sleep(0.05)


async def test_the_next_server_finishes_the_stages_of_a_killed_one(primary: Cluster, name: str) -> None:
    primary.sql("SELECT pg_create_physical_replication_slot('late', true)")
    url = primary.url(name)
    command = [sys.executable, "-u", "-m", "gateway", "serve", "--database", url, "--port", "0"]
    with address_of(command, ROOT, signal.SIGKILL) as address:
        async with aiohttp.ClientSession(address) as client:
            document = DELETE % bodies.sid("KI", 7)
            async with client.post("/graphql", json={"query": document}) as response:
                answer = (await response.json())["data"]["deleteInteraction"]
        assert answer == {"erasure": "PENDING", "userErrors": []}
        erase_person(primary, name, PERSON)
        assert files_with(primary, 7, folders=("base", "pg_wal"))
        await reached(primary, name, "purged")
        while "late" not in primary.sql("SELECT DISTINCT coalesce(waits_for, '') FROM deletion", name):
            await asyncio.sleep(0.05)
    assert not files_with(primary, 7, PERSON, folders=("base",))
    assert files_with(primary, 7, folders=("pg_wal",))
    listed = run("ledger", "--database", url)
    assert "purged" in listed.stdout
    assert "the replication slot late" in " ".join((listed.stdout + listed.stderr).split())
    primary.sql("SELECT pg_drop_replication_slot('late')")
    with address_of(command, ROOT, signal.SIGTERM):
        await reached(primary, name, "closed")
    assert not files_with(primary, 7, PERSON)


async def test_the_command_erase_goes_through_the_stages_itself(primary: Cluster, name: str) -> None:
    session = bodies.sid("KC", 1)
    done = run("erase", "--session", session, "--database", primary.url(name), "--reference", "request-1", "--yes")
    assert done.returncode == 0, done.stdout
    assert set(stages(primary, name)) == {"closed"}
    assert not files_with(primary, *range(1, 51), PERSON)


async def test_a_server_names_settings_and_missing_rights_that_delay_erasures(primary: Cluster, name: str) -> None:
    async def said(user: str) -> str:
        connection = await asyncpg.connect(primary.url(name, user))
        try:
            return " ".join(await hindrances(connection.fetch))
        finally:
            await connection.close()

    assert await said("proxygraph") == ""
    primary.sql("CREATE ROLE plain LOGIN")
    assert "GRANT pg_monitor" in await said("plain")
    assert "GRANT pg_checkpoint" in await said("plain")
    primary.sql("GRANT pg_monitor, pg_checkpoint TO plain")
    primary.sql("GRANT EXECUTE ON FUNCTION pg_switch_wal() TO plain", name)
    assert await said("plain") == ""
    primary.sql("ALTER TABLE interaction ALTER body SET STATISTICS 10", name)
    assert "ANALYZE copies values of interaction.body into pg_statistic" in await said("plain")
    primary.sql("ALTER SYSTEM SET log_statement = 'all'")
    primary.sql("SELECT pg_reload_conf()")
    try:
        while "Set log_parameter_max_length = 0" not in await said("plain"):
            await asyncio.sleep(0.01)
    finally:
        primary.sql("ALTER SYSTEM RESET log_statement")
        primary.sql("SELECT pg_reload_conf()")
        primary.sql("DROP OWNED BY plain", name)
        primary.sql("DROP OWNED BY plain; DROP ROLE plain")
