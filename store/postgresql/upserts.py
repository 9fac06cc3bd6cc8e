"""The SQL that writes records: one statement for all records of a type, whose columns are bound as arrays.

Arrays take a third of the time that JSON takes: the driver writes them in binary, and the server doesn't parse them.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, get_args, get_type_hints

import msgspec

from store import interactions, participants, sessions
from store.columns import Record, storable_record
from store.engine.sql import text_of
from store.interactions import Interaction
from store.lists.facets import FacetTable
from store.participants import Participant
from store.postgresql.dialect import DIALECT
from store.sessions import Session

FACETS: dict[type[Record], FacetTable] = {
    Session: sessions.FACETS,
    Participant: participants.FACETS,
    Interaction: interactions.FACETS,
}
PERSON = "(SELECT person FROM participant WHERE participant.sid = given.{leg}_participant_sid)"
OWN_PERSON = """
CASE WHEN given.identifier IS NOT NULL THEN coalesce(
  (SELECT person FROM participant WHERE participant.identifier = given.identifier LIMIT 1),
  (SELECT coalesce(max(person), 0) FROM participant WHERE person IS NOT NULL) + given.new_person
) END
""".strip()
WITH_NEW_PERSONS = "SELECT *, dense_rank() OVER (ORDER BY identifier) AS new_person FROM ({rows}) AS numbered"
"""Numbers the identifiers, so that new participants of one person that are written together get one number."""
PERSONS: dict[type[Record], dict[str, str]] = {
    Participant: {"person": OWN_PERSON},
    Interaction: {f"{leg}_person": PERSON.format(leg=leg) for leg in ("inbound", "outbound")},
}
"""Columns with a person. A participant that is written after its interactions gives them its person by a trigger."""

UPSERT = """
INSERT INTO {table} ({columns}) SELECT {given} FROM ({rows}) AS given
ON CONFLICT (sid) DO UPDATE SET {assignments} WHERE ({values}) IS DISTINCT FROM ({excluded})
""".strip()
INSERT_COMBINATIONS = """
INSERT INTO {facet_table} (id, {columns})
SELECT (SELECT coalesce(max(id), 0) FROM {facet_table}) + row_number() OVER (), {columns}
FROM (SELECT DISTINCT {values} FROM ({rows}) AS given) AS combination
WHERE NOT EXISTS (SELECT 1 FROM {facet_table} WHERE {same})
""".strip()
WITH_FACETS = "SELECT *, {values} FROM ({rows}) AS faceted"
WITHOUT_ERASED = """
SELECT {columns} FROM (SELECT *, EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = written.sid) AS erased
  FROM ({rows}) AS written) AS known
""".strip()
WITH_PLAIN = "SELECT *, {is_plain} AS plain FROM ({rows}) AS checked"
COMBINATION_ID = "(SELECT id FROM {facet_table} WHERE {conditions})"
COUNT_STORED = """
SELECT (SELECT count(*) FROM {table} WHERE sid = ANY($1::text[])),
  (SELECT count(*) FROM deletion WHERE erased_at IS NOT NULL AND sid = ANY($1::text[]))
""".strip()


def is_plain(columns: Sequence[str]) -> str:
    """The SQL expression that is true if JSON writes a row's texts in these columns as they are, none of them null."""
    whole = " || ".join(f"nullif({column}, '')" for column in columns)
    return f"coalesce(CAST(to_json({whole}) AS text) = '\"' || {whole} || '\"', FALSE)"


def arrays(rows: Sequence[Record], columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of these columns, one tuple for each column."""
    fields = rows[0].__struct_fields__
    if tuple(columns) == fields:
        return list(zip(*map(msgspec.structs.astuple, rows), strict=True))
    return [tuple(getattr(row, column) for row in rows) for column in columns]


def storable_rows(rows: list[Record]) -> list[Record]:
    """The rows without NUL, which PostgreSQL refuses; one that was read from an older archive may have it."""
    texts = "".join(value for row in rows for value in msgspec.structs.astuple(row) if isinstance(value, str))
    return [storable_record(row) for row in rows] if "\0" in texts else rows


@lru_cache
def upsert(record: type[Record]) -> str:
    """The statement that inserts or replaces records; it binds an array for each of the record's columns."""
    columns: tuple[str, ...] = record.__struct_fields__
    rows, given = _rows(record, columns), ", ".join(f"given.{column}" for column in columns)
    if record.personal:
        erased = (
            f"CASE WHEN NOT erased THEN {name} END AS {name}" if name in record.personal else name for name in columns
        )
        rows = WITHOUT_ERASED.format(columns=", ".join(erased), rows=rows)
    if record is Participant:
        rows = WITH_NEW_PERSONS.format(rows=rows)
    if facets := FACETS.get(record):
        same = " AND ".join(f"{facets.table}.{name} = given.facet_{name}" for name in facets.columns)
        values = ", ".join(f"{text_of(value, DIALECT)} AS facet_{name}" for name, value in facets.columns.items())
        rows = WITH_FACETS.format(values=values, rows=rows)
        given = f"{given}, {COMBINATION_ID.format(facet_table=facets.table, conditions=same)}"
        columns = (*columns, "kind")
    for column, person in PERSONS.get(record, {}).items():
        given, columns = f"{given}, {person}", (*columns, column)
    if record.plain:
        rows = WITH_PLAIN.format(is_plain=is_plain(record.plain), rows=rows)
        given, columns = f"{given}, given.plain", (*columns, "plain")
    others = [column for column in columns if column != "sid"]
    return UPSERT.format(
        table=record.table,
        columns=", ".join(columns),
        given=given,
        rows=rows,
        assignments=", ".join(f"{column} = excluded.{column}" for column in others),
        values=", ".join(f"{record.table}.{column}" for column in others),
        excluded=", ".join(f"excluded.{column}" for column in others),
    )


@lru_cache
def insert_combinations(record: type[Record]) -> tuple[str, tuple[str, ...]] | None:
    """The statement that adds new combinations of facets, and the columns that it binds; None without facets."""
    facets = FACETS.get(record)
    if facets is None:
        return None
    values = {name: text_of(value, DIALECT) for name, value in facets.columns.items()}
    read = set(re.findall(r"\w+", " ".join(values.values())))
    columns = tuple(column for column in record.__struct_fields__ if column in read)
    statement = INSERT_COMBINATIONS.format(
        facet_table=facets.table,
        columns=", ".join(values),
        values=", ".join(f"{value} AS {name}" for name, value in values.items()),
        same=" AND ".join(f"{facets.table}.{name} = combination.{name}" for name in values),
        rows=_rows(record, columns),
    )
    return statement, columns


@lru_cache
def count_stored(record: type[Record]) -> str:
    """The statement that counts which of the SIDs are stored, and which were erased."""
    return COUNT_STORED.format(table=record.table)


def _rows(record: type[Record], columns: Sequence[str]) -> str:
    hints = get_type_hints(record)
    given = ", ".join(
        f"${number}::bigint[]" if int in (hints[column], *get_args(hints[column])) else f'${number}::text[] COLLATE "C"'
        for number, column in enumerate(columns, start=1)
    )
    return f"SELECT * FROM unnest({given}) AS bound ({', '.join(columns)})"
