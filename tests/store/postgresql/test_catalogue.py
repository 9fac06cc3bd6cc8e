"""Both engines' migrations make the same tables, columns and triggers."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from checkout import ROOT
from postgresql import Cluster
from store.archive import open_archive
from store.columns import columns
from store.sqlite.from_extra import RECORDS

FLAGS = {
    ("callback_row", "is_only"),
    ("interaction", "plain"),
    ("session_read", "unconfirmed"),
    ("sync_run", "partial"),
}
CONTENT = {
    "service": {"unique_name", "extra"},
    "session": {"unique_name", "closed_reason", "extra"},
    "participant": {"friendly_name", "identifier", "proxy_identifier", "proxy_identifier_sid", "extra"},
    "interaction": {"data", "body", "extra"},
}
OF_POSTGRESQL = {"sync_run_is_told"}


Catalogue = Callable[[str], list[list[str]]]


@pytest.fixture(scope="module")
def catalogue(postgresql_cluster: Cluster) -> Iterator[Catalogue]:
    """Reads the catalogue of a database that PostgreSQL's migrations have made."""
    name = postgresql_cluster.database()
    for migration in sorted((ROOT / "store/postgresql/migrations").glob("*.sql")):
        postgresql_cluster.sql(migration.read_text("utf-8"), name)
    yield lambda sql: [line.split("|") for line in postgresql_cluster.sql(sql, name).splitlines()]
    postgresql_cluster.drop(name)


async def test_tables_and_columns_are_the_same_in_name_type_and_nullability(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    database = tmp_path / "archive.db"
    async with open_archive(database):
        pass
    with closing(sqlite3.connect(database)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        of_sqlite = {
            (
                table,
                name,
                "boolean" if (table, name) in FLAGS else {"TEXT": "text", "INTEGER": "bigint"}[kind],
                not_null,
            )
            for table in tables
            for name, kind, not_null in file.execute(
                f'SELECT name, type, "notnull" OR pk FROM pragma_table_info({table!r})'
            )
        }
    of_sqlite = {
        (table, name, "integer" if name == "only_row" else kind, null) for table, name, kind, null in of_sqlite
    }
    found = catalogue(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public'",
    )
    assert {(table, name, kind, int(null == "NO")) for table, name, kind, null in found} == of_sqlite


async def test_every_promise_that_a_trigger_keeps_has_one_on_both(tmp_path: Path, catalogue: Catalogue) -> None:
    database = tmp_path / "archive.db"
    async with open_archive(database):
        pass
    with closing(sqlite3.connect(database)) as file:
        of_sqlite = set(file.execute("SELECT tbl_name, name FROM sqlite_schema WHERE type = 'trigger'"))
    found = catalogue("SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal")
    assert {(table, name) for table, name in found if name not in OF_POSTGRESQL} == of_sqlite


def test_records_have_the_columns_of_their_tables(catalogue: Catalogue) -> None:
    for record in RECORDS:
        found = catalogue(
            "SELECT column_name, is_nullable FROM information_schema.columns "
            f"WHERE table_schema = 'public' AND table_name = '{record.table}'",
        )
        stored = {name: null == "YES" for name, null in found}
        assert {column.name: column.nullable for column in columns(record)}.items() <= stored.items()


def test_every_text_is_compared_by_its_bytes(catalogue: Catalogue) -> None:
    found = catalogue(
        "SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'public'::regnamespace AND attnum > 0 AND atttypid = 'text'::regtype "
        "AND attcollation NOT IN (0, (SELECT oid FROM pg_collation WHERE collname = 'C'))"
    )
    assert found == []


def test_no_statistics_are_kept_of_content(catalogue: Catalogue) -> None:
    found = catalogue(
        "SELECT attrelid::regclass, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND attstattarget = 0",
    )
    assert {(table, name) for table, name in found} == {(table, name) for table in CONTENT for name in CONTENT[table]}
