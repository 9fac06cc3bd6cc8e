"""Projections: the SQL by which SQLite writes a row's text, a JSON object of the selected columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class Printed(NamedTuple):
    """Writes a plain row by one printf ``template`` with ``values``, and any other row by ``other``.

    A row is plain if its JSON needs no escaping (Record.plain).
    """

    template: str
    values: tuple[str, ...]
    other: str

    @property
    def sql(self) -> str:
        """The SQL expression that writes the row."""
        return f"iif(plain, printf('{_escaped(self.template)}', {', '.join(self.values)}), {self.other})"


@dataclass(frozen=True, slots=True)
class Projection:
    """The SQL expressions of a row's ``texts``, and of the ``keys`` of the placeholders between them.

    Without placeholders, the one text is the whole object; ``printed`` has its printf template, if there is one.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...] = ()
    printed: Printed | None = None

    @property
    def columns(self) -> str:
        """The SELECT list: all texts as UTF-8 bytes, then all keys."""
        return ", ".join([*(as_bytes(text) for text in self.texts), *self.keys])


def project(members: Sequence[Member], plain: Sequence[str] = ()) -> Projection:
    """The SQL that writes ``members`` as one JSON object; the ``plain`` columns need no escaping in a plain row."""
    if not any(_has_placeholder(member) for member in members):
        printed = _printed(members, plain) if plain else None
        return _whole(printed) if printed else Projection((_object(members),))
    texts: list[list[str]] = [[]]
    keys: list[str] = []
    for part in _written(members):
        if isinstance(part, Placeholder):
            keys.append(f"nullif({part.column}, '')")
            texts.append([])
        else:
            texts[-1].append(part)
    return Projection(tuple(" || ".join(parts) for parts in texts), tuple(keys))


LEAST_VALUES = 6
"""With fewer values, checking whether the row is plain takes as long as a template saves."""
MOST_VALUES = 120
"""A SQLite function takes up to 127 arguments (https://www.sqlite.org/limits.html#max_function_arg)."""


class Expression(NamedTuple):
    """A text that depends on the row, as SQL; it is never null."""

    sql: str


def projection_of(row: RowText) -> Projection:
    """The SQL that writes a row's text. In it, ``:of`` is the fingerprint, ``{key}`` the order's key."""
    return row.by(_projection)


def _projection(row: RowText) -> Projection:
    parts: list[FixedText | Expression | Projection] = []
    for part in row.parts:
        match part:
            case FixedText():
                parts.append(part)
            case Fingerprint():
                parts.append(Expression(":of"))
            case SortKey():
                parts.append(Expression("{key}"))
            case Sid():
                parts.append(Expression("sid"))
            case JsonObject(members, plain):
                parts.append(project(members, plain))
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Projection) else joined(parts)


def joined(parts: Sequence[FixedText | Expression | Projection]) -> Projection:
    """The SQL that writes the parts one after another."""
    texts: list[list[str]] = [[]]
    keys: list[str] = []
    for part in parts:
        match part:
            case FixedText(text):
                texts[-1].append(f"'{_escaped(text)}'")
            case Expression(sql):
                texts[-1].append(sql)
            case Projection():
                first, *others = part.texts
                texts[-1].append(first)
                texts += [[text] for text in others]
                keys += part.keys
    printed = _joined_printed(parts)
    return _whole(printed) if printed else Projection(tuple(" || ".join(text) for text in texts), tuple(keys))


def _joined_printed(parts: Sequence[FixedText | Expression | Projection]) -> Printed | None:
    """The same by one printf template, if every projection in it has one; else None."""
    template, values, others = "", [], []
    for part in parts:
        match part:
            case FixedText(text):
                template += text.replace("%", "%%")
                others.append(f"'{_escaped(text)}'")
            case Expression(sql):
                template += "%s"
                values.append(sql)
                others.append(sql)
            case Projection(printed=Printed(own, more, other)):
                template += own
                values += more
                others.append(other)
            case _:
                return None
    is_worth_it = len(values) <= MOST_VALUES and any(isinstance(part, Projection) for part in parts)
    return Printed(template, tuple(values), " || ".join(others)) if is_worth_it else None


def _whole(printed: Printed) -> Projection:
    return Projection((printed.sql,), (), printed)


def as_bytes(text: str) -> str:
    """The SQL for a text as UTF-8 bytes, which go into the response without being decoded."""
    return f"CAST({text} AS BLOB)"


