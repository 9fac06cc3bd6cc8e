"""Moves values from ``extra`` to the columns that a migration adds.

Properties of Twilio's without a column are stored as JSON in ``extra``. When a property gets a column, the stored rows
still have its value in ``extra``, and a sync doesn't read unchanged rows again.
"""

import sqlite3
from collections.abc import Iterator

from store.columns import Column, ColumnType, Record, columns
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.twilio_mapping import from_extra

RECORDS: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)

Columns = dict[str, frozenset[str]]
"""The names of each table's columns."""


def current_columns(connection: sqlite3.Connection) -> Columns:
    """The columns of the records' tables as they are now; none for a missing table."""
    return {record.table: _names(connection, record.table) for record in RECORDS}


def fill_from_extra(connection: sqlite3.Connection, before: Columns) -> None:
    """Fills the columns that were added since ``before`` from ``extra``, just as a sync would fill them.

    A value that the column can't hold stays in ``extra``.
    """
    after = current_columns(connection)
    for record in RECORDS:
        added = after[record.table] - before[record.table]
        if before[record.table] and (new := [column for column in _from_twilio(record) if column.name in added]):
            _fill(connection, record, new, "plain" in after[record.table])


def _fill(connection: sqlite3.Connection, record: type[Record], new: list[Column], has_plain: bool) -> None:
    table = record.table
    has_any = " OR ".join(f"json_type(extra, '$.{column.name}') IS NOT NULL" for column in new)
    for sid, text in connection.execute(f"SELECT sid, extra FROM {table} WHERE {has_any}").fetchall():
        values, extra = from_extra(text, new)
        if not values:
            continue
        assignments = ", ".join(f"{name} = ?" for name in values)
        # The new values may need JSON escaping, so the row no longer counts as JSON-safe (Record.plain).
        assignments += ", plain = NULL" if has_plain else ""
        connection.execute(f"UPDATE {table} SET {assignments}, extra = ? WHERE sid = ?", (*values.values(), extra, sid))


def _from_twilio(record: type[Record]) -> Iterator[Column]:
    return (column for column in columns(record) if column.column_type is not ColumnType.OWN and column.name != "extra")


def _names(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
