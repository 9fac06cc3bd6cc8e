"""Prints tables without cutting off any value, since part of a SID or a time is useless."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console

GAP = "  "


def show(console: Console, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints ``rows`` below their ``titles``.

    In a file or a pipe, and if the terminal is wide enough, a row is one line. In a narrower terminal, each value is on
    its own line, after its title.
    """
    table = [list(titles), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    if console.is_terminal and sum(widths) + len(GAP) * (len(widths) - 1) > console.width:
        label = max(map(cell_len, titles))
        for number, row in enumerate(table[1:]):
            if number:
                console.print()
            for title, cell in zip(titles, row, strict=True):
                console.print(f"{_padded(title, label)}{GAP}{cell}")
        return
    for row in table:
        cells = (_padded(cell, width) for cell, width in zip(row, widths, strict=True))
        console.print(GAP.join(cells).rstrip())


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))


def printable(cell: str) -> str:
    """``cell`` with escapes in place of what a terminal would obey or what would begin another line."""
    # A name from a token may contain anything, even line breaks and control sequences of terminals.
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in cell)
