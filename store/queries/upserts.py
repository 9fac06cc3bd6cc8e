"""Upserts: the statements that insert or replace records, declared once for both engines.

One statement writes all records of a type. How it binds them is the engine's: SQLite has one JSON text, PostgreSQL an
array for each column; ``Rows`` says so.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeAlias

from store import interactions, participants, sessions
from store.columns import Record
from store.engine.protocols import Written
from store.engine.sql import Dialect, text_of
from store.interactions import Interaction
from store.lists.facets import FacetTable
from store.participants import Participant
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
INSERT INTO {table} ({columns}) SELECT {given} FROM ({rows}) AS given WHERE TRUE
ON CONFLICT (sid) DO UPDATE SET {assignments} WHERE {changes}
""".strip()
"""SQLite needs the WHERE: without one it parses ON as a join's (https://sqlite.org/lang_upsert.html)."""
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
STORED_AND_ERASED = """
SELECT (SELECT count(*) FROM {table} WHERE {is_given}),
  (SELECT count(*) FROM deletion WHERE erased_at IS NOT NULL AND {is_given})
""".strip()

Rows: TypeAlias = Callable[[type[Record], Sequence[str]], str]
"""Writes the SELECT of some columns of the records that a statement binds."""


class StoredAndErased(NamedTuple):
    """How many of some SIDs are stored, and how many were erased."""

    stored: int
    erased: int


async def put(
    records: Iterable[Record],
    count: Callable[[type[Record], list[str]], Awaitable[StoredAndErased]],
    upsert: Callable[[type[Record], list[Record]], Awaitable[int]],
) -> Written:
    """Writes the records type by type, as they come, and counts them.

    ``count`` counts SIDs of a type; ``upsert`` writes records of a type, and returns how many rows it changed.
    """
    written = Written()
    record_type: type[Record]
    for record_type, group in groupby(records, type):
        rows = {record.sid: record for record in group}
        stored, erased = await count(record_type, list(rows))
        upserted = await upsert(record_type, list(rows.values()))
        new = len(rows) - stored - (0 if record_type.personal else erased)
        counts = (new, upserted - new, stored - (upserted - new))
        written = Written(*(total + more for total, more in zip(written, counts, strict=True)))
    return written


@lru_cache
def upsert_statement(record_type: type[Record], dialect: Dialect, rows_of: Rows) -> str:
    """The statement that inserts or replaces records, of which it binds all columns.

    Those that were deleted stay out; an erased Participant is written without what names the person.
    """
    columns = record_type.__struct_fields__
    rows, given = rows_of(record_type, columns), ", ".join(f"given.{column}" for column in columns)
    if record_type.personal:
        personal = record_type.personal
        kept = (f"CASE WHEN NOT erased THEN {name} END AS {name}" if name in personal else name for name in columns)
        rows = WITHOUT_ERASED.format(columns=", ".join(kept), rows=rows)
    if record_type is Participant:
        rows = WITH_NEW_PERSONS.format(rows=rows)
    if facets := FACETS.get(record_type):
        same = " AND ".join(f"{facets.table}.{name} = given.facet_{name}" for name in facets.columns)
        values = ", ".join(f"{text_of(value, dialect)} AS facet_{name}" for name, value in facets.columns.items())
        rows = WITH_FACETS.format(values=values, rows=rows)
        given = f"{given}, {COMBINATION_ID.format(facet_table=facets.table, conditions=same)}"
        columns = (*columns, "kind")
    for column, person in PERSONS.get(record_type, {}).items():
        given, columns = f"{given}, {person}", (*columns, column)
    if record_type.plain:
        rows = WITH_PLAIN.format(is_plain=dialect.is_plain(*record_type.plain), rows=rows)
        given, columns = f"{given}, given.plain", (*columns, "plain")
    others = [column for column in columns if column != "sid"]
    return UPSERT.format(
        table=record_type.table,
        columns=", ".join(columns),
        given=given,
        rows=rows,
        assignments=", ".join(f"{column} = excluded.{column}" for column in others),
        changes=dialect.differ(
            ", ".join(f"{record_type.table}.{column}" for column in others),
            ", ".join(f"excluded.{column}" for column in others),
        ),
    )


@lru_cache
def combinations_statement(
    record_type: type[Record], dialect: Dialect, rows_of: Rows
) -> tuple[str, tuple[str, ...]] | None:
    """The statement that adds new combinations of facets, and the columns that it binds; None without facets."""
    facets = FACETS.get(record_type)
    if facets is None:
        return None
    values = {name: text_of(value, dialect) for name, value in facets.columns.items()}
    read = set(re.findall(r"\w+", " ".join(values.values())))
    columns = tuple(column for column in record_type.__struct_fields__ if column in read)
    statement = INSERT_COMBINATIONS.format(
        facet_table=facets.table,
        columns=", ".join(values),
        values=", ".join(f"{value} AS {name}" for name, value in values.items()),
        same=" AND ".join(f"{facets.table}.{name} = combination.{name}" for name in values),
        rows=rows_of(record_type, columns),
    )
    return statement, columns


def stored_and_erased_statement(record_type: type[Record], is_given: str) -> str:
    """The statement that counts SIDs; ``is_given`` is the condition that ``sid`` is one of them."""
    return STORED_AND_ERASED.format(table=record_type.table, is_given=is_given)
