"""Plans: an operation of a validated document, compiled once and run for each request with its own values."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    Visitor,
    visit,
)

from resolvers.plans.compiler import Compiler
from resolvers.plans.inputs import Fallback, Values, Variables
from resolvers.plans.literals import Literals, with_slots
from resolvers.plans.root_steps import RootStep, RowRoot
from resolvers.plans.steps import NULL, Bounds, Piece, Pieces, Run
from store.errors import ReadFailed
from store.plans.reads import PlanReader, PlanReads

MOST_PLANS = 32
"""The maximum for one document: it needs a plan for each combination of @skip and @include flags and scopes."""


Ran = tuple[Pieces, int, int]
"""A response's data, the number of statements, and the number of rows that they returned."""


class Plan:
    """One compiled operation: its root steps, each with the text before its value."""

    def __init__(self, fields: list[tuple[bytes, RootStep]]) -> None:
        self._fields = fields
        self._row = _only_row(fields)
        self._had_several = False

    @property
    def reads_one_row(self) -> bool:
        """Whether all that it reads is one row by its SID."""
        return self._row is not None

    def run_at_once(self, reads: PlanReads, values: Values, bounds: Bounds, until: float) -> Ran | None:
        """As ``run``, for a plan that reads one row and need not wait; else None. Raises Fallback."""
        if self._row is None or not reads.reads_at_once or bounds.max_statements < 1:
            return None
        before, row = self._row
        sid = row.sid(values)
        try:
            rows = reads.row_at_once(row.rows.wanted, sid, until)
        except (ReadFailed, UnicodeEncodeError) as error:
            raise Fallback from error
        return None if rows is None else ((before, *(rows[0] if rows else NULL), b"}"), 1, len(rows))

    async def run(self, reads: PlanReads, values: Values, bounds: Bounds, until: float) -> Ran:
        """Runs the plan; returns the JSON of the response's ``data`` in pieces, and the numbers of statements and rows.

        Raises Fallback if the ordinary path must answer, OutOfTime if it isn't done by ``until``, a time of
        perf_counter().
        """
        try:
            if self._row is not None and bounds.max_statements:
                before, row = self._row
                rows = await reads.row(row.rows.wanted, row.sid(values), until)
                return (before, *(rows[0] if rows else NULL), b"}"), 1, len(rows)

            async def work(reader: PlanReader) -> Ran:
                return await self._read(Run(reader, values, bounds)), reader.statements, reader.rows_read

            ran = await reads.run(self._had_several, until, work)
        except (ReadFailed, UnicodeEncodeError) as error:  # A lone surrogate can't be bound.
            raise Fallback from error
        self._had_several = ran[1] > 1
        return ran

    async def _read(self, run: Run) -> Pieces:
        pieces: list[Piece] = []
        for before, root in self._fields:
            pieces.append(before)
            pieces += await root.read(run)
        pieces.append(b"}" if pieces else b"{}")
        return pieces


class Template:
    """An operation of a valid document whose literals may differ from request to request."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode, text: str
    ) -> None:
        """``document`` is parsed from ``text``. Raises Unplannable or Fallback if no values make it plannable."""
        position = document.definitions.index(operation)
        self._schema = schema
        self.document, self._checks = with_slots(schema, document, text)
        definition = self.document.definitions[position]
        if not isinstance(definition, OperationDefinitionNode):
            raise Fallback
        self.operation = definition
        self._variables = Variables(schema, definition)
        self._flag_names = _flags(self.document)
        self._plans: dict[Any, Plan] = {}

    def __len__(self) -> int:
        """The number of its plans that are kept."""
        return len(self._plans)

    def values(self, given: Mapping[str, Any], literals: Literals) -> dict[str, Any]:
        """The values of the request's variables, and of the slots, which are the document's ``literals``.

        Raises Fallback if a value is not simply valid, or a literal makes the document invalid.
        """
        for slot, check in self._checks:
            try:
                check(literals[int(slot)])
            except Exception as error:
                raise Fallback from error
        return self._variables.values(given, literals)

    @property
    def most_plans(self) -> int:
        """How many of its plans may be kept: one for each combination of flags, for up to four sets of scopes."""
        return min(MOST_PLANS, 4 << min(len(self._flag_names), 8))

    def plan(self, values: Values, scopes: frozenset[str]) -> Plan:
        """The plan for these values, compiled on first use; raises Unplannable if there can be none."""
        flags = tuple([values.get(name) for name in self._flag_names]) if self._flag_names else ()
        plan = self._plans.get((flags, scopes))
        if plan is None:
            known = {name: flag for name, flag in zip(self._flag_names, flags, strict=True) if isinstance(flag, bool)}
            compiler = Compiler(self._schema, self.document, self.operation, known, scopes)
            if len(self._plans) >= self.most_plans:
                self._plans.clear()
            plan = self._plans[flags, scopes] = Plan(compiler.root_fields())
        return plan


def _only_row(fields: list[tuple[bytes, RootStep]]) -> tuple[bytes, RowRoot] | None:
    """The root step of one row and the text before it, if the fields are only that, without child steps."""
    if len(fields) != 1:
        return None
    ((before, root),) = fields
    return (before, root) if isinstance(root, RowRoot) and not root.rows.shape.children else None


def _flags(document: DocumentNode) -> list[str]:
    """The variables that @skip and @include depend on."""
    names: dict[str, None] = {}

    class Flags(Visitor):
        def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
            for argument in node.arguments or ():
                if isinstance(argument.value, VariableNode):
                    names[argument.value.name.value] = None

    visit(document, Flags())
    return list(names)
