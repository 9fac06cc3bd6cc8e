"""The throw-away PostgreSQL of the tests does what other tests rely on."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

import postgresql
from postgresql import Cluster

pytestmark = pytest.mark.of_postgresql


def test_a_database_is_empty_and_of_this_test_alone(empty_postgresql: str, postgresql_cluster: Cluster) -> None:
    name = empty_postgresql.rpartition("/")[2]
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert postgresql_cluster.sql(tables, name) == "0"
    postgresql_cluster.sql("CREATE TABLE anything (x text)", name)
    assert postgresql_cluster.sql(tables) == "0"


def test_a_database_is_made_of_a_template(postgresql_cluster: Cluster) -> None:
    template = postgresql_cluster.database()
    postgresql_cluster.sql("CREATE TABLE kept AS SELECT 7 AS x", template)
    made = postgresql_cluster.database(template)
    assert postgresql_cluster.sql("SELECT x FROM kept", made) == "7"
    for name in (made, template):
        postgresql_cluster.drop(name)


def test_texts_are_ordered_by_bytes_only_where_a_column_says_so(postgresql_cluster: Cluster) -> None:
    if "--with-icu" not in postgresql_cluster.run("pg_config", "--configure"):
        pytest.skip("This PostgreSQL was built without ICU.")
    assert postgresql_cluster.sql("SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"") == "t|f"


def test_a_standby_follows_and_takes_over_when_the_primary_is_killed() -> None:
    with postgresql.cluster() as primary, postgresql.standby(primary) as replica:
        primary.sql("CREATE TABLE written AS SELECT 1 AS x")
        postgresql.catch_up(replica, primary)
        assert replica.sql("SELECT x, pg_is_in_recovery() FROM written") == "1|t"
        primary.kill()
        assert replica.sql("SELECT pg_promote()") == "t"
        assert replica.sql("INSERT INTO written VALUES (2) RETURNING x") == "2"
        primary.start()
        assert primary.sql("SELECT x FROM written") == "1"


def test_a_frozen_cluster_answers_nobody_until_it_is_thawed(postgresql_cluster: Cluster) -> None:
    postgresql_cluster.freeze()
    try:
        with pytest.raises(RuntimeError, match="timeout expired"):
            postgresql_cluster.run("psql", "-d", f"{postgresql_cluster.url()}?connect_timeout=1", "-c", "SELECT 1")
    finally:
        postgresql_cluster.thaw()
    assert postgresql_cluster.sql("SELECT 1") == "1"


def test_a_cluster_ends_and_is_removed_after_the_block(tmp_path: Path) -> None:
    with postgresql.cluster(wal_recycle="off") as running:
        assert running.sql("SHOW wal_recycle") == "off"
        pids = running.pids()
    assert not running.folder.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_cluster_ends_when_its_tests_are_killed() -> None:
    command = [sys.executable, str(Path(postgresql.__file__))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout
        url = tests.stdout.readline().strip()
        assert asyncio.run(answers(url))
        tests.kill()
    deadline = time.monotonic() + 30
    while asyncio.run(answers(url)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError):
        return False
    await connection.close()
    return True


def test_without_postgresql_its_tests_are_left_out_with_one_line_and_fail_in_ci(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgresql, "binaries", lambda: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install postgresql"):
        postgresql.needs_postgresql()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install postgresql"):
        postgresql.needs_postgresql()
