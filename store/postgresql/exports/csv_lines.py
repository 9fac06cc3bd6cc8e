"""PostgreSQL's SQL of a line of CSV (store/exports/lines.py), with the same bytes as SQLite's."""

from store.exports.columns import ExportColumn, ValueType
from store.exports.lines import END_OF_LINE, GUARDED, WHITE_SPACE, CsvLine

TEXT = (
    "CASE WHEN {text} IS NULL THEN '' ELSE '\"' || "
    "CASE WHEN strpos({guarded}, nullif(left(ltrim({text}, {white_space}), 1), '')) > 0 THEN '''' ELSE '' END || "
    "replace({text}, '\"', '\"\"') || '\"' END"
)
UNQUOTED = "coalesce(CAST({value} AS text), '')"


def csv_line(line: CsvLine) -> str:
    """The SQL that writes a row as one line."""
    fields = " || ',' || ".join(_field(column) for column in line.columns)
    return f"{fields} || {_literal(END_OF_LINE)}"


def _field(column: ExportColumn) -> str:
    if column.value_type in (ValueType.INTEGER, ValueType.ENUM):
        return UNQUOTED.format(value=column.value)
    return TEXT.format(text=column.sql, guarded=_literal(GUARDED), white_space=_literal(WHITE_SPACE))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
