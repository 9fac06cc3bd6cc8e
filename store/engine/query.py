"""Queries: reads that one statement answers for many keys. They are declared once for all engines."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from store.engine.sql import Sql

K = TypeVar("K", contravariant=True)
V = TypeVar("V", covariant=True)


class Query(Protocol[K, V]):
    """A read for many keys by one statement. Equal queries can share a statement."""

    @property
    def sql(self) -> Sql:
        """The statement. Its result is one value, JSON in UTF-8."""
        ...

    @property
    def may_be_long(self) -> bool:
        """Whether it may take long, so that it needs a connection of its own and a time limit."""
        ...

    @property
    def is_versioned(self) -> bool:
        """Whether the data version covers everything that it reads. If not, only the primary can answer it."""
        ...

    def parameters(self, keys: Sequence[K]) -> dict[str, Any]:
        """The values that the statement binds for these keys."""
        ...

    def answer(self, payload: bytes, keys: Sequence[K]) -> Sequence[V]:
        """Decodes the statement's value into one answer for each key, in the keys' order."""
        ...
