"""Reads an archive's health, even from a read-only file or while a server runs."""

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from store.archive import read_archive
from store.backups.notes import Backup, noted
from store.demo import demo_mark
from store.engine.protocols import Readable
from store.erasure.twilio_records import open_count
from store.keys import Key, keys
from store.sqlite.connections import READING, has_wal_reset_bug, reading
from store.sqlite.explanations import explained
from store.sqlite.files import resolved
from store.sqlite.migrations import latest
from store.sqlite.opening import read_only_uri
from store.sync.runs import latest_plausible
from store.sync.state import OWNER
from store.sync.status import STATUS, StatusQuery, SyncStatus

VERSION = "PRAGMA user_version"
SERVICES = """
SELECT service.sid, service.unique_name, CASE WHEN completed_at <= :latest THEN completed_at END,
  coalesce(service_sync.sessions_pending, 0),
  (SELECT count(*) FROM left_out WHERE left_out.service_sid = service.sid),
  (SELECT error FROM left_out WHERE left_out.service_sid = service.sid ORDER BY since DESC, sid LIMIT 1)
FROM service LEFT JOIN service_sync ON service_sync.service_sid = service.sid ORDER BY service.date_created, service.sid
""".strip()
ROWS = """
SELECT (SELECT count(*) FROM service), (SELECT count(*) FROM session), (SELECT count(*) FROM participant),
  (SELECT count(*) FROM interaction), (SELECT count(*) FROM deletion)
""".strip()
PENDING = """
SELECT count(*) FILTER (WHERE erased_at IS NULL), min(intended_at) FILTER (WHERE erased_at IS NULL),
  count(*) FILTER (WHERE erased_at IS NOT NULL), min(erased_at), max(waits_for)
FROM deletion WHERE closed_at IS NULL
""".strip()


class Service(msgspec.Struct, frozen=True):
    """When a Service was last read completely, how many Sessions are pending or could not be read, and why."""

    sid: str
    unique_name: str | None
    last_completed_at: str | None
    sessions_pending: int
    left_out: int
    last_error: str | None


class Rows(msgspec.Struct, frozen=True):
    """How many rows there are."""

    services: int
    sessions: int
    participants: int
    interactions: int
    deletions: int


class Pending(msgspec.Struct, frozen=True):
    """Unfinished deletions: those requested but not erased, and those erased but with bytes left; the oldest of each.

    ``waits_for`` says why bytes are left. ``records`` counts Message and Call records to be deleted at Twilio.
    """

    requested: int
    requested_since: str | None
    erased: int
    erased_since: str | None
    waits_for: str | None
    records: int


class Versions(msgspec.Struct, frozen=True):
    """The versions of Python, SQLite and the database. ``database_of_code`` is the version that the code needs."""

    python: str
    sqlite: str
    has_wal_reset_bug: bool
    database: int
    database_of_code: int


class Health(msgspec.Struct, frozen=True):
    """The health of an archive. If it must be migrated first, only its sizes and versions are known."""

    path: str
    file_bytes: int
    log_bytes: int
    versions: Versions
    account_sid: str | None = None
    demo: str | None = None
    sync: SyncStatus | None = None
    services: list[Service] = []
    rows: Rows | None = None
    pending: Pending | None = None
    keys: list[Key] = []
    backups: list[Backup] = []
    backups_gone: list[str] = []
    """The paths of recorded backups whose files no longer exist."""

    @property
    def checked_at(self) -> str | None:
        """When the archive last passed SQLite's integrity check, which each backup runs on its copy."""
        return max((backup.begun_at for backup in self.backups if backup.finished_at), default=None)


async def read_health(path: Path) -> Health:
    """Reads the health of the archive at ``path``, and changes nothing.

    Raises a DatabaseError if the file is missing or can't be used.
    """
    path = resolved(path)
    uri = read_only_uri(path)
    try:
        with closing(sqlite3.connect(uri or reading(str(path)), **READING)) as connection:
            ((version,),) = connection.execute(VERSION).fetchall()
        python = ".".join(map(str, sys.version_info[:3]))
        versions = Versions(python, sqlite3.sqlite_version, has_wal_reset_bug(), version, latest())
        log = path.with_name(f"{path.name}-wal")
        sizes = path.stat().st_size, log.stat().st_size if log.exists() else 0
        if uri is None:
            return Health(str(path), *sizes, versions)
        async with read_archive(path) as archive:
            return await _read(archive, Health(str(path), *sizes, versions))
    except sqlite3.Error as error:
        raise explained(error, path) from error


async def _read(archive: Readable, health: Health) -> Health:
    latest = {"latest": latest_plausible()}
    ((account,),) = await archive.fetch(OWNER)
    ((payload,),) = await archive.fetch(STATUS, latest)
    ((*rows,),) = await archive.fetch(ROWS)
    ((*pending,),) = await archive.fetch(PENDING)
    backups = await noted(archive)
    return msgspec.structs.replace(
        health,
        account_sid=account,
        demo=await demo_mark(archive),
        sync=StatusQuery().answer(payload, [None])[0],
        services=[Service(*row) for row in await archive.fetch(SERVICES, latest)],
        rows=Rows(*rows),
        pending=Pending(*[*pending, await open_count(archive)]),
        keys=await keys(archive),
        backups=backups,
        backups_gone=_gone(backups),
    )


def _gone(backups: list[Backup]) -> list[str]:
    return [backup.path for backup in backups if backup.finished_at and not Path(backup.path).exists()]


def age(moment: str) -> float:
    """How many seconds ago a time of the archive was."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
