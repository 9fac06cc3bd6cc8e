"""Projections: the SQL by which PostgreSQL writes a row's text, a JSON object of the selected columns.

Texts are joined by ``||``, which takes two thirds of the time of json_build_object or row_to_json, and writes no
spaces. A plain row, whose SIDs, dates, URLs and words need no escaping (Record.plain), is written without
looking for what has to be escaped.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from store.plans.rows import (
    ColumnValue,
    Constant,
    EnumValue,
    Fingerprint,
    FixedText,
    Group,
    JsonObject,
    Member,
    Placeholder,
    RowText,
    Sid,
    SortKey,
)

FINGERPRINT, KEY = "{fingerprint}", "{key}"
"""What stands for the SQL of the connection's fingerprint, and of the order's key. JSON has neither: it has quotes."""
LEAST_PLAIN = 2
"""With fewer plain columns, checking whether a row is plain takes as long as it saves; with three it saves a third."""


class Fixed(NamedTuple):
    """A text that is the same in every row."""

    text: str


class Expression(NamedTuple):
    """A text that depends on the row, as SQL; it is never null."""

    sql: str


class PlaceholderKey(NamedTuple):
    """The key of the row that fills a placeholder, as SQL. It splits the row's text."""

    sql: str


Piece: TypeAlias = Fixed | Expression | PlaceholderKey


@dataclass(frozen=True, slots=True)
class Projection:
    """The SQL expressions of a row's ``texts``, and of the ``keys`` of the placeholders between them.

    Without placeholders, the one text is the whole of it. The texts have FINGERPRINT and KEY in them.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...] = ()


def projection_of(row: RowText) -> Projection:
    """The SQL that writes a row's text."""
    return row.by(_projection)


def as_bytes(text: str) -> str:
    """The SQL for a text as UTF-8 bytes, which go into the response without being decoded."""
    return f"convert_to({text}, 'UTF8')"


def literal(text: str) -> str:
    """The SQL of a text."""
    return "'" + text.replace("'", "''") + "'"


def _projection(row: RowText) -> Projection:
    pieces: list[Piece] = []
    for part in row.parts:
        match part:
            case FixedText(text):
                pieces.append(Fixed(text))
            case Fingerprint():
                pieces.append(Expression(FINGERPRINT))
            case SortKey():
                pieces.append(Expression(KEY))
            case Sid():
                pieces.append(Expression("sid"))
            case JsonObject(members, plain):
                pieces += _object(members, frozenset(plain))
    texts, keys = _split(pieces)
    return Projection(tuple([_concatenated(text) for text in texts]), tuple(keys))


def _object(members: Sequence[Member], plain: frozenset[str]) -> list[Piece]:
    """An object's text. Where enough of it is plain, each text between its placeholders is written in either way."""
    usual = list(_written(members, frozenset()))
    if sum(1 for column in _columns(members) if column in plain) < LEAST_PLAIN:
        return usual
    written, keys = _split(usual)
    of_plain, _ = _split(list(_written(members, plain)))
    pieces: list[Piece] = []
    for number, (quick, text) in enumerate(zip(of_plain, written, strict=True)):
        if number:
            pieces.append(PlaceholderKey(keys[number - 1]))
        if quick == text:
            pieces += text
        else:
            pieces.append(Expression(f"CASE WHEN plain THEN {_concatenated(quick)} ELSE {_concatenated(text)} END"))
    return pieces


def _written(members: Sequence[Member], plain: frozenset[str]) -> Iterator[Piece]:
    """An object's text, for rows whose ``plain`` columns are neither null nor empty and need no escaping."""
    before = "{"
    for member in members:
        yield Fixed(f'{before}"{member.name}":')
        match member:
            case ColumnValue(_, column) if column in plain:
                yield from (Fixed('"'), Expression(column), Fixed('"'))
            case ColumnValue(_, column):
                yield Expression(f"coalesce(CAST(to_json({column}) AS text), 'null')")
            case EnumValue(_, column, shown, other):
                yield from _enum_name(column, shown, other, column in plain)
            case Constant(_, text):
                yield Fixed(text)
            case Placeholder(_, column):
                if column not in plain:
                    yield Expression(f"CASE WHEN {column} > '' THEN '' ELSE 'null' END")
                yield PlaceholderKey(f"nullif({column}, '')")
            case Group(_, inner, present):
                if set(present) <= plain:
                    yield from _written(inner, plain)
                else:
                    yield from _optional(list(_written(inner, plain)), present)
        before = ","
    yield Fixed("}" if before == "," else "{}")


def _optional(pieces: Sequence[Piece], present: Sequence[str]) -> Iterator[Piece]:
    """These pieces if one of the columns has a value, else null."""
    condition = " OR ".join(f"{column} > ''" for column in present)
    texts, keys = _split(pieces)
    for number, text in enumerate(texts):
        if number:
            yield PlaceholderKey(keys[number - 1])
        absent = "''" if number else "'null'"
        yield Expression(f"CASE WHEN {condition} THEN {_concatenated(text)} ELSE {absent} END")


def _enum_name(column: str, shown: Mapping[str, str], other: str, is_plain: bool) -> Iterator[Piece]:
    """Looks the name up in a JSON object. A CASE would be slower: its branches are initialized at each execution."""
    names = literal(json.dumps(shown))
    name = f"coalesce(CAST({names} AS jsonb) ->> {column}, {literal(other)})"
    if is_plain:
        yield from (Fixed('"'), Expression(name), Fixed('"'))
    else:
        yield Expression(f"""CASE WHEN {column} IS NULL THEN 'null' ELSE '"' || {name} || '"' END""")


def _split(pieces: Sequence[Piece]) -> tuple[list[list[Piece]], list[str]]:
    """The texts between the keys, and the keys."""
    texts: list[list[Piece]] = [[]]
    keys = []
    for piece in pieces:
        if isinstance(piece, PlaceholderKey):
            keys.append(piece.sql)
            texts.append([])
        elif isinstance(piece, Fixed) and texts[-1] and isinstance(texts[-1][-1], Fixed):
            texts[-1][-1] = Fixed(texts[-1][-1].text + piece.text)
        else:
            texts[-1].append(piece)
    return texts, keys


def _concatenated(pieces: Sequence[Piece]) -> str:
    merged = [literal(piece.text) if isinstance(piece, Fixed) else piece.sql for piece in pieces]
    return " || ".join(merged) if merged else "''"


def _columns(members: Sequence[Member]) -> Iterator[str]:
    for member in members:
        match member:
            case ColumnValue(_, column) | EnumValue(_, column, _, _) | Placeholder(_, column):
                yield column
            case Group(_, inner, _):
                yield from _columns(inner)
            case Constant():
                pass
