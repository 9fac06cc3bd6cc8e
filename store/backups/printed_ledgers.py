"""Reads a ledger that ``ledger --json`` or ``ledger --csv`` has printed to a file."""

import csv
import io
from pathlib import Path

import msgspec

from store.erasure.ledger import ANSWER_LOST, AtTwilio, LedgerEntry
from store.errors import RestoreRefused
from store.twilio_mapping import instant

COLUMNS = LedgerEntry.__struct_fields__
TIMES = ("intended_at", "erased_at", "closed_at", "purged_at")
APOSTROPHE = "'"
"""CSV has one in front of what a spreadsheet would evaluate (store/exports/lines.py)."""


def entries_of(file: Path) -> list[LedgerEntry]:
    """The entries that were printed to ``file``. Raises RestoreRefused if it is no ledger, or was changed."""
    content = file.read_bytes()
    try:
        if content.lstrip().startswith(b"["):
            return msgspec.json.decode(content, type=list[LedgerEntry])
        titles, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise _neither(file) from error
    if not {"sid", "erased_at"}.issubset(titles):
        raise _neither(file)
    if missing := [name for name in COLUMNS if name not in titles]:
        raise _changed(file, f"it has no column {missing[0]}")
    return [_entry(file, number, dict(zip(titles, row, strict=False))) for number, row in enumerate(rows, start=2)]


def at_twilio_of(entry: LedgerEntry) -> int:
    """``at_twilio`` of a printed entry: one with an unknown outcome is repeated at Twilio before the row is erased."""
    return ANSWER_LOST if entry.erased_at is None and entry.twilio is AtTwilio.PENDING else 0


def _entry(file: Path, number: int, row: dict[str, str]) -> LedgerEntry:
    values = {name: row.get(name, "").removeprefix(APOSTROPHE) or None for name in COLUMNS}
    try:
        entry = msgspec.convert(values, LedgerEntry)
    except msgspec.ValidationError as error:
        raise _changed(file, f"its line {number} lacks a value, or has one that no ledger has") from error
    for name in TIMES:
        text = values[name]
        if text is not None and not _is_instant(text):
            raise _changed(file, f"{name} of its line {number} is not a time as the ledger writes it")
    return entry


def _is_instant(text: str) -> bool:
    try:
        return instant(text) == text
    except ValueError:
        return False


def _neither(file: Path) -> RestoreRefused:
    return RestoreRefused(
        f"Expected an archive or what `ledger --json` or `ledger --csv` prints, but got {file}, which is neither. "
        "Name another file."
    )


def _changed(file: Path, finding: str) -> RestoreRefused:
    return RestoreRefused(
        f"Expected what `ledger --csv` prints, but {file} was changed: {finding}. A spreadsheet does this when it "
        "stores a file. Print the ledger again by `ledger --json`, and name that file."
    )
