"""Caches the most recently used plans, by the document's text with its literals replaced by variables."""

from collections.abc import Mapping
from contextlib import suppress
from sys import getsizeof
from typing import NamedTuple

from cachetools import LRUCache
from graphql import DocumentNode, get_operation_ast

from gateway.limits.cost import Cost
from gateway.limits.tokens import tokens_in
from resolvers.access import Scope
from resolvers.plans.inputs import Fallback
from resolvers.plans.literals import Literals, cut
from resolvers.plans.plan import Template
from resolvers.plans.selections import Unplannable
from schema.build import EXECUTABLE

REMEMBERED_BYTES = 32_000_000
BYTES_OF_ONE, BYTES_PER_TOKEN = 4_000, 150
"""The memory of a template; each of its plans takes the same per token again (measured by tracemalloc)."""

Scoped = tuple[tuple[Scope, str], ...]
CacheKey = tuple[str, str | None, bool]
"""A text, an operation name, and whether literals were replaced in the text, for a client could send the same text."""


class PlannedOperation(NamedTuple):
    """An operation that may be planned, with its cost, its name and its fields that need a scope."""

    template: Template
    cost: Cost
    name: str | None
    scoped: Scoped


class CacheEntry(NamedTuple):
    """A validated document: its planned operation (None if it can't be planned), and its size in bytes."""

    planned: PlannedOperation | None
    size: int


class PlanCache:
    """Finds the planned operation of a document. Only validated documents are added.

    Introspection is never planned, so entries are valid whether introspection is on or off.
    """

    def __init__(self, remembered_bytes: int = REMEMBERED_BYTES) -> None:
        self._entries: LRUCache[CacheKey, CacheEntry] = LRUCache(remembered_bytes, lambda entry: entry.size)

    def __len__(self) -> int:
        """The number of cached documents."""
        return len(self._entries)

    @property
    def size(self) -> int:
        """The approximate size of the cached documents in bytes."""
        return int(self._entries.currsize)

    def find(self, text: str, operation_name: str | None) -> tuple[bool, PlannedOperation | None, Literals]:
        """Whether the document is cached, its planned operation (None if it can't be planned), and its literals."""
        try:  # cachetools' get() takes twice as long for an entry that is there.
            return True, self._entries[text, operation_name, False].planned, ()
        except KeyError:
            with_slots, literals = cut(text)
            entry = self._entries.get((with_slots, operation_name, True)) if literals else None
            return (False, None, literals) if entry is None else (True, entry.planned, literals)

    def remember(
        self, text: str, operation_name: str | None, document: DocumentNode, scoped: Mapping[str | None, Scoped]
    ) -> tuple[PlannedOperation | None, Literals]:
        """Adds a validated document that is within the limits; returns its planned operation and its literals.

        ``scoped`` has the fields that need a scope, by operation.
        """
        with_slots, literals = cut(text)
        planned, size = None, getsizeof(with_slots) + getsizeof(operation_name) + BYTES_OF_ONE
        operation = get_operation_ast(document, operation_name)
        if operation is not None:
            with suppress(Fallback, Unplannable):
                template = Template(EXECUTABLE, document, operation, text)
                cost = Cost(EXECUTABLE, template.document, template.operation)
                name = operation.name.value if operation.name else None
                planned = PlannedOperation(template, cost, name, scoped[name])
                size += 2 * getsizeof(text) + tokens_in(text) * BYTES_PER_TOKEN * (1 + template.most_plans)
        with suppress(ValueError):  # Raised for an entry larger than the whole cache.
            self._entries[with_slots, operation_name, bool(literals)] = CacheEntry(planned, size)
        return planned, literals
