"""Rows as CSV that a spreadsheet opens without running anything, by the rules of store/exports/lines.py."""

import csv
import io
from collections.abc import Iterable, Sequence

from store.exports.lines import BYTE_ORDER_MARK, END_OF_LINE, GUARDED, WHITE_SPACE


def csv_text(titles: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """``rows`` below their ``titles``; None is an empty cell."""
    written = io.StringIO()
    written.write(BYTE_ORDER_MARK)
    writer = csv.writer(written, lineterminator=END_OF_LINE)
    writer.writerow(titles)
    writer.writerows([_inert(cell or "") for cell in row] for row in rows)
    return written.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.lstrip(WHITE_SPACE).startswith(tuple(GUARDED)) else cell
