"""Named parameters: ``:name`` in a statement becomes ``$1``, since PostgreSQL numbers them."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from store.engine.protocols import Parameters

TOKEN = re.compile(
    r"""
    '(?:[^']|'')*' | "(?:[^"]|"")*"      # a text, a quoted name
  | --[^\n]* | /\*.*?\*/                 # comments
  | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$      # a text between dollars
  | ::                                   # a cast
  | :(?P<name>[A-Za-z_]\w*)
    """,
    re.VERBOSE | re.DOTALL,
)


FIRST_WORD = re.compile(r"\s*\w+")


class Numbered(NamedTuple):
    """A statement with numbered parameters, and their names in the order of the numbers."""

    text: str
    names: tuple[str, ...]

    def values(self, parameters: Parameters) -> Sequence[Any]:
        """The values to bind, in the order of the numbers."""
        return [parameters[name] for name in self.names] if isinstance(parameters, dict) else parameters


@lru_cache(maxsize=2_048)
def labelled(sql: str, kind: str) -> str:
    """The statement with a comment, ``/* proxygraph: KIND */``, by which an operator knows it in pg_stat_statements.

    It follows the first word, since PostgreSQL 18 drops comments before that. Equal statements get equal texts, so that
    a connection prepares them once.
    """
    return FIRST_WORD.sub(rf"\g<0> /* proxygraph: {kind} */", sql, count=1)


@lru_cache(maxsize=2_048)
def numbered(sql: str) -> Numbered:
    """The statement with ``$1``, ``$2``, … in place of its named parameters; one that occurs twice has one number."""
    names: dict[str, int] = {}

    def number(token: re.Match[str]) -> str:
        name = token["name"]
        return token[0] if name is None else f"${names.setdefault(name, len(names) + 1)}"

    text = TOKEN.sub(number, sql)
    return Numbered(text, tuple(names))
