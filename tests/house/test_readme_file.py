"""What the README says of the archive's file to those who read it with other programs.

These tests are of SQLite's file, so they run on no other engine.
"""

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

import bodies
import readme
from store.archive import open_archive
from store.engine.database import file_in
from store.engine.protocols import Archive

pytestmark = pytest.mark.of_a_file

SECTION = re.split(r"\n##+ ", readme.TEXT.partition("### Reading the file with other programs")[2])[0]
(QUERY,) = (block.text for block in readme.BLOCKS if block.language == "sql")
TABLES = re.findall(r"^\| (`[\w`, ]+`) \|", SECTION, re.MULTILINE)


async def test_the_documented_tables_and_columns_exist(archive: Archive) -> None:
    tables = {name for (name,) in await archive.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    told = {name for cell in TABLES for name in re.findall(r"\w+", cell)}
    assert {"service", "session", "participant", "interaction", "deletion", "backup"} <= told <= tables
    columns = {
        name
        for table in tables
        for (name,) in await archive.fetch("SELECT name FROM pragma_table_info(:table)", {"table": table})
    }
    spans = set(re.findall(r"`(\w+)`", SECTION.partition("**What not to do:**")[0]))
    words = {"message", "voice", "complete", "stopped", "failed", "refused"}
    assert spans - words - tables <= columns


async def test_every_personal_column_is_documented(archive: Archive) -> None:
    sentence = SECTION.partition("Personal are")[2].partition("whoever")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == {"data", "body", "identifier", "proxy_identifier", "friendly_name"}


@pytest.fixture
async def crashed(database: Path, one_session: Path) -> Path:
    """An archive as a crash has left it, with a log."""
    shutil.copy(one_session, database)
    copy = database.with_name("crashed.db")
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.interaction(1))
        for end in ("", "-wal"):
            shutil.copy(database.with_name(f"archive.db{end}"), copy.with_name(f"crashed.db{end}"))
    return copy


async def test_the_query_runs_beside_a_writer(archive: Archive) -> None:
    await bodies.put(archive, bodies.interaction(1, date_created=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
    with closing(sqlite3.connect(f"file:{file_in(archive.database)}?mode=ro", uri=True)) as connection:
        assert connection.execute(QUERY).fetchall() == [("service-1", "message", "delivered", 1, None)]


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="SQLite's shell is not here.")
@pytest.mark.parametrize("statement", ["SELECT count(*) FROM session", "PRAGMA wal_checkpoint(TRUNCATE)"])
def test_the_documented_shell_command_neither_writes_nor_checkpoints(crashed: Path, statement: str) -> None:
    before = [crashed.with_name(f"crashed.db{end}").read_bytes() for end in ("", "-wal")]
    assert "`sqlite3 -readonly proxygraph.db`" in SECTION
    subprocess.run(["sqlite3", "-readonly", str(crashed), statement], capture_output=True, check=False)
    assert [crashed.with_name(f"crashed.db{end}").read_bytes() for end in ("", "-wal")] == before
    assert before[1]