def as_list(text: str, has_row_prefix: bool = False) -> str:
    """The SQL for all rows' texts as the inside of one JSON array, in bytes; null if there are no rows.

    It puts the row prefix before each text: ``:lead`` is the prefix, ``:between`` is a comma and the prefix.
    """
    return as_bytes(f":lead || group_concat({text}, :between)" if has_row_prefix else f"group_concat({text})")


def lengths_of(text: str) -> str:
    """The SQL for the lengths of all rows' texts in bytes, as integers with commas between them."""
    return f"group_concat(length({as_bytes(text)}))"


def _has_placeholder(member: Member) -> bool:
    return isinstance(member, Placeholder) or (isinstance(member, Group) and any(map(_has_placeholder, member.members)))


def _object(members: Sequence[Member]) -> str:
    """An object without placeholders, by json_object, which is the fastest way."""
    pairs = []
    for member in members:
        match member:
            case ColumnValue(name, column):
                pairs.append(f"'{name}', {column}")
            case EnumValue(name, column, shown, other):
                pairs.append(f"'{name}', {_enum_name(column, shown, other)}")
            case Constant(name, json):
                pairs.append(f"'{name}', json('{_escaped(json)}')")
            case Group(name, inner, present):
                pairs.append(f"'{name}', iif({_any(present)}, {_object(inner)}, NULL)")
    return f"json_object({', '.join(pairs)})"


def _printed(members: Sequence[Member], plain: Sequence[str]) -> Printed | None:
    """The same by one printf template for plain rows, which is faster still. None if it would not be faster."""
    template, values = _template(members, plain)
    return Printed(template, tuple(values), _object(members)) if LEAST_VALUES <= len(values) <= MOST_VALUES else None


def _template(members: Sequence[Member], plain: Sequence[str]) -> tuple[str, list[str]]:
    templates, values = [], []
    for member in members:
        match member:
            case ColumnValue(name, column) if column in plain:
                templates.append(f'"{name}":"%s"')
                values.append(column)
            case ColumnValue(name, column):
                templates.append(f'"{name}":%s')
                values.append(f"json_quote({column})")
            case EnumValue(name, column, shown, other):
                templates.append(f'"{name}":%s')
                values.append(
                    _enum_name(column, {word: f'"{name}"' for word, name in shown.items()}, f'"{other}"', "null")
                )
            case Constant(name, json):
                templates.append(f'"{name}":{json.replace("%", "%%")}')
            case Group(name, inner, present):
                template, some = _template(inner, plain)
                if set(present) <= set(plain):
                    templates.append(f'"{name}":{template}')
                    values += some
                else:
                    return "", []
    return "{" + ",".join(templates) + "}", values


def _written(members: Sequence[Member]) -> Iterator[str | Placeholder]:
    """The SQL of an object with placeholders: the texts between them, to be concatenated, and the placeholders."""
    before = "{"
    for member in members:
        before = f'{before}"{member.name}":'
        match member:
            case ColumnValue(_, column):
                yield f"'{before}' || json_quote({column})"
            case EnumValue(_, column, shown, other):
                yield f"'{before}' || json_quote({_enum_name(column, shown, other)})"
            case Constant(_, json):
                yield f"'{before}{_escaped(json)}'"
            case Placeholder(_, column):
                yield f"'{before}' || iif({column} > '', '', 'null')"
                yield member
            case Group(_, inner, present):
                yield f"'{before}'"
                yield from _optional(list(_written(inner)), _any(present))
        before = ","
    yield "'}'" if before == "," else "'{}'"


def _optional(parts: list[str | Placeholder], present: str) -> Iterator[str | Placeholder]:
    absent = "'null'"
    run: list[str] = []
    for part in parts:
        if isinstance(part, Placeholder):
            yield f"iif({present}, {' || '.join(run)}, {absent})"
            yield part
            run, absent = [], "''"
        else:
            run.append(part)
    yield f"iif({present}, {' || '.join(run)}, {absent})"


def _enum_name(column: str, shown: Mapping[str, str], other: str, absent: str | None = None) -> str:
    cases = " ".join(f"WHEN '{word}' THEN '{name}'" for word, name in shown.items())
    null = "NULL" if absent is None else f"'{absent}'"
    return f"CASE {column} {cases} ELSE iif({column} IS NULL, {null}, '{other}') END"


def _any(columns: Sequence[str]) -> str:
    return "(" + " OR ".join(f"{column} > ''" for column in columns) + ")"


def _escaped(text: str) -> str:
    return text.replace("'", "''")
