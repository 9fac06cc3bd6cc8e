"""Parquet by pyarrow: texts, 32-bit integers, instants as timestamps in UTC, and enums encoded as dictionaries."""

import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from gateway.export.resources import Resource
from store.exports.columns import ExportColumn, ValueType
from store.exports.snapshots import Snapshot
from store.queries.pages import Page

ROWS_OF_A_GROUP = 5_000
TIMESTAMP = pa.timestamp("ms", tz="UTC")
TYPES = {
    ValueType.TEXT: pa.string(),
    ValueType.INTEGER: pa.int32(),
    ValueType.INSTANT: TIMESTAMP,
    ValueType.ENUM: pa.dictionary(pa.int32(), pa.string()),
}


pa.set_memory_pool(pa.system_memory_pool())  # pyarrow's own keeps 25 MB more than it uses.


class ParquetFormatter:
    """Writes rows as row groups of a Parquet file; see gateway.export.formats.Formatter."""

    def __init__(self, write: Callable[[bytes], None], resource: Resource) -> None:
        self._resource = resource
        self._schema = pa.schema([pa.field(column.name, TYPES[column.value_type]) for column in resource.columns])
        self._file = _Sequential(write)
        self._batches: list[Any] = []
        self._rows = 0

    def begin(self) -> None:
        """Opens the file."""
        enums = [column.name for column in self._resource.columns if column.value_type is ValueType.ENUM]
        # pyarrow would encode every column as a dictionary first, which takes memory and, for SIDs, saves nothing.
        options: dict[str, Any] = {"compression": "zstd", "use_dictionary": enums}
        self._writer = parquet.ParquetWriter(self._file, self._schema, **options)

    def rows(self, state: Snapshot, page: Page[Any]) -> Iterator[int]:
        """Keeps the rows as columns until they are a row group."""
        columns = self._resource.columns
        for rows in state.rows(page, [column.value for column in columns], self._resource.references):
            values = zip(*rows, strict=True)  # Each row has its position after the columns.
            arrays = [_array(each, column) for each, column in zip(values, columns, strict=False)]
            self._batches.append(pa.record_batch(arrays, schema=self._schema))
            self._rows += len(rows)
            if self._rows >= ROWS_OF_A_GROUP:
                self._write_group()
            yield len(rows)

    def end(self) -> None:
        """Writes the last row group, and the footer."""
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._batches, self._schema), row_group_size=self._rows)
        self._batches, self._rows = [], 0


class _Sequential(io.RawIOBase):
    """A file that is only written to its end, as a pipe is."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__()
        self._write, self._position = write, 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, piece: Any) -> int:
        self._write(bytes(piece))
        self._position += len(piece)
        return len(piece)


def _array(values: Sequence[Any], column: ExportColumn) -> Any:
    if column.shown is not None:
        names = pa.array(list(column.shown.names.values()), pa.string())
        found = pa.array(values, pa.string())
        indices = pc.call_function("index_in", [found], pc.SetLookupOptions(value_set=names))
        return pa.DictionaryArray.from_arrays(indices, names)
    if column.value_type is ValueType.INSTANT:
        try:
            return pa.array(values, pa.string()).cast(TIMESTAMP)
        except pa.ArrowInvalid:  # A hand, or a version long ago, has written something else into a column.
            return pa.array([_moment(text) for text in values], TIMESTAMP)
    return pa.array(values, TYPES[column.value_type])


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
