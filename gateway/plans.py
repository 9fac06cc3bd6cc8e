"""The plans that are remembered: by a document's text without its literals, the most recently used of them."""

from collections import OrderedDict
from contextlib import suppress

from graphql import get_operation_ast

from gateway.execution import Request, checked
from resolvers.plans.inputs import Fallback
from resolvers.plans.literals import cut
from resolvers.plans.plan import Literals, Template
from resolvers.plans.selections import Unplannable
from schema.build import EXECUTABLE
from store.snapshots import Snapshots

TEMPLATES_REMEMBERED = 1_000

Name = tuple[str, str | None]


class Plans:
    """Answers what can be answered by a plan, and says where that can't be."""

    def __init__(self, snapshots: Snapshots, count_cap: int, remembered: int = TEMPLATES_REMEMBERED) -> None:
        self._snapshots, self._count_cap, self._remembered = snapshots, count_cap, remembered
        self._templates: OrderedDict[Name, Template | None] = OrderedDict()

    async def answer(self, request: Request, scopes: frozenset[str]) -> tuple[bytes, int] | None:
        """The whole response, and how many statements it took; None where the ordinary path has to answer."""
        template, literals = self._template(request)
        if template is None:
            return None
        try:
            values = template.values(request.variables or {}, literals)
            data, statements = await template.plan(values, scopes).run(self._snapshots, values, self._count_cap)
        except (Fallback, Unplannable):
            return None
        return b'{"data":%b}' % data, statements

    def _template(self, request: Request) -> tuple[Template | None, Literals]:
        name = request.query, request.operation_name
        if name in self._templates:
            self._templates.move_to_end(name)
            return self._templates[name], ()
        key, literals = cut(request.query)
        name = key, request.operation_name
        if literals and name in self._templates:
            self._templates.move_to_end(name)
            return self._templates[name], literals
        document = checked(request.query).document
        if document is None:
            return None, literals
        template = None
        operation = get_operation_ast(document, request.operation_name)
        if operation is not None:
            with suppress(Fallback, Unplannable):
                template = Template(EXECUTABLE, document, operation, literals)
        self._templates[name] = template
        if len(self._templates) > self._remembered:
            self._templates.popitem(last=False)
        return template, literals
