"""Projections: rows that SQLite itself writes as JSON, over just the columns that are asked for.

A projection lists the members of a JSON object in order. What a row can't say by itself (its children, another row that
it names) is a Hole: the text is cut there, and the caller fills it by the key that the row gives for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Value(NamedTuple):
    """A member that is a column: a text, a number or null."""

    name: str
    column: str


class Word(NamedTuple):
    """A member that is a column with a word out of a closed list, shown by another name; ``other`` is for the rest."""

    name: str
    column: str
    shown: Mapping[str, str]
    other: str


class Constant(NamedTuple):
    """A member that is the same in every row; ``json`` is its text."""

    name: str
    json: str


class Hole(NamedTuple):
    """A member that the caller fills by the row's ``column``; null where that is null or empty."""

    name: str
    column: str


class Group(NamedTuple):
    """A member that is an object of columns; null where all of ``present`` are null or empty."""

    name: str
    members: "Sequence[Member]"
    present: Sequence[str]


Member: TypeAlias = Value | Word | Constant | Hole | Group


class Printed(NamedTuple):
    """How a plain row is written by one format, with the ``values`` that go into it, and how any ``other`` is."""

    form: str
    values: tuple[str, ...]
    other: str

    @property
    def sql(self) -> str:
        """The SQL expression that writes either."""
        return f"iif(plain, printf('{_escaped(self.form)}', {', '.join(self.values)}), {self.other})"


@dataclass(frozen=True, slots=True)
class Projection:
    """How a row is read: the ``texts`` are SQL expressions, and between each two of them is a hole, with its ``keys``.

    Where there is no hole, the one text is the whole object; ``printed`` says how, if there is a format for plain rows.
    """

    texts: tuple[str, ...]
    keys: tuple[str, ...] = ()
    printed: Printed | None = None

    @property
    def columns(self) -> str:
        """The SELECT list: all texts in UTF-8 bytes, then all keys."""
        return ", ".join([*(as_bytes(text) for text in self.texts), *self.keys])


def project(members: Sequence[Member], plain: Sequence[str] = ()) -> Projection:
    """The SQL that writes ``members`` as one JSON object; ``plain`` are the columns that a plain row vouches for."""
    if not any(_has_hole(member) for member in members):
        printed = _printed(members, plain) if plain else None
        return _whole(printed) if printed else Projection((_object(members),))
    texts: list[list[str]] = [[]]
    keys: list[str] = []
    for part in _written(members):
        if isinstance(part, Hole):
            keys.append(f"nullif({part.column}, '')")
            texts.append([])
        else:
            texts[-1].append(part)
    return Projection(tuple(" || ".join(parts) for parts in texts), tuple(keys))


LEAST_VALUES = 6
"""With fewer, finding out that a row is plain takes as long as is gained."""
MOST_VALUES = 120
"""A function of SQLite's takes no more than 127 (https://www.sqlite.org/limits.html#max_function_arg)."""


class Text(NamedTuple):
    """A text that is the same in every row."""

    text: str


class Expression(NamedTuple):
    """A text that a row gives, by SQL; it is never null."""

    sql: str


PLACE = (Expression("{key}"), Text("."), Expression("sid"))
"""A row's place in its order, which ends its cursor; ``{key}`` is the order's key."""
CURSOR = (Text('"'), Expression(":of"), Text("."), *PLACE, Text('"'))
"""A row's cursor; ``:of`` is its connection's fingerprint."""


def joined(parts: Sequence[Text | Expression | Projection]) -> Projection:
    """The SQL that writes these one after another."""
    texts: list[list[str]] = [[]]
    keys: list[str] = []
    for part in parts:
        match part:
            case Text(text):
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


def _joined_printed(parts: Sequence[Text | Expression | Projection]) -> Printed | None:
    """The same by one format, where that is how all of the projections in it are written."""
    form, values, others = "", [], []
    for part in parts:
        match part:
            case Text(text):
                form += text.replace("%", "%%")
                others.append(f"'{_escaped(text)}'")
            case Expression(sql):
                form += "%s"
                values.append(sql)
                others.append(sql)
            case Projection(printed=Printed(own, more, other)):
                form += own
                values += more
                others.append(other)
            case _:
                return None
    is_gained = len(values) <= MOST_VALUES and any(isinstance(part, Projection) for part in parts)
    return Printed(form, tuple(values), " || ".join(others)) if is_gained else None


def _whole(printed: Printed) -> Projection:
    return Projection((printed.sql,), (), printed)


