"""The tables of an archive that are copied, and how their rows are read, written and compared on both engines.

Facets, persons and the marks of plain rows are derived: the target's writer makes them again. The target's change feed
is empty and has an epoch of its own, since changes have other numbers there.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from store.columns import Record
from store.engine.sql import Statement
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session

RECORDS: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)
"""Parents before children."""
DERIVED = frozenset(
    {
        *("interaction_kind", "session_kind", "participant_kind", "session_person"),
        *("change", "change_feed", "archive"),
    }
)
"""Tables whose rows are not copied. Of ``archive`` some columns are; see OF_ARCHIVE."""
OF_ARCHIVE = ("demo", "account_sid", "last_callback_at")
NUL, REPLACEMENT = "\0", "\N{REPLACEMENT CHARACTER}"


class Column(NamedTuple):
    """A column of a copied table; ``kind`` is PostgreSQL's type."""

    name: str
    kind: str


class Table(NamedTuple):
    """A copied table: its columns, and those that are its key."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column.name for column in self.columns)

    def page_sql(self, is_first: bool) -> str:
        """The SELECT of the next rows by the key, after ``:after0``, ``:after1``, …"""
        key = ", ".join(self.key)
        after = ", ".join(f":after{number}" for number in range(len(self.key)))
        condition = "" if is_first else f" WHERE ({key}) > ({after})"
        return f"SELECT {', '.join(self.names)} FROM {self.name}{condition} ORDER BY {key} LIMIT :limit"

    def insert(self) -> Statement:
        """Inserts the rows of the JSON text ``:rows``."""
        given = ", ".join(f"CAST({name} AS {kind})" for name, kind in self.columns)
        names = ", ".join(self.names)
        return Statement(
            lambda dialect: (
                f"INSERT INTO {self.name} ({names}) SELECT {given} FROM ({dialect.rows(':rows', *self.names)}) AS given"
            )
        )

    def key_of(self, row: Sequence[Any]) -> list[Any]:
        """The key of a row."""
        return [row[self.names.index(name)] for name in self.key]

    def bound(self, after: Sequence[Any] | None, limit: int) -> dict[str, Any]:
        """What ``page_sql`` binds."""
        return {"limit": limit} | {f"after{number}": value for number, value in enumerate(after or ())}

    def read(self, rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """The rows as both engines have them: flags are booleans, and no text has a NUL, which PostgreSQL refuses."""
        flags = [column.kind == "boolean" for column in self.columns]
        return [
            [
                bool(value)
                if flag and value is not None
                else value.replace(NUL, REPLACEMENT)
                if isinstance(value, str) and NUL in value
                else value
                for flag, value in zip(flags, row, strict=True)
            ]
            for row in rows
        ]


def _table(name: str, key: str, texts: str, numbers: str = "", flags: str = "") -> Table:
    columns = [
        *(Column(column, "text") for column in texts.split()),
        *(Column(column, "bigint") for column in numbers.split()),
        *(Column(column, "boolean") for column in flags.split()),
    ]
    return Table(name, tuple(columns), tuple(key.split()))


NUMBERS = {"default_ttl", "ttl", "duration_seconds"}
BY_DATE = ("date_created", "sid")
"""An index has this order, and in it most indexes of the target grow at their ends, as in a sync."""
OF_RECORDS = tuple(
    Table(
        record.table,
        tuple(Column(name, "bigint" if name in NUMBERS else "text") for name in record.__struct_fields__),
        ("sid",) if record is Participant else BY_DATE,
    )
    for record in RECORDS
)
"""The tables of Twilio's resources, in the order of RECORDS."""
OTHERS = (
    _table(
        "deletion",
        "sid",
        "sid session_sid service_sid account_sid inbound_resource_sid inbound_resource_type outbound_resource_sid "
        "outbound_resource_type requested_by intended_at erased_at closed_at waits_for twilio purged_at",
        "at_twilio",
    ),
    _table("session_read", "session_sid", "session_sid read_at", flags="unconfirmed"),
    _table("service_sync", "service_sid", "service_sid completed_at", "sessions_pending"),
    _table(
        "sync_run",
        "number",
        "mode started_at alive_at finished_at outcome error",
        "number sessions_pending services sessions interactions new changed unchanged archived erased requests retries "
        "left_out",
        "partial",
    ),
    _table("access_key", "name", "name hash scopes created_at expires_at revoked_at last_used_at"),
    _table("session_listed", "session_sid", "session_sid listed_at", "run"),
    _table("left_out", "sid", "sid service_sid since error"),
    _table("twilio_record", "sid", "sid interaction_sid account_sid state reason requested_by requested_at tried_at"),
    _table("erasure_case", "reference", "reference account_sid begun_at"),
    _table("erasure_run", "id", "reference requested_by question options begun_at ended_at", "id"),
    _table("erasure_case_item", "reference sid", "reference sid outcome reason at", "run"),
    _table("legal_hold", "sid", "sid noted_at"),
    _table("backup", "number", "path begun_at finished_at", "number bytes services sessions participants interactions"),
    _table("callback_row", "sid", "sid session_sid received_at", flags="is_only"),
    _table("callback_session", "session_sid", "session_sid service_sid due_at leased_until", "reports failures"),
)
"""The ledger, keys, the sync's state, cases, and the notes of backups, which still hold what they hold.

The ledger comes after the rows: a row whose deletion is requested, but not done, is in both. Its ``log_position`` is
one of another log.
"""
LEFT_OUT = {("deletion", "log_position")}
TABLES = (*OF_RECORDS, *OTHERS)


class Digest:
    """The number and the SHA-256 of a table's rows in the order of the key, the same on both engines."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Adds the next rows."""
        self.count += len(rows)
        for row in rows:
            self._hash.update(msgspec.json.encode(row) + b"\n")

    def hexdigest(self) -> str:
        """The hash, in hexadecimal digits."""
        return self._hash.hexdigest()
