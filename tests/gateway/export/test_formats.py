"""The formats of an export, as other programs read them: CSV in a spreadsheet, Parquet in DuckDB and pandas."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pandas
import pyarrow as pa
import pytest
from pyarrow import parquet

import bodies
import edge_case_rows
import injection_rows
from exporting import exported
from gateway.export import formats
from gateway.export.formats import Format, format_of, missing_library
from gateway.export.resources import resources
from store.archive import open_archive
from store.engine.database import Address, Database
from store.engine.protocols import Archive
from store.exports.columns import ExportColumn, ValueType

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u00a0=1+1",
    "\u3000@SUM(A1)",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "'=1+1",
    "'quoted'",
    '=HYPERLINK("http://example.com","a")',
)
HARMLESS = (
    "a, b",
    'say "hi"',
    "1+1=2",
    "",
    " ",
    "two\r\nlines",
    "é 😀",
    "zebra",
    "Zoë",
    "~",
    "0",
    "a=b",
    "{}",
    "; = ,",
)
EVALUATED = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
NAMES = sorted(resources())


@pytest.fixture(autouse=True)
def _long_fields() -> Iterator[None]:
    """By default, Python's CSV reader refuses fields of more than 128 kB."""
    usual = csv.field_size_limit(2**30)
    yield
    csv.field_size_limit(usual)


def selected(sql: str) -> list[Any]:
    """What DuckDB selects."""
    with duckdb.connect() as connection:
        rows: list[Any] = connection.execute(sql).fetchall()
        return rows


def flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The members of a nested row by the names of the columns."""
    for name, value in row.items():
        path = f"{prefix}{name[0].upper()}{name[1:]}" if prefix else name
        if isinstance(value, dict):
            yield from flat(value, path)
        else:
            yield path, value


def expected_rows(columns: list[ExportColumn], lines: bytes) -> list[dict[str, Any]]:
    """The rows of JSON Lines, with all columns."""
    rows = (dict(flat(orjson.loads(line))) for line in lines.splitlines())
    return [{column.name: row.get(column.name) for column in columns} for row in rows]


def unguarded(field: str) -> str:
    return field.removeprefix("'")


@pytest.mark.parametrize("name", NAMES)
async def test_csv_has_the_same_values_as_json_lines(
    edge_case_archive: Archive, database: Database, tmp_path: Path, name: str
) -> None:
    columns = resources()[name].columns
    text = exported(database, tmp_path / "all.csv", name).decode("utf-8-sig")
    titles, *records = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert titles == [column.name for column in columns]
    expected = expected_rows(columns, exported(database, tmp_path / "all.jsonl", name))
    assert len(records) == len(expected) > 0
    for record, row in zip(records, expected, strict=True):
        texts = ["" if value is None else str(value).replace("\x00", "\ufffd") for value in row.values()]
        assert [unguarded(field) for field in record] == texts


def spreadsheet_rows() -> Iterator[bodies.Body]:
    """Texts, names and addresses that a spreadsheet would evaluate, and others."""
    for number, text in enumerate([*FORMULAS, *HARMLESS], 1):
        yield bodies.participant(number, identifier=text or None, proxy_identifier="+12025550121", friendly_name=text)
        yield bodies.interaction(
            number,
            data=orjson.dumps({"body": text}).decode(),
            inbound_participant_sid=bodies.sid("KP", number),
            inbound_resource_url=text,
            url=text,
            outbound_resource_sid=text,
        )


@pytest.mark.parametrize("name", NAMES)
async def test_csv_and_json_lines_have_the_same_bytes_on_both_engines(
    empty_postgresql: str, tmp_path: Path, name: str
) -> None:
    contents = []
    databases: list[Database] = [tmp_path / "archive.db", Address(empty_postgresql)]
    for number, database in enumerate(databases):
        async with open_archive(database) as archive:
            await bodies.put(archive, *edge_case_rows.rows(), *spreadsheet_rows())
        contents.append([exported(database, tmp_path / f"{number}.{ending}", name) for ending in ("csv", "jsonl")])
    assert contents[0] == contents[1]
    assert contents[0][0].count(b"\r\n") > 1


@pytest.fixture
async def with_formulas(archive: Archive) -> Archive:
    """An archive with texts, names and addresses that a spreadsheet would evaluate, and others."""
    await bodies.put(archive, *spreadsheet_rows())
    await bodies.put(archive, *(bodies.session(number) for number in range(2, injection_rows.SESSIONS + 1)))
    await bodies.put(archive, *injection_rows.rows())
    return archive


@pytest.mark.parametrize("name", NAMES)
async def test_no_cell_of_csv_begins_a_formula(
    with_formulas: Archive, database: Database, tmp_path: Path, name: str
) -> None:
    text = exported(database, tmp_path / "all.csv", name).decode("utf-8-sig")
    for record in csv.reader(io.StringIO(text, newline=""), strict=True):
        for field in record:
            assert not field.lstrip().startswith(EVALUATED), field


async def test_removing_one_apostrophe_restores_each_text(
    with_formulas: Archive, database: Database, tmp_path: Path
) -> None:
    text = exported(database, tmp_path / "all.csv").decode("utf-8-sig")
    records = {record["sid"]: record for record in csv.DictReader(io.StringIO(text, newline=""), strict=True)}
    for number, body in enumerate([*FORMULAS, *HARMLESS], 1):
        record = records[bodies.sid("KI", number)]
        assert unguarded(record["body"]) == unguarded(record["inboundParticipantFriendlyName"]) == body
        assert record["inboundParticipantProxyIdentifier"] == "'+12025550121"
        if body in HARMLESS:
            assert record["body"] == body


async def test_csv_is_utf_8_with_a_byte_order_mark_and_null_differs_from_an_empty_text(
    archive: Archive, database: Database, tmp_path: Path
) -> None:
    rows = (bodies.interaction(1, data='{"body": ""}', url=None), bodies.interaction(2, data=None, url="é"))
    await bodies.put(archive, *rows)
    lines = exported(database, tmp_path / "all.csv").split(b"\r\n")
    assert lines[0].startswith(b"\xef\xbb\xbfsid,sessionSid,")
    assert b',MESSAGE,"{""body"": """"}","",,' in lines[1]
    assert lines[1].endswith(b",,")
    assert b",MESSAGE,,,," in lines[2]
    assert lines[2].endswith(b',"\xc3\xa9",')
    assert lines[3:] == [b""]


