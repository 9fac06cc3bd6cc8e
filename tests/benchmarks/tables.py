"""The figures as tables."""

import platform
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence

from rich.table import Table

import seeded
from alone import Growth
from comparison import CONNECTIONS, Effort, Figure
from contenders import Contender


def medians(found: Mapping[Figure, Mapping[str, float]], contenders: Sequence[Contender], effort: Effort) -> Table:
    """One row for each figure, one column for each contender."""
    caption = f"Answers per second with {CONNECTIONS} connections, medians of {effort.rounds} × {effort.seconds} s"
    table = _table("Medians", f"{caption}. {_versions(contenders)}", [contender.name for contender in contenders])
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


def _table(title: str, caption: str | None, headings: Sequence[str]) -> Table:
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column()
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _value(value: float, figure: Figure) -> str:
    return f"{value:,.0f}{figure.unit}" if value >= 100 else f"{value:.1f}{figure.unit}"


def _versions(contenders: Sequence[Contender]) -> str:
    versions = f"Python {platform.python_version()} with SQLite {sqlite3.sqlite_version}"
    if any(contender.is_node for contender in contenders):
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
        versions += f", Node.js {node} with better-sqlite3's own SQLite"
    return f"{versions}; {seeded.INTERACTIONS:,} interactions."
