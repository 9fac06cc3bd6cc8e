"""SQL for both engines: a Dialect writes what SQLite and PostgreSQL write differently, a Statement is a text of each.

Most statements are plain texts, in the SQL that both engines have. Parameters are named, ``:name``; a list is bound as
one JSON text.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias


class Dialect(Protocol):
    """Writes pieces of SQL for one engine. The arguments are SQL too: columns, expressions, or parameters."""

    @property
    def name(self) -> str:
        """The engine's name, in lower case."""
        ...

    def values(self, array: str) -> str:
        """The SELECT of the texts in a JSON array, in the column ``value``."""
        ...

    def pairs(self, mapping: str) -> str:
        """The SELECT of the texts in a JSON object, in the columns ``key`` and ``value``."""
        ...

    def rows(self, array: str, *columns: str) -> str:
        """The SELECT of the texts in a JSON array of arrays, in the named columns."""
        ...

    def member(self, document: str, *path: str) -> str:
        """The text at a path of names and numbers in a JSON text; null where there is none."""
        ...

    def greatest(self, *expressions: str) -> str:
        """The greatest of several values, none of which is null."""
        ...

    def least(self, *expressions: str) -> str:
        """The least of several values, none of which is null."""
        ...

    def columns_of(self, table: str) -> str:
        """The SELECT of the names of a table's columns, in their order; ``table`` is its name."""
        ...

    def by_index(self, table: str, index: str) -> str:
        """The table in a FROM clause, read by this index where the engine takes a hint."""
        ...

    def random_digits(self) -> str:
        """Sixteen random hexadecimal digits."""
        ...

    def contains(self, text: str, part: str) -> str:
        """The condition that a text contains another, ignoring the case of ASCII letters."""
        ...

    def if_null(self, expression: str, other: str) -> str:
        """The expression, or ``other`` if it is null, as the indexes have it."""
        ...

    def days_between(self, first: str, second: str) -> str:
        """The number of days from one instant to another, with a fraction."""
        ...

    def differ(self, columns: str, others: str) -> str:
        """The condition that some columns differ from others, both separated by commas; nulls are equal."""
        ...

    def is_plain(self, *columns: str) -> str:
        """The condition that JSON writes the texts in these columns as they are, none of which is null: Record.plain.

        It is never null.
        """
        ...

    def json_value(self, expression: str) -> str:
        """The JSON text of a text, a number or null."""
        ...

    def json_array(self, *expressions: str) -> str:
        """The JSON text of an array of texts, numbers and nulls."""
        ...

    def joined(self, text: str) -> str:
        """The aggregate that joins a text of each row, in the order of the rows, with commas between them."""
        ...

    def as_bytes(self, text: str) -> str:
        """The text in UTF-8, as bytes, which the driver doesn't decode."""
        ...


class Statement:
    """A statement that the engines write differently; ``write`` returns its text in a dialect."""

    __slots__ = ("_texts", "_write")

    def __init__(self, write: Callable[[Dialect], str]) -> None:
        self._write = write
        self._texts: dict[str, str] = {}

    def text(self, dialect: Dialect) -> str:
        """The statement in this dialect; written once."""
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = self._write(dialect)
        return text


Sql: TypeAlias = str | Statement
"""A statement: a text that both engines understand, or one text for each."""


def json_flag(condition: str) -> str:
    """The JSON text of a condition: true or false."""
    return f"CASE WHEN {condition} THEN 'true' ELSE 'false' END"


def json_object(members: Mapping[str, str]) -> str:
    """The JSON text of an object with these names; the values are SQL of JSON texts."""
    written = " || ',".join(f'"{name}":\' || {value}' for name, value in members.items())
    return f"'{{{written} || '}}'"


def json_list(dialect: Dialect, text: str) -> str:
    """The JSON text of an array of all rows' texts, each of which is JSON; ``[]`` if there are no rows."""
    return f"'[' || coalesce({dialect.joined(text)}, '') || ']'"


def text_of(sql: Sql, dialect: Dialect) -> str:
    """The text of a statement in this dialect."""
    return sql if isinstance(sql, str) else sql.text(dialect)
