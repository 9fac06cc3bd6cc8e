"""The tables of an archive that are copied, and how their rows are read and compared on both engines.

All columns are copied as they are, also those that the source's writer has derived: facets, persons and the marks of
plain rows mean the same on both engines. The target's change feed is empty and has an epoch of its own, since changes
have other numbers there.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from store.columns import Record
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session

NOT_COPIED = frozenset({"change", "change_feed", "archive"})
"""Tables whose rows are not copied. Some columns of ``archive`` are: see OF_ARCHIVE."""
OF_ARCHIVE = ("demo", "account_sid", "last_callback_at")
NUL, REPLACEMENT = "\0", "\N{REPLACEMENT CHARACTER}"
NUL_IN_JSON = b"\\u0000"
"""How JSON writes a NUL. A text without a NUL may contain it too, after another backslash."""
ENCODER = msgspec.json.Encoder()


class CopiedColumn(NamedTuple):
    """A column of a copied table; ``kind`` is PostgreSQL's type."""

    name: str
    kind: str


class Table(NamedTuple):
    """A copied table: its columns, and those that are its key."""

    name: str
    columns: tuple[CopiedColumn, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column.name for column in self.columns)

    def rows_sql(self, condition: str = "") -> str:
        """The SELECT of the rows in the order of the key. ``condition`` compares it with ``:key0``, ``:key1``, …

        It is ``>`` or ``<=``; without it, all rows are read.
        """
        key = ", ".join(self.key)
        given = ", ".join(f":key{number}" for number in range(len(self.key)))
        where = f" WHERE ({key}) {condition} ({given})" if condition else ""
        return f"SELECT {', '.join(self.names)} FROM {self.name}{where} ORDER BY {key}"

    def key_of(self, row: Sequence[Any]) -> list[Any]:
        """The key of a row."""
        return [row[self.names.index(name)] for name in self.key]

    def bound(self, key: Sequence[Any]) -> dict[str, Any]:
        """What ``rows_sql`` binds."""
        return {f"key{number}": value for number, value in enumerate(key)}

    def read(self, rows: Sequence[Sequence[Any]]) -> "TableRows":
        """The rows as both engines have them: flags are booleans, and no text has a NUL, which PostgreSQL refuses."""
        flags = [number for number, column in enumerate(self.columns) if column.kind == "boolean"]
        if flags:
            rows = [_with_flags(row, flags) for row in rows]
        lines = ENCODER.encode_lines(rows)
        if NUL_IN_JSON in lines:
            rows = [[_without_nul(value) for value in row] for row in rows]
            lines = ENCODER.encode_lines(rows)
        return TableRows(rows, lines)


class TableRows(NamedTuple):
    """Rows of a table, and their JSON, a line for each: the same bytes for the same rows of either engine."""

    rows: Sequence[Sequence[Any]]
    lines: bytes


def _with_flags(row: Sequence[Any], flags: Sequence[int]) -> list[Any]:
    values = list(row)
    for number in flags:
        if values[number] is not None:
            values[number] = bool(values[number])
    return values


def _without_nul(value: Any) -> Any:
    return value.replace(NUL, REPLACEMENT) if isinstance(value, str) else value


def _table(name: str, key: str, texts: str, numbers: str = "", flags: str = "") -> Table:
    columns = [
        *(CopiedColumn(column, "text") for column in texts.split()),
        *(CopiedColumn(column, "bigint") for column in numbers.split()),
        *(CopiedColumn(column, "boolean") for column in flags.split()),
    ]
    return Table(name, tuple(columns), tuple(key.split()))


NUMBERS = {"default_ttl", "ttl", "duration_seconds", "kind", "person", "inbound_person", "outbound_person"}
FLAGS = {"plain"}
BY_DATE = ("date_created", "sid")
"""The order of an index. In this order most indexes of the target grow at their ends, as in a sync."""


def _of_record(record: type[Record], key: tuple[str, ...], derived: str = "") -> Table:
    names = (*record.__struct_fields__, *derived.split())
    kinds = ("bigint" if name in NUMBERS else "boolean" if name in FLAGS else "text" for name in names)
    return Table(record.table, tuple(map(CopiedColumn, names, kinds)), key)


OF_RECORDS = (
    _of_record(Service, BY_DATE),
    _table("session_kind", "id", "service_sid status mode", "id"),
    _of_record(Session, BY_DATE, "kind"),
    _table("participant_kind", "id", "service_sid date_deleted", "id"),
    _of_record(Participant, ("sid",), "kind person"),
    _table("session_person", "sid person", "sid date_created date_updated date_last_interaction", "person kind"),
    _table("interaction_kind", "id", "service_sid type inbound_resource_status outbound_resource_status", "id lag"),
    _of_record(Interaction, BY_DATE, "kind plain inbound_person outbound_person"),
)
"""The tables of Twilio's resources and those that are derived from them, parents before children."""
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
    _table("archive_copy", "target", "target begun_at finished_at"),
    _table("callback_row", "sid", "sid session_sid received_at", flags="is_only"),
    _table("callback_session", "session_sid", "session_sid service_sid due_at leased_until", "reports failures"),
)
"""The ledger, keys, the sync's state, cases, and the records of backups and copies, which still exist.

The ledger comes after the rows: a row whose deletion is requested, but not done, is in both. Its ``log_position``
refers to the log of the source, so it is not copied.
"""
LEFT_OUT = {("deletion", "log_position")}
TABLES = (*OF_RECORDS, *OTHERS)


class Digest:
    """The number and the SHA-256 of a table's rows in the order of the key, the same on both engines."""

    def __init__(self) -> None:
        self.count = 0
        self._hash = hashlib.sha256()

    def add(self, rows: TableRows) -> None:
        """Adds the next rows."""
        self.count += len(rows.rows)
        self._hash.update(rows.lines)

    def hexdigest(self) -> str:
        """The hash, in hexadecimal digits."""
        return self._hash.hexdigest()
