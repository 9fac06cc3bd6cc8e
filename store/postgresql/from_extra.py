"""Moves values from ``extra`` to the columns that a migration adds, as store/sqlite/from_extra.py does for a file."""

from collections.abc import Iterable

from store.columns import Column, ColumnType, Record, columns
from store.interactions import Interaction
from store.participants import Participant
from store.postgresql.connections import RawConnection
from store.services import Service
from store.sessions import Session
from store.twilio_mapping import from_extra

RECORDS: tuple[type[Record], ...] = (Service, Session, Participant, Interaction)
COLUMNS = """
SELECT attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relname = $1 AND relnamespace = current_schema()::regnamespace AND attnum > 0 AND NOT attisdropped
""".strip()

Columns = dict[str, frozenset[str]]
"""The names of each table's columns."""


async def current_columns(connection: RawConnection) -> Columns:
    """The columns of the records' tables as they are now; none for a missing table."""
    return {
        record.table: frozenset(name for (name,) in await connection.fetch(COLUMNS, record.table)) for record in RECORDS
    }


async def fill_from_extra(connection: RawConnection, before: Columns) -> None:
    """Fills the columns that were added since ``before`` from ``extra``, just as a sync would fill them."""
    after = await current_columns(connection)
    for record in RECORDS:
        added = after[record.table] - before[record.table]
        new = [column for column in columns(record) if column.name in added and _is_twilios(column)]
        if before[record.table] and new:
            await _fill(connection, record.table, new, "plain" in after[record.table])


async def _fill(connection: RawConnection, table: str, new: Iterable[Column], has_plain: bool) -> None:
    has_any = " OR ".join(f"CAST(extra AS json) -> '{column.name}' IS NOT NULL" for column in new)
    for sid, text in await connection.fetch(f"SELECT sid, extra FROM {table} WHERE {has_any}"):
        values, left = from_extra(text, new)
        if values:
            names = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, start=3))
            # The new values may need JSON escaping, so the row no longer counts as JSON-safe.
            plain = ", plain = NULL" if has_plain else ""
            update = f"UPDATE {table} SET {names}{plain}, extra = $2 WHERE sid = $1"
            await connection.execute(update, sid, left, *values.values())


def _is_twilios(column: Column) -> bool:
    return column.column_type is not ColumnType.OWN and column.name != "extra"
