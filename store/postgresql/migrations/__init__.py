"""Migrations: numbered SQL files that bring a database of PostgreSQL to the latest version, each in one transaction.

Their numbers are those of SQLite's migrations, so a number means the same in both engines. The first one makes what
SQLite's first seventeen make. The table ``migration`` has the numbers of those that ran. Each runs under the writers'
lock, so servers that start at the same time migrate once, and no server writes meanwhile. A column that one adds for a
property of Twilio's is filled from ``extra``, in the same transaction (store/postgresql/from_extra.py).

A migration that leaves older servers' statements working, because it only adds, says so by a line
``-- Serves: NUMBER``, the oldest version that can go on. Then servers can be replaced one after the other.
"""

import re
from pathlib import Path

from store.postgresql.connections import RawConnection
from store.postgresql.from_extra import current_columns, fill_from_extra

FOLDER = Path(__file__).parent
FIRST = 17

WRITE_LOCK = 0x50785967
"""The key of the advisory lock that whoever writes holds to the end of the transaction: ASCII ``PxYg``."""

HAS_VERSION = """
SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'migration' AND relnamespace = current_schema()::regnamespace)
""".strip()
"""Not by to_regclass, which can answer from a cache of before the lock was waited for."""
VERSION = "SELECT coalesce(max(number), 0) FROM migration"
SERVES = "SELECT max(serves) FROM migration"
MADE = """
CREATE TABLE IF NOT EXISTS migration (
  number bigint PRIMARY KEY, applied_at text COLLATE "C" NOT NULL, serves bigint NOT NULL
)
""".strip()
RAN = """
INSERT INTO migration VALUES ($1, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), $2)
""".strip()
SERVED = re.compile(r"^-- Serves: (\d+)$", re.MULTILINE)
LOCK = f"SELECT pg_advisory_xact_lock({WRITE_LOCK})"


def latest(folder: Path = FOLDER) -> int:
    """The version that this code writes."""
    return max(_files(folder))


async def version_of(connection: RawConnection) -> int:
    """The number of the last migration that ran; 0 if none did."""
    has_version: bool = await connection.fetchval(HAS_VERSION)
    return int(await connection.fetchval(VERSION)) if has_version else 0


async def oldest_served(connection: RawConnection) -> int:
    """The oldest version whose statements work on this database."""
    return int(await connection.fetchval(SERVES))


async def migrate(connection: RawConnection, folder: Path = FOLDER) -> bool:
    """Brings the database to the latest version; if a migration fails, those before it stay applied.

    Returns whether this created the archive.
    """
    created = False
    for number, file in sorted(_files(folder).items()):
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(LOCK)
            version = await version_of(connection)
            if version >= number:
                continue
            await connection.execute(MADE)
            text = file.read_text("utf-8")
            before = await current_columns(connection)
            await connection.execute(text)
            await fill_from_extra(connection, before)
            served = SERVED.search(text)
            await connection.execute(RAN, number, int(served[1]) if served else number)
            created |= version == 0
    return created


def _files(folder: Path) -> dict[int, Path]:
    files = {int(file.name.split("_")[0]): file for file in folder.glob("[0-9]*.sql")}
    missing = set(range(FIRST, max(files) + 1)) - set(files)
    if missing or min(files) != FIRST:
        raise ValueError(f"Migrations are numbered from {FIRST} without a gap, but {sorted(missing or files)} are not.")
    return files
