"""The plans that are remembered: by a document's text without its literals, the most recently used of them."""

from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from graphql import DocumentNode, get_operation_ast

from gateway.limits.cost import Cost
from resolvers.access import Scope
from resolvers.plans.inputs import Fallback
from resolvers.plans.literals import cut
from resolvers.plans.plan import Literals, Template
from resolvers.plans.selections import Unplannable
from schema.build import EXECUTABLE

REMEMBERED = 1_000

UNSEEN: Any = object()

Name = tuple[str, str | None]
Scoped = tuple[tuple[Scope, str], ...]


class Known(NamedTuple):
    """A document's operation that may be planned, its name, what it costs, and its fields that want a scope."""

    template: Template
    cost: Cost
    name: str | None
    scoped: Scoped


class Plans:
    """Finds the plan for a document, if there can be one. Documents get in only when they were checked.

    None that asks for the schema is planned, so what is remembered holds with introspection and without.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._known: OrderedDict[Name, Known | None] = OrderedDict()

    def __len__(self) -> int:
        """How many documents are remembered."""
        return len(self._known)

    def find(self, text: str, operation_name: str | None) -> tuple[bool, Known | None, Literals]:
        """Whether the document was seen, what is known of it (None: it can't be planned), and its literals."""
        name: Name = text, operation_name
        literals: Literals = ()
        known: Known | None = self._known.get(name, UNSEEN)
        if known is UNSEEN:
            key, literals = cut(text)
            name = key, operation_name
            known = self._known.get(name, UNSEEN)
            if known is UNSEEN:
                return False, None, literals
        self._known.move_to_end(name)
        return True, known, literals

    def remember(
        self, text: str, operation_name: str | None, document: DocumentNode, scoped: Mapping[str | None, Scoped]
    ) -> tuple[Known | None, Literals]:
        """The same for a document that was parsed, kept within its limits and validated; it is seen from now on.

        ``scoped`` are the fields that want a scope, by operation.
        """
        key, literals = cut(text)
        known = None
        operation = get_operation_ast(document, operation_name)
        if operation is not None:
            with suppress(Fallback, Unplannable):
                template = Template(EXECUTABLE, document, operation, literals)
                cost = Cost(EXECUTABLE, template.document, template.operation)
                name = operation.name.value if operation.name else None
                known = Known(template, cost, name, scoped[name])
        self._known[key, operation_name] = known
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return known, literals
