"""Migrations run whole or not at all, and one that adds a column for a property of Twilio's fills it in the rows that
were stored before.

These tests are of SQLite's file, so they run on no other engine.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

import bodies
from store.archive import open_archive
from store.errors import DatabaseError
from store.sqlite import migrations
from store.sqlite.opening import prepare

pytestmark = pytest.mark.of_a_file

ADDED = {
    "session": {"closed_reason": "TEXT", "date_expiry": "TEXT", "ttl": "INTEGER", "mode": "TEXT"},
    "interaction": {"inbound_resource_url": "TEXT"},
}
"""Properties that Twilio supposedly added later, one of each column type."""

BODIES: list[dict[str, Any]] = [
    bodies.session(1, closed_reason="api", date_expiry="2026-01-02T03:04:05Z", ttl=60, mode="Message-Only"),
    bodies.session(2, closed_reason={"odd": 1}, date_expiry="some day", ttl="sixty", mode="by-pigeon", unheard_of=[1]),
    bodies.session(3, closed_reason=None),
    bodies.interaction(1, inbound_resource_url="https://api.twilio.com/“SM1”"),
]


@pytest.fixture
def database(empty_database: Path) -> Path:
    """A file that doesn't exist, which the tests migrate."""
    return empty_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The migrations, followed by one that adds these columns again."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in migrations.FOLDER.glob("*.sql"):
        (folder / file.name).write_text(file.read_text("utf-8"), "utf-8")
    sql = [
        f"ALTER TABLE {table} ADD COLUMN {name} {type_};" for table, new in ADDED.items() for name, type_ in new.items()
    ]
    (folder / f"{migrations.latest() + 1:04d}_later.sql").write_text("\n".join(sql))
    return folder


def test_a_new_database_gets_all_migrations_or_stays_empty(tmp_path: Path, folder: Path) -> None:
    (last,) = folder.glob("*_later.sql")
    last.write_text("SELECT no_such_function();", "utf-8")
    with pytest.raises(DatabaseError, match="no_such_function"):
        prepare(tmp_path / "new.db", folder)
    assert state(tmp_path / "new.db") == (0, 0)
    last.write_text("CREATE TABLE later (number INTEGER);", "utf-8")
    prepare(tmp_path / "new.db", folder).close()
    version, tables = state(tmp_path / "new.db")
    assert version == migrations.latest(folder)
    assert tables > 0


def test_an_older_database_keeps_the_migrations_before_one_that_fails(tmp_path: Path, folder: Path) -> None:
    """Each has a transaction of its own, since it may move many rows."""
    later = sorted(folder.glob("*.sql"))[-2:]
    texts = [(file, file.read_text("utf-8")) for file in later]
    for file in later:
        file.unlink()
    prepare(tmp_path / "old.db", folder).close()
    for file, text in texts:
        file.write_text(text, "utf-8")
    later[-1].write_text("SELECT no_such_function();", "utf-8")
    with pytest.raises(DatabaseError, match="no_such_function"):
        prepare(tmp_path / "old.db", folder)
    assert state(tmp_path / "old.db")[0] == migrations.latest(folder) - 1


def state(database: Path) -> tuple[int, int]:
    """The version, and how many tables there are."""
    with closing(sqlite3.connect(database)) as connection:
        ((version,),) = connection.execute("PRAGMA user_version")
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_schema")
    return version, tables


def rows(database: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY sid")] for table in ADDED
        }


async def test_a_column_that_is_added_gets_what_extra_holds_as_a_sync_would_have_read_it(
    database: Path, folder: Path
) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(1), *BODIES)
    as_read = rows(database)
    with closing(sqlite3.connect(database)) as connection:
        for table, new in ADDED.items():
            for sid, text in connection.execute(f"SELECT sid, extra FROM {table}").fetchall():
                body = next(body for body in BODIES if body["sid"] == sid)
                extra = text or "{}"
                for name in new:
                    if body.get(name) is not None:
                        (extra,) = connection.execute(
                            "SELECT json_set(?, ?, json(?))", (extra, f"$.{name}", json_of(body[name]))
                        ).fetchone()
                connection.execute(f"UPDATE {table} SET extra = nullif(?, '{{}}') WHERE sid = ?", (extra, sid))
            for name in new:
                drop_column(connection, table, name)
        connection.commit()
    prepare(database, folder).close()
    for table, found in rows(database).items():
        for row, expected in zip(found, as_read[table], strict=True):
            assert {name: row[name] for name in expected if name not in ("plain", "extra")} == {
                name: expected[name] for name in expected if name not in ("plain", "extra")
            }
            assert (row["extra"] or "{}").replace(" ", "") == (expected["extra"] or "{}").replace(" ", "")
            assert row.get("plain") is None, "it is not known any more"


def drop_column(connection: sqlite3.Connection, table: str, name: str) -> None:
    """Drops a column, and the triggers and indexes that name it, which a database without the column doesn't have."""
    made = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'index') AND instr(sql, ?)"
    for kind, dependent in connection.execute(made, (name,)).fetchall():
        connection.execute(f"DROP {kind} {dependent}")
    connection.execute(f"ALTER TABLE {table} DROP COLUMN {name}")


def json_of(value: Any) -> str:
    return msgspec.json.encode(value).decode()