def as_bytes(text: str) -> str:
    """The SQL that gives a text as its UTF-8 bytes, which are spliced into a response without being decoded."""
    return f"CAST({text} AS BLOB)"


def as_list(text: str, has_lead: bool = False) -> str:
    """The SQL that gives all rows' texts as the inside of one JSON array, in bytes; null where there are none.

    What every text begins with, its lead, it may leave to this: ``:lead``, and ``:between``, which is a comma and that.
    """
    return as_bytes(f":lead || group_concat({text}, :between)" if has_lead else f"group_concat({text})")


def lengths_of(text: str) -> str:
    """The SQL that gives the lengths of all rows' texts in bytes, as integers with commas between them."""
    return f"group_concat(length({as_bytes(text)}))"


def _has_hole(member: Member) -> bool:
    return isinstance(member, Hole) or (isinstance(member, Group) and any(map(_has_hole, member.members)))


def _object(members: Sequence[Member]) -> str:
    """An object without a hole: json_object is the quickest way to write it."""
    pairs = []
    for member in members:
        match member:
            case Value(name, column):
                pairs.append(f"'{name}', {column}")
            case Word(name, column, shown, other):
                pairs.append(f"'{name}', {_word(column, shown, other)}")
            case Constant(name, json):
                pairs.append(f"'{name}', json('{_escaped(json)}')")
            case Group(name, inner, present):
                pairs.append(f"'{name}', iif({_any(present)}, {_object(inner)}, NULL)")
    return f"json_object({', '.join(pairs)})"


def _printed(members: Sequence[Member], plain: Sequence[str]) -> Printed | None:
    """The same of a plain row, by one format: the quickest way of all. None where nothing is gained by it."""
    form, values = _form(members, plain)
    return Printed(form, tuple(values), _object(members)) if LEAST_VALUES <= len(values) <= MOST_VALUES else None


def _form(members: Sequence[Member], plain: Sequence[str]) -> tuple[str, list[str]]:
    forms, values = [], []
    for member in members:
        match member:
            case Value(name, column) if column in plain:
                forms.append(f'"{name}":"%s"')
                values.append(column)
            case Value(name, column):
                forms.append(f'"{name}":%s')
                values.append(f"json_quote({column})")
            case Word(name, column, shown, other):
                forms.append(f'"{name}":%s')
                values.append(_word(column, {word: f'"{name}"' for word, name in shown.items()}, f'"{other}"', "null"))
            case Constant(name, json):
                forms.append(f'"{name}":{json.replace("%", "%%")}')
            case Group(name, inner, present):
                form, some = _form(inner, plain)
                if set(present) <= set(plain):
                    forms.append(f'"{name}":{form}')
                    values += some
                else:
                    return "", []
    return "{" + ",".join(forms) + "}", values


def _written(members: Sequence[Member]) -> Iterator[str | Hole]:
    """The pieces of an object with holes, to be concatenated between them."""
    before = "{"
    for member in members:
        before = f'{before}"{member.name}":'
        match member:
            case Value(_, column):
                yield f"'{before}' || json_quote({column})"
            case Word(_, column, shown, other):
                yield f"'{before}' || json_quote({_word(column, shown, other)})"
            case Constant(_, json):
                yield f"'{before}{_escaped(json)}'"
            case Hole(_, column):
                yield f"'{before}' || iif({column} > '', '', 'null')"
                yield member
            case Group(_, inner, present):
                yield f"'{before}'"
                yield from _optional(list(_written(inner)), _any(present))
        before = ","
    yield "'}'" if before == "," else "'{}'"


def _optional(parts: list[str | Hole], present: str) -> Iterator[str | Hole]:
    absent = "'null'"
    run: list[str] = []
    for part in parts:
        if isinstance(part, Hole):
            yield f"iif({present}, {' || '.join(run)}, {absent})"
            yield part
            run, absent = [], "''"
        else:
            run.append(part)
    yield f"iif({present}, {' || '.join(run)}, {absent})"


def _word(column: str, shown: Mapping[str, str], other: str, absent: str | None = None) -> str:
    cases = " ".join(f"WHEN '{word}' THEN '{name}'" for word, name in shown.items())
    null = "NULL" if absent is None else f"'{absent}'"
    return f"CASE {column} {cases} ELSE iif({column} IS NULL, {null}, '{other}') END"


def _any(columns: Sequence[str]) -> str:
    return "(" + " OR ".join(f"{column} > ''" for column in columns) + ")"


def _escaped(text: str) -> str:
    return text.replace("'", "''")