async def test_csv_is_read_by_duckdb_and_pandas(with_formulas: Archive, database: Database, tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    rows = len(exported(database, tmp_path / "all.jsonl").splitlines())
    exported(database, file)
    options = "header = true, all_varchar = true, new_line = '\\r\\n', quote = '\"', escape = '\"'"
    assert selected(f"SELECT count(*), count(sid) FROM read_csv('{file}', {options})") == [(rows, rows)]
    assert list(pandas.read_csv(file).columns) == [column.name for column in resources()["interactions"].columns]
    assert len(pandas.read_csv(file)) == rows


@pytest.mark.parametrize("name", NAMES)
async def test_parquet_has_the_same_values_as_json_lines_by_type(
    edge_case_archive: Archive, database: Database, tmp_path: Path, name: str
) -> None:
    columns = resources()[name].columns
    exported(database, tmp_path / "all.parquet", name)
    rows = parquet.read_table(tmp_path / "all.parquet").to_pylist()
    expected = expected_rows(columns, exported(database, tmp_path / "all.jsonl", name))
    for row, other in zip(rows, expected, strict=True):
        for column in columns:
            value, text = row[column.name], other[column.name]
            if column.value_type is not ValueType.INSTANT:
                assert value == text, column
            else:
                assert value == moment(text)


def moment(text: str | None) -> datetime | None:
    """The value of a timestamp column; manually changed archives may have other texts, which become null."""
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


async def test_parquet_is_typed_and_its_enums_are_dictionaries(
    edge_case_archive: Archive, database: Database, tmp_path: Path
) -> None:
    exported(database, tmp_path / "all.parquet")
    schema = parquet.read_schema(tmp_path / "all.parquet")
    types = {field.name: field.type for field in schema}
    assert types["dateCreated"] == types["keptAt"] == pa.timestamp("ms", tz="UTC")
    assert types["durationSeconds"] == pa.int32()
    assert types["body"] == types["inboundParticipantIdentifier"] == pa.string()
    for enum in ("type", "inboundResourceStatus", "outboundResourceType"):
        assert types[enum] == pa.dictionary(pa.int32(), pa.string())


async def test_parquet_is_opened_by_duckdb_and_pandas(
    edge_case_archive: Archive, database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "all.parquet"
    exported(database, file)
    lines = [orjson.loads(line) for line in exported(database, tmp_path / "all.jsonl").splitlines()]
    counted = selected(f"SELECT type, count(*) FROM '{file}' GROUP BY type ORDER BY type")
    kinds = sorted({line["type"] for line in lines})
    assert counted == [(kind, sum(line["type"] == kind for line in lines)) for kind in kinds]
    types = selected(f"SELECT DISTINCT typeof(dateCreated), typeof(durationSeconds) FROM '{file}'")
    assert types == [("TIMESTAMP WITH TIME ZONE", "INTEGER")]
    frame = pandas.read_parquet(file)
    assert list(frame["sid"]) == [line["sid"] for line in lines]
    assert str(frame["dateCreated"].dtype) == "datetime64[ms, UTC]"
    assert str(frame["type"].dtype) == "category"


async def test_an_export_without_rows_is_a_valid_file(archive: Archive, database: Database, tmp_path: Path) -> None:
    assert exported(database, tmp_path / "none.jsonl") == b""
    assert exported(database, tmp_path / "none.csv").count(b"\r\n") == 1
    exported(database, tmp_path / "none.parquet")
    assert parquet.read_table(tmp_path / "none.parquet").num_rows == 0


def test_the_format_is_that_of_the_option_or_of_the_files_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert format_of("CSV", "a.jsonl") is Format.CSV
    assert format_of(None, "a.Parquet") is Format.PARQUET
    assert format_of(None, "-") is format_of(None, "a.txt") is Format.JSONL
    assert format_of("xlsx", "a.csv") is None
    assert missing_library(Format.PARQUET) is None
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    assert missing_library(Format.CSV) is None
    assert "pip install --editable '.[parquet]'" in str(missing_library(Format.PARQUET))
