"""An operator sees in pg_stat_statements what of the gateway each statement belongs to."""

from collections.abc import Iterator

import pytest

from bodies import put, record, service, session, sid
from postgresql import Cluster, cluster
from postgresql_features import EXTENSIONS, needs
from store.archive import open_archive
from store.engine.database import Address
from store.postgresql.parameters import labelled
from store.queries.lookups import Lookup
from store.services import Service

OURS = "regexp_match(query, '^\\s*\\w+ /\\* proxygraph: ([a-z, ]+) \\*/')"
OF_TRANSACTIONS = r"BEGIN|COMMIT|ROLLBACK|SET|SELECT set_config|SELECT pg_advisory_xact_lock"
OF_ASYNCPG = r"WITH RECURSIVE typeinfo_tree|SELECT\s+current_setting\(\$1\) AS cur"
"""How the driver learns of types that it doesn't know."""
OTHERS = rf"^\s*({OF_TRANSACTIONS}|{OF_ASYNCPG}|SELECT pg_stat_statements_reset)"


@pytest.fixture
def watched() -> Iterator[Cluster]:
    """A cluster that counts its statements."""
    needs(EXTENSIONS)
    with cluster(shared_preload_libraries="pg_stat_statements") as running:
        running.sql("CREATE EXTENSION pg_stat_statements")
        yield running


async def test_each_statement_names_the_gateway_and_its_kind(watched: Cluster) -> None:
    name = watched.database()
    async with open_archive(Address(watched.url(name))) as archive:
        watched.sql("SELECT pg_stat_statements_reset()")
        await put(archive, service(1), session(1))
        async with archive.writer.transaction(is_mirrored=True) as transaction:
            await transaction.put([record(service(2))])
            await transaction.execute("UPDATE archive SET demo = NULL WHERE demo = :demo", {"demo": "another"})
        for _ in range(3):
            assert [row and row.sid for row in await archive.reader().read(Lookup(Service), [sid("KS", 2)])]
            await archive.data_version()
    of_name = f"FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = '{name}')"
    kinds = watched.sql(f"SELECT DISTINCT ({OURS})[1] {of_name} AND {OURS} IS NOT NULL ORDER BY 1").splitlines()
    assert kinds == ["lookup", "put", "read", "sync"]
    # Statements inside functions of the database, such as triggers', are not sent by the gateway.
    others = watched.sql(f"SELECT query {of_name} AND toplevel AND {OURS} IS NULL AND query !~ '{OTHERS}'")
    assert others == ""
    assert watched.sql(f"SELECT calls {of_name} AND query LIKE '%: lookup%'") == "3"


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("SELECT 1", "SELECT /* proxygraph: page */ 1"),
        ("\n  WITH a AS (SELECT 1)", "\n  WITH /* proxygraph: page */ a AS (SELECT 1)"),
        ("DELETE FROM x", "DELETE /* proxygraph: page */ FROM x"),
    ],
)
def test_the_comment_stands_behind_the_first_word(sql: str, sent: str) -> None:
    assert labelled(sql, "page") == sent
