"""SQL for both engines: a Dialect writes what SQLite and PostgreSQL write differently, a Statement is a text of each.

Most statements are plain texts, in the SQL that both engines have. Parameters are named, ``:name``; a list is bound as
one JSON text.
"""

from collections.abc import Callable
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

    def greatest(self, *expressions: str) -> str:
        """The greatest of several values, none of which is null."""
        ...

    def least(self, *expressions: str) -> str:
        """The least of several values, none of which is null."""
        ...

    def contains(self, text: str, part: str) -> str:
        """The condition that a text contains another, ignoring the case of ASCII letters."""
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


def text_of(sql: Sql, dialect: Dialect) -> str:
    """The text of a statement in this dialect."""
    return sql if isinstance(sql, str) else sql.text(dialect)
