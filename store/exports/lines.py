"""Lines: how a row is written, as JSON or as CSV; each engine writes the SQL of it.

CSV is that of RFC 4180. A text is always quoted; null is an empty field without quotes, so that it differs from an
empty text. Spreadsheets evaluate a cell that begins with ``=``, ``+``, ``-`` or ``@``, even after white space, some
also the full-width forms of these (https://owasp.org/www-community/attacks/CSV_Injection). Such a text gets an
apostrophe in front, which makes it text. A text that begins with an apostrophe gets another one; so a reader that
removes one leading apostrophe from each text gets exactly the archive's texts.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from store.exports.columns import ExportColumn
from store.plans.rows import Member

BYTE_ORDER_MARK = "\ufeff"
"""Spreadsheets need it to recognize UTF-8."""
END_OF_LINE = "\r\n"

GUARDED = "=+-@'" + "\uff1d\uff0b\uff0d\uff20"
"""A text whose first character, after white space, is one of these gets an apostrophe in front."""
WHITE_SPACE = " \t\n\v\f\r\xa0\u3000"


class JsonLine(NamedTuple):
    """A JSON object with these members, on one line."""

    members: Sequence[Member]


class CsvLine(NamedTuple):
    """A line of CSV with these columns. ``plain`` are those of the ``table`` that need no escaping in a plain row."""

    columns: Sequence[ExportColumn]
    table: str
    plain: Sequence[str] = ()


Line: TypeAlias = JsonLine | CsvLine


def csv_header(columns: Iterable[ExportColumn]) -> str:
    """The first line, with the names of the columns."""
    return BYTE_ORDER_MARK + ",".join(column.name for column in columns) + END_OF_LINE
