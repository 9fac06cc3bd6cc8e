"""The plans that are remembered: by a document's text without its literals, the most recently used of them."""

import time
from collections import OrderedDict
from contextlib import suppress
from typing import NamedTuple

from graphql import DocumentNode, get_operation_ast

from gateway.cost import Cost, demand_cost
from gateway.limits import LimitExceeded
from gateway.settings import Limits
from resolvers.context import Context
from resolvers.plans.inputs import Fallback
from resolvers.plans.levels import Bounds
from resolvers.plans.literals import cut
from resolvers.plans.plan import Literals, Template
from resolvers.plans.selections import Unplannable
from schema.build import EXECUTABLE

REMEMBERED = 1_000

Name = tuple[str, str | None]


class Known(NamedTuple):
    """A document's operation that may be planned, and what it costs."""

    template: Template
    cost: Cost


class Planned(NamedTuple):
    """A response that a plan gave."""

    body: bytes
    statements: int
    cost: int
    known: Known


class Plans:
    """Finds the plan for a document, if there can be one. Documents get in only when they were checked."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._known: OrderedDict[Name, Known | None] = OrderedDict()

    def __len__(self) -> int:
        """How many documents are remembered."""
        return len(self._known)

    def find(self, text: str, operation_name: str | None) -> tuple[bool, Known | None, Literals]:
        """Whether the document was seen, what is known of it (None: it can't be planned), and its literals."""
        name = text, operation_name
        if name in self._known:
            self._known.move_to_end(name)
            return True, self._known[name], ()
        key, literals = cut(text)
        name = key, operation_name
        if name in self._known:
            self._known.move_to_end(name)
            return True, self._known[name], literals
        return False, None, literals

    def remember(self, text: str, operation_name: str | None, document: DocumentNode) -> tuple[Known | None, Literals]:
        """The same for a document that was parsed, kept within its limits and validated; it is seen from now on."""
        key, literals = cut(text)
        known = None
        operation = get_operation_ast(document, operation_name)
        if operation is not None:
            with suppress(Fallback, Unplannable):
                template = Template(EXECUTABLE, document, operation, literals)
                known = Known(template, Cost(EXECUTABLE, template.document, template.operation))
        self._known[key, operation_name] = known
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)
        return known, literals


async def answer(
    known: Known, variables: dict[str, object], literals: Literals, context: Context, limits: Limits
) -> Planned | None:
    """The response that the plan gives; None where the ordinary path has to answer, as for every error.

    Raises OutOfTime where it takes longer than it may.
    """
    until = time.perf_counter() + limits.max_seconds
    bounds = Bounds(context.max_page_size, context.count_cap, limits.max_statements, until)
    try:
        values = known.template.values(variables, literals)
        cost = demand_cost(known.cost, values, limits.max_cost, limits.max_page_size)
        plan = known.template.plan(values, SCOPES)
        data, statements = await plan.run(context.archive.snapshots, values, bounds)
    except (Fallback, Unplannable, LimitExceeded):
        return None
    return Planned(b'{"data":%b}' % data, statements, cost, known)


SCOPES = frozenset({"read", "read:content"})
