"""How statements bind records: an array for each column.

Arrays take a third of the time that JSON takes: the driver writes them in binary, and the server doesn't parse them.
"""

from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

import msgspec

from store.columns import Record, storable_record

IS_GIVEN = "sid = ANY($1::text[])"
"""The condition that a row's SID is one of those in the statement's only array."""


def rows_of(record_type: type[Record], columns: Sequence[str]) -> str:
    """The SELECT of these columns of the records; it binds the ``arrays`` of them."""
    hints = get_type_hints(record_type)
    given = ", ".join(
        f"${number}::bigint[]" if int in (hints[column], *get_args(hints[column])) else f'${number}::text[] COLLATE "C"'
        for number, column in enumerate(columns, start=1)
    )
    return f"SELECT * FROM unnest({given}) AS bound ({', '.join(columns)})"


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
