"""The plans that are remembered: by a document's text with slots for its literals, the most recently used of them."""

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
"""What a template takes, and each of its plans takes as much per token again (measured by tracemalloc)."""

Scoped = tuple[tuple[Scope, str], ...]
Name = tuple[str, str | None, bool]
"""A text, an operation's name, and whether the text has slots: only then can a text of a client's look the same."""


class Known(NamedTuple):
    """A document's operation that may be planned, its name, what it costs, and its fields that want a scope."""

    template: Template
    cost: Cost
    name: str | None
    scoped: Scoped


class Seen(NamedTuple):
    """A document that was checked: what is known of it (None: it can't be planned), and its size in bytes."""

    known: Known | None
    size: int


class Plans:
    """Finds the plan for a document, if there can be one. Documents get in only when they were checked.

    None that asks for the schema is planned, so what is remembered holds with introspection and without.
    """

    def __init__(self, remembered_bytes: int = REMEMBERED_BYTES) -> None:
        self._seen: LRUCache[Name, Seen] = LRUCache(remembered_bytes, lambda seen: seen.size)

    def __len__(self) -> int:
        """How many documents are remembered."""
        return len(self._seen)

    @property
    def size(self) -> int:
        """About how many bytes they take."""
        return int(self._seen.currsize)

    def find(self, text: str, operation_name: str | None) -> tuple[bool, Known | None, Literals]:
        """Whether the document was seen, what is known of it (None: it can't be planned), and its literals."""
        literals: Literals = ()
        seen = self._seen.get((text, operation_name, False))
        if seen is None:
            with_slots, literals = cut(text)
            seen = self._seen.get((with_slots, operation_name, True)) if literals else None
        return (False, None, literals) if seen is None else (True, seen.known, literals)

    def remember(
        self, text: str, operation_name: str | None, document: DocumentNode, scoped: Mapping[str | None, Scoped]
    ) -> tuple[Known | None, Literals]:
        """The same for a document that was parsed, kept within its limits and validated; it is seen from now on.

        ``scoped`` are the fields that want a scope, by operation.
        """
        with_slots, literals = cut(text)
        known, size = None, getsizeof(with_slots) + getsizeof(operation_name) + BYTES_OF_ONE
        operation = get_operation_ast(document, operation_name)
        if operation is not None:
            with suppress(Fallback, Unplannable):
                template = Template(EXECUTABLE, document, operation, text)
                cost = Cost(EXECUTABLE, template.document, template.operation)
                name = operation.name.value if operation.name else None
                known = Known(template, cost, name, scoped[name])
                size += 2 * getsizeof(text) + tokens_in(text) * BYTES_PER_TOKEN * (1 + template.most_plans)
        with suppress(ValueError):  # It alone is larger than all that may be remembered.
            self._seen[with_slots, operation_name, bool(literals)] = Seen(known, size)
        return known, literals
