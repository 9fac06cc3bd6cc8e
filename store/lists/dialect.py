"""Dialects that write lists: each engine reads them by access paths of its own."""

from abc import ABC, abstractmethod
from typing import Any

from store.engine.sql import Dialect
from store.lists.parent_pages import ListShape
from store.lists.relations import Relation


class ListDialect(ABC):
    """The lists of a Dialect. Both engines' dialects have them; the engine room knows no lists."""

    @abstractmethod
    def list_sql(self, shape: ListShape, columns: str, parent: str) -> str:
        """The SELECT of ``columns`` of one parent's page; ``parent`` is the SQL of the parent's SID.

        It depends on these alone: the rest is bound (see Page.bound).
        """

    @abstractmethod
    def count_sql(self, relation: Relation[Any], active: frozenset[str], parent: str) -> str:
        """The expression that counts one parent's children, up to ``:cap``."""


def lists_of(dialect: Dialect) -> ListDialect:
    """The dialect, as one that writes lists. Raises TypeError if it doesn't."""
    if isinstance(dialect, ListDialect):
        return dialect
    raise TypeError(f"Expected a dialect that writes lists, but got that of {dialect.name}.")
