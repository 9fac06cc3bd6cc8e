"""An archive's health, as figures."""

import sys
from datetime import UTC, datetime

import msgspec

from store.backups.notes import Backup
from store.erasure.copies import ArchiveCopy
from store.keys import Key
from store.sync.status import SyncStatus


class ServiceHealth(msgspec.Struct, frozen=True):
    """When a Service was last read completely, how many Sessions are pending or could not be read, and why."""

    sid: str
    unique_name: str | None
    last_completed_at: str | None
    sessions_pending: int
    left_out: int
    last_error: str | None


class RowTotals(msgspec.Struct, frozen=True):
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
    """The versions of Python, the engine and the database. ``database_of_code`` is the version that the code needs."""

    python: str
    sqlite: str | None
    has_wal_reset_bug: bool
    database: int
    database_of_code: int
    postgresql: str | None = None


class Standby(msgspec.Struct, frozen=True):
    """A standby that receives the server's log. What the role may not see is None."""

    name: str
    state: str | None
    sync_state: str | None
    lag_bytes: int | None
    lag_seconds: float | None


class Slot(msgspec.Struct, frozen=True):
    """A replication slot, and how many bytes of the log it keeps."""

    name: str
    is_active: bool
    kept_bytes: int


class Server(msgspec.Struct, frozen=True):
    """PostgreSQL's server: what it says of itself to the role.

    ``tables`` has the sizes of the archive's tables with their indexes, the largest first. ``lag_seconds`` is how far a
    standby is behind; 0 on a primary.
    """

    is_standby: bool
    lag_seconds: float
    connections: int
    most_connections: int
    tables: dict[str, int]
    settings: dict[str, str]
    standbys: list[Standby]
    slots: list[Slot]
    hindrances: list[str] = []
    """What makes erasures late or incomplete, a sentence each."""


def python_version() -> str:
    """The version of Python."""
    return ".".join(map(str, sys.version_info[:3]))


class Health(msgspec.Struct, frozen=True):
    """The health of an archive. If it must be migrated first, only its sizes and versions are known.

    ``path`` is its file, or its address without a password. The bytes are those of the file and its log, or of the
    database and its server's log; None if the role may not see it. ``server`` is PostgreSQL's.
    """

    path: str
    file_bytes: int
    log_bytes: int | None
    versions: Versions
    server: Server | None = None
    account_sid: str | None = None
    demo: str | None = None
    sync: SyncStatus | None = None
    services: list[ServiceHealth] = []
    rows: RowTotals | None = None
    pending: Pending | None = None
    keys: list[Key] = []
    backups: list[Backup] = []
    backups_gone: list[str] = []
    """The paths of recorded backups whose files no longer exist."""
    copies: list[ArchiveCopy] = []
    """The other databases that it was copied into, or from."""

    @property
    def checked_at(self) -> str | None:
        """When the archive last passed SQLite's integrity check, which each backup runs on its copy."""
        return max((backup.begun_at for backup in self.backups if backup.finished_at), default=None)


def age(moment: str) -> float:
    """How many seconds ago a time of the archive was."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
