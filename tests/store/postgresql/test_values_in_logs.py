"""PostgreSQL's own log and statistics get no value of a statement, or the server says which setting writes it there."""

import json
import time
from collections.abc import Iterator

import pytest

import bodies
import postgresql
from canaries_in_clusters import canary
from postgresql import Cluster
from postgresql_features import EXTENSIONS, needs
from store.archive import open_archive
from store.engine.database import Address, Replicas
from store.errors import StoreError

NUMBER = 7
FAILING = "SELECT 1 / CASE WHEN CAST(:text AS TEXT) = '' THEN 1 ELSE 0 END"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    needs(EXTENSIONS)
    libraries = "pg_stat_statements,auto_explain"
    with postgresql.cluster(shared_preload_libraries=libraries) as running:
        yield running


async def written(cluster: Cluster) -> tuple[bytes, list[str]]:
    """What the log got while a message was stored, found by its text and erased; and what is said of the settings."""
    name = cluster.database()
    before = cluster.log.stat().st_size
    try:
        async with open_archive(Address(cluster.url(name))) as archive:
            data = json.dumps({"body": canary(NUMBER)})
            await bodies.put(archive, bodies.service(), bodies.session(), bodies.interaction(NUMBER, data=data))
            found = await archive.fetch("SELECT count(*) FROM interaction WHERE body = :text", {"text": canary(NUMBER)})
            assert [row[0] for row in found] == [1]
            with pytest.raises(StoreError):
                await archive.fetch(FAILING, {"text": canary(NUMBER)})
            async with archive.writer.transaction() as transaction:
                await transaction.execute("DELETE FROM interaction WHERE sid > :sid", {"sid": ""})
            said = await archive.hindrances()
    finally:
        cluster.drop(name)
    return cluster.log.read_bytes()[before:], said


def configure(cluster: Cluster, settings: str) -> None:
    for each in settings.split(", "):
        cluster.sql(f"ALTER SYSTEM SET {each}")
    reload(cluster)


def reload(cluster: Cluster) -> None:
    """Makes the settings those of new sessions; the server does that some time after it is asked."""
    begun = cluster.sql("SELECT clock_timestamp()")
    cluster.sql("SELECT pg_reload_conf()")
    until = time.monotonic() + 30
    while cluster.sql(f"SELECT pg_conf_load_time() > '{begun}'") != "t":
        assert time.monotonic() < until


@pytest.fixture(autouse=True)
def reset(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.sql("ALTER SYSTEM RESET ALL")
    reload(cluster)


async def test_by_default_neither_the_log_nor_the_statistics_of_statements_have_a_value(cluster: Cluster) -> None:
    cluster.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    log, said = await written(cluster)
    assert canary(NUMBER).encode() not in log
    assert "own log" not in " ".join(said)
    texts = b"".join(file.read_bytes() for file in (cluster.data / "pg_stat_tmp").iterdir())
    assert b"WHERE body = $1" in texts
    assert canary(NUMBER).encode() not in texts


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ("log_statement = 'mod'", "log_parameter_max_length = 0"),
        ("log_statement = 'all'", "log_parameter_max_length = 0"),
        ("log_min_duration_statement = 0", "log_parameter_max_length = 0"),
        ("log_min_duration_sample = 0", "log_parameter_max_length = 0"),
        ("log_transaction_sample_rate = 1", "log_parameter_max_length = 0"),
        ("log_parameter_max_length_on_error = -1", "log_parameter_max_length_on_error = 0"),
        (
            "auto_explain.log_min_duration = 0, auto_explain.log_verbose = on, log_parameter_max_length = 0",
            "auto_explain.log_min_duration = -1",
        ),
    ],
)
async def test_a_setting_by_which_the_log_gets_values_is_said_and_what_is_advised_helps(
    cluster: Cluster, settings: str, advice: str
) -> None:
    configure(cluster, settings)
    log, said = await written(cluster)
    assert canary(NUMBER).encode() in log
    assert f"Set {advice}." in " ".join(said)
    configure(cluster, advice)
    log, said = await written(cluster)
    assert canary(NUMBER).encode() not in log
    assert f"Set {advice}." not in " ".join(said)


async def test_a_setting_of_a_replica_is_said_with_its_address(cluster: Cluster) -> None:
    name = cluster.database()
    with postgresql.standby(cluster, log_statement="all") as standby:
        replica = Address(standby.url(name))
        async with open_archive(Address(cluster.url(name)), replicas=Replicas((replica,))) as archive:
            said = [each for each in await archive.hindrances() if "own log" in each]
    assert [each.partition(": The server's own log")[0] for each in said] == [str(replica)]
    cluster.drop(name)
