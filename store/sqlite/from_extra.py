"""Moves values out of ``extra`` into the columns that a migration adds.

What Twilio gives and no column holds is kept as JSON in ``extra``. When a property gets its column, the rows that were
read before have its value there, and are not read again from Twilio where nothing else of them changes.
"""

import sqlite3
from collections.abc import Iterator

import msgspec

from store.columns import Column, ColumnType, Record, columns
from store.interactions import Interaction
from store.participants import Participant
from store.services import Service
from store.sessions import Session
from store.twilio_mapping import extra_text, value_of

RECORDS: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)

Columns = dict[str, frozenset[str]]
"""The names of each table's columns."""


def columns_there(connection: sqlite3.Connection) -> Columns:
    """The columns that the records' tables have now."""
    return {record.table: _names(connection, record.table) for record in RECORDS}


def fill_from_extra(connection: sqlite3.Connection, before: Columns) -> None:
    """Gives the columns that were not there ``before`` what ``extra`` holds for them, as a sync would have read it.

    A value that the column can't hold stays in ``extra``.
    """
    after = columns_there(connection)
    for record in RECORDS:
        added = after[record.table] - before[record.table]
        if before[record.table] and (new := [column for column in _from_twilio(record) if column.name in added]):
            _fill(connection, record, new, "plain" in after[record.table])


def _fill(connection: sqlite3.Connection, record: type[Record], new: list[Column], has_plain: bool) -> None:
    table = record.table
    held = " OR ".join(f"json_type(extra, '$.{column.name}') IS NOT NULL" for column in new)
    for sid, text in connection.execute(f"SELECT sid, extra FROM {table} WHERE {held}").fetchall():
        extra = msgspec.json.decode(text)
        values: dict[str, str | int] = {}
        for column in new:
            value, is_whole = value_of(column, extra[column.name]) if column.name in extra else (None, False)
            if value is not None:
                values[column.name] = value
            if is_whole:
                del extra[column.name]
        if not values:
            continue
        assignments = ", ".join(f"{name} = ?" for name in values)
        # Whether JSON writes the row's texts as they are is not known any more (store/sqlite/json_safe.py).
        assignments += ", plain = NULL" if has_plain else ""
        connection.execute(
            f"UPDATE {table} SET {assignments}, extra = ? WHERE sid = ?", (*values.values(), extra_text(extra), sid)
        )


def _from_twilio(record: type[Record]) -> Iterator[Column]:
    return (column for column in columns(record) if column.column_type is not ColumnType.OWN and column.name != "extra")


def _names(connection: sqlite3.Connection, table: str) -> frozenset[str]:
    return frozenset(row[1] for row in connection.execute(f"PRAGMA table_info({table})"))
