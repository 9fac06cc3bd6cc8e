"""Rows as CSV (RFC 4180) that a spreadsheet opens without running anything.

A spreadsheet takes a cell that begins with one of ``FORMULA_STARTS`` for a formula. Such a cell gets an apostrophe in
front, which spreadsheets take for "this is text" (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(titles: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """``rows`` below their ``titles``; None is an empty cell."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(titles)
    writer.writerows([_inert(cell or "") for cell in row] for row in rows)
    return written.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
