"""The formats of an export: how a row is written, and the code that writes the file."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from gateway.export.resources import Resource
from store.exports.lines import CsvLine, JsonLine, Line, csv_header
from store.exports.snapshots import Snapshot
from store.queries.pages import Page

Write = Callable[[bytes], None]


class Format(StrEnum):
    """The formats, which are also the endings of the files' names."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def format_of(name: str | None, to: str | None) -> Format | None:
    """The format with this name; without a name, by the file's ending, otherwise JSONL. None for an unknown name."""
    if name is None:
        suffix = Path(to or "").suffix[1:].lower()
        name = suffix if suffix in Format.__members__.values() else Format.JSONL
    return next((each for each in Format if each == name.lower()), None)


def missing_library(wanted: Format) -> str | None:
    """A sentence about the library that this format needs and that isn't installed; None if nothing is missing."""
    if wanted is not Format.PARQUET or find_spec("pyarrow"):
        return None
    return "--format: parquet needs pyarrow, but it is not installed: pip install --editable '.[parquet]'."


class Formatter(Protocol):
    """Writes rows in one format."""

    def begin(self) -> None:
        """Writes what comes before the first row."""
        ...

    def rows(self, state: Snapshot, page: Page[Any]) -> Iterator[int]:
        """Writes the rows of ``page``; after each piece, yields the number of rows in it."""
        ...

    def end(self) -> None:
        """Writes what comes after the last row."""
        ...


class LinesFormatter:
    """Writes rows as lines, which the archive's engine makes."""

    def __init__(self, write: Write, resource: Resource, line: Line, header: str = "") -> None:
        self._write, self._resource, self._line, self._header = write, resource, line, header.encode()

    def begin(self) -> None:
        """Writes the header, if there is one."""
        if self._header:
            self._write(self._header)

    def rows(self, state: Snapshot, page: Page[Any]) -> Iterator[int]:
        """Writes several lines at a time."""
        for piece, count in state.lines(page, self._line, self._resource.references):
            self._write(piece)
            yield count

    def end(self) -> None:
        """There is nothing to write: each line already has its end."""


def formatter(wanted: Format, resource: Resource, write: Write) -> Formatter:
    """The formatter for ``resource``; it passes its bytes to ``write``. Parquet needs the extra ``parquet``."""
    if wanted is Format.PARQUET:
        from gateway.export.parquet import ParquetFormatter

        return ParquetFormatter(write, resource)
    if wanted is Format.CSV:
        line = CsvLine(resource.columns, resource.record.table, resource.record.plain)
        return LinesFormatter(write, resource, line, csv_header(resource.columns))
    return LinesFormatter(write, resource, JsonLine(resource.members))
