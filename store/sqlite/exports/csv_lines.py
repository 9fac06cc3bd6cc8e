"""SQLite's SQL of a line of CSV (store/exports/lines.py): one printf."""

from collections.abc import Mapping, Sequence

from store.exports.columns import ExportColumn, ValueType
from store.exports.lines import GUARDED, WHITE_SPACE, CsvLine

OPENING = (
    "CASE WHEN {text} BETWEEN 'A' AND 'z' THEN '\"' WHEN {text} BETWEEN '+' AND '+~' THEN '\"''' "
    "WHEN {text} IS NULL THEN '' "
    "WHEN instr({guarded}, nullif(substr(ltrim({text}, {white_space}), 1, 1), '')) THEN '\"''' ELSE '\"' END"
)
"""The opening quote, with the apostrophe where the text needs one. Nearly all texts begin with a letter, or are numbers
with +; these come first, since SQLite reads a column anew wherever it is named."""
WITHOUT_NUL = (
    "iif(instr({text}, char(0)), "
    "json_extract(replace(json_quote({text}), '\\u0000', '\\ufffd'), '$'), ifnull({text}, ''))"
)
"""The text; NUL, which ends a text for printf and most programs that read CSV, becomes U+FFFD."""
CLOSING = "iif({text} IS NULL, '', '\"')"

BEGINS_SAFELY = {ValueType.TEXT: ("A", "z"), ValueType.INSTANT: ("0", ":")}
"""Texts between these begin with a letter, or a digit."""


def csv_line(line: CsvLine) -> str:
    """The SQL that writes a row as one line.

    In a row that is marked plain (Record.plain), the plain columns are set and need no escaping. If they
    begin with letters and digits besides, they are only put between quotes, which takes half the time.
    """
    columns, table, plain = line
    written = _line(columns, {})
    plain_columns = {f"{table}.{name}" for name in plain}
    quoted = {
        column.sql: BEGINS_SAFELY[column.value_type]
        for column in columns
        if column.sql in plain_columns and column.value_type in BEGINS_SAFELY
    }
    if quoted:
        is_safe = " AND ".join(f"{sql} BETWEEN '{first}' AND '{last}'" for sql, (first, last) in quoted.items())
        written = f"iif({table}.plain AND {is_safe}, {_line(columns, quoted)}, {written})"
    return written


def _line(columns: Sequence[ExportColumn], quoted: Mapping[str, object]) -> str:
    """One printf; ``quoted`` columns are only put between quotes. printf's %w doubles the quotes in a text."""
    fields: list[str] = []
    values: list[str] = []
    for column in columns:
        if column.sql in quoted:
            fields.append('"%s"')
            values.append(column.sql)
        elif column.value_type in (ValueType.INTEGER, ValueType.ENUM):
            fields.append("%s")
            values.append(column.value)
        else:
            fields.append("%s%w%s")
            opening = OPENING.format(text=column.sql, guarded=_text(GUARDED), white_space=_text(WHITE_SPACE))
            values += [opening, WITHOUT_NUL.format(text=column.sql), CLOSING.format(text=column.sql)]
    return f"printf('{','.join(fields)}' || char(13, 10), {', '.join(values)})"


def _text(characters: str) -> str:
    """The SQL of a text, by the characters' numbers."""
    return f"char({', '.join(str(ord(character)) for character in characters)})"
