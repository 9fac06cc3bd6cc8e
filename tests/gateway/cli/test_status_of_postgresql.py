"""``status`` of an archive in PostgreSQL: its sizes, its server and standbys, and what of them needs attention."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

import bodies
import postgresql
from gateway.cli.commands import commands
from postgresql import Cluster
from store.archive import open_archive
from store.engine.database import Address, shown
from store.health.health import Health
from store.health.reading import read_health

pytestmark = pytest.mark.of_postgresql

SECRET = "a-secret-word"
OFF = "is off: a crash of the machine can damage the archive."


@pytest.fixture
def filled(empty_postgresql: str) -> str:
    """The URL of an archive of one Interaction. It has a password, which the server of the tests doesn't ask for."""
    url = empty_postgresql.replace("proxygraph@", f"proxygraph:{SECRET}@")

    async def made() -> None:
        async with open_archive(Address(url)) as archive:
            await bodies.put(archive, bodies.service(1), bodies.session(1), bodies.interaction(1))

    asyncio.run(made())
    return url


@pytest.fixture
def slot(postgresql_cluster: Cluster) -> Iterator[str]:
    """The name of a replication slot that nobody uses."""
    postgresql_cluster.sql("SELECT pg_create_physical_replication_slot('forgotten', true)")
    yield "forgotten"
    postgresql_cluster.sql("SELECT pg_drop_replication_slot('forgotten')")


def status(url: str) -> dict[str, Any]:
    run = CliRunner().invoke(commands, ["status", "--database", url, "--json"])
    assert SECRET not in run.output
    found: dict[str, Any] = json.loads(run.stdout)
    assert run.exit_code == {"well": 0, "attention": 1, "unreadable": 2}[found["state"]]
    return found


def health_of(url: str) -> Health:
    return asyncio.run(read_health(Address(url)))


def test_it_has_the_sizes_and_what_decides_over_a_crash(filled: str) -> None:
    found = status(filled)
    assert found["path"] == shown(filled)
    assert (found["rows"]["interactions"], found["versions"]["sqlite"]) == (1, None)
    server = found["server"]
    assert found["file_bytes"] > sum(server["tables"].values()) > server["tables"]["interaction"] > 0
    assert found["log_bytes"] >= 2**24
    assert (server["is_standby"], server["settings"]["fsync"]) == (False, "off"), "as the tests' server has it"
    assert [sentence for sentence in found["attention"] if sentence.endswith(OFF)] == [
        f"The server's setting {name} {OFF}" for name in ("fsync", "full_page_writes")
    ]


def test_people_see_the_same_without_a_password(filled: str) -> None:
    run = CliRunner().invoke(commands, ["status", "--database", filled])
    assert SECRET not in run.output
    for fact in ("PostgreSQL    ", "the primary", "Tables", "fsync=off"):
        assert fact in run.output


def test_a_slot_that_nobody_uses_needs_attention(filled: str, slot: str) -> None:
    (sentence,) = [sentence for sentence in status(filled)["attention"] if slot in sentence]
    assert sentence.startswith("The replication slot forgotten is not in use and keeps ")


def test_a_role_without_rights_over_the_server_sees_the_archive(filled: str, postgresql_cluster: Cluster) -> None:
    name = Address(filled).name
    for sql in ("CREATE ROLE watcher LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO watcher"):
        postgresql_cluster.sql(sql, name)
    try:
        health = health_of(postgresql_cluster.url(name, "watcher"))
        assert health.rows is not None
        assert (health.rows.interactions, health.log_bytes) == (1, None)
    finally:
        for sql in ("DROP OWNED BY watcher", "DROP ROLE watcher"):
            postgresql_cluster.sql(sql, name)


def test_a_standby_is_one_and_the_primary_knows_it(filled: str, postgresql_cluster: Cluster) -> None:
    with postgresql.standby(postgresql_cluster) as standby:
        postgresql.catch_up(standby, postgresql_cluster)
        of_standby = health_of(standby.url(Address(filled).name)).server
        of_primary = health_of(filled).server
    assert of_standby
    assert of_primary
    assert (of_standby.is_standby, of_standby.standbys) == (True, [])
    assert [(each.state, each.sync_state) for each in of_primary.standbys] == [("streaming", "async")]


def test_a_database_without_an_archive_cannot_be_read(empty_postgresql: str) -> None:
    found = status(empty_postgresql)
    there_is_none = f"There is no archive in {empty_postgresql}. "
    assert found["error"] == f"{there_is_none}Name a database that has one, or make one here by serve, sync or copy."
