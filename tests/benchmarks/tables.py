"""The figures as tables."""

import platform
import sqlite3
from collections.abc import Mapping, Sequence

from rich.table import Table

import seeded
from alone import Growth
from comparison import CONNECTIONS, Effort, Figure
from contenders import Contender, Setup, node_version


def medians(
    found: Mapping[Figure, Mapping[str, float]], contenders: Sequence[Contender], effort: Effort, versions: str
) -> Table:
    """One row for each figure, one column for each contender."""
    caption = f"Answers per second with {CONNECTIONS} connections, medians of {effort.rounds} × {effort.seconds} s"
    table = _table("Medians", f"{caption}. {versions}", [contender.name for contender in contenders])
    for figure, of in found.items():
        table.add_row(figure.about, *(_value(of[one.name], figure) if one.name in of else "–" for one in contenders))
    return table


def ratios(found: Mapping[Figure, Mapping[str, float]], peers: Sequence[Contender]) -> Table:
    """The gateway's rates divided by each peer's."""
    table = _table("Proxygraph divided by each peer", "Ratios of the medians.", [peer.name for peer in peers])
    for figure, of in found.items():
        table.add_row(figure.about, *(f"{of[peer.name]:.2f} ×" if peer.name in of else "–" for peer in peers))
    return table


def alone(rows: Mapping[str, str]) -> Table:
    """The figures of the gateway alone."""
    table = _table("Proxygraph alone", None, [""])
    for about, value in rows.items():
        table.add_row(about, value)
    return table


def seeding(seconds: float | None) -> str:
    """How long filling the archive took."""
    return "reused, not timed" if seconds is None else f"{seconds:.1f} s"


def growth(found: Growth) -> str:
    """The memory over many requests."""
    return f"{found.at_start:.0f} MB at start, {found.at_a_tenth:.0f} at 10 %, {found.at_the_end:.0f} at the end"


def versions(setup: Setup, contenders: Sequence[Contender]) -> str:
    """The versions that were measured, and the number of rows, as a sentence."""
    found = f"Python {platform.python_version()} with SQLite {sqlite3.sqlite_version}"
    if setup.address:
        found += " and PostgreSQL"
    if any(contender.is_node for contender in contenders):
        own = "" if setup.address else " with better-sqlite3's own SQLite"
        found += f", Node.js {node_version(setup)}{own}"
    return f"{found}; {seeded.INTERACTIONS:,} interactions."


def _table(title: str, caption: str | None, headings: Sequence[str]) -> Table:
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column()
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _value(value: float, figure: Figure) -> str:
    return f"{value:,.0f}{figure.unit}" if value >= 100 else f"{value:.1f}{figure.unit}"
