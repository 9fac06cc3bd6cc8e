"""The formats of an export: which SQL writes a row, and how rows become a file."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from gateway.export.resources import Resource
from store.exports import csv_lines
from store.exports.snapshots import Snapshot
from store.sqlite.statements.pages import Page
from store.sqlite.statements.projections import project

Write = Callable[[bytes], None]


class Format(StrEnum):
    """The formats, each also the end of its files' names."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def format_of(name: str | None, to: str | None) -> Format | None:
    """The format of this name; without one, that of the file's name, or else JSONL. None for an unknown name."""
    if name is None:
        suffix = Path(to or "").suffix[1:].lower()
        name = suffix if suffix in Format.__members__.values() else Format.JSONL
    return next((each for each in Format if each == name.lower()), None)


def missing_library(wanted: Format) -> str | None:
    """What to install for this format, as a sentence; None if all is there."""
    if wanted is not Format.PARQUET or find_spec("pyarrow"):
        return None
    return "--format: parquet needs pyarrow, but it is not installed: pip install --editable '.[parquet]'."


class Formatter(Protocol):
    """Writes rows in one format."""

    def begin(self) -> None:
        """Writes what comes before the first row."""
        ...

    def rows(self, state: Snapshot, page: Page[Any]) -> Iterator[int]:
        """Writes the rows of ``page``; yields how many it wrote, time and again."""
        ...

    def end(self) -> None:
        """Writes what comes after the last row."""
        ...


class LinesFormatter:
    """Writes rows that SQLite makes into lines by the SQL ``line``."""

    def __init__(self, write: Write, resource: Resource, line: str, header: str = "") -> None:
        self._write, self._resource, self._line, self._header = write, resource, line, header.encode()

    def begin(self) -> None:
        """Writes the header, if there is one."""
        if self._header:
            self._write(self._header)

    def rows(self, state: Snapshot, page: Page[Any]) -> Iterator[int]:
        """Writes a piece of lines at a time."""
        for piece, count in state.lines(page, self._line, self._resource.references):
            self._write(piece)
            yield count

    def end(self) -> None:
        """Each line has its end already."""


def formatter(wanted: Format, resource: Resource, write: Write) -> Formatter:
    """The formatter of ``resource``'s rows that hands its bytes to ``write``. Parquet needs the extra of that name."""
    if wanted is Format.PARQUET:
        from gateway.export.parquet import ParquetFormatter

        return ParquetFormatter(write, resource)
    if wanted is Format.CSV:
        line = csv_lines.csv_line(resource.columns, resource.record.table, resource.record.plain)
        return LinesFormatter(write, resource, line, csv_lines.header(resource.columns))
    (row,) = project(resource.members).texts
    return LinesFormatter(write, resource, f"{row} || char(10)")
