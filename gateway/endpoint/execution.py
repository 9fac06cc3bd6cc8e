"""Executes GraphQL operations: by a compiled plan, or by graphql-core."""

import time
from collections.abc import Collection
from enum import StrEnum
from typing import Any

import msgspec
import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
)

from gateway.endpoint.documents import checked, coded
from gateway.endpoint.plan_cache import PlanCache, PlannedOperation
from gateway.http.exchange import Wait, awaited
from gateway.limits.budget import too_long, within_budget
from gateway.limits.cost import PARTICIPANTS, Cost, demand_cost
from gateway.limits.limits import LimitExceeded
from gateway.limits.list_lengths import lengths
from gateway.settings.server import Limits
from resolvers.access import ANYBODY
from resolvers.context import Context
from resolvers.errors import formatted
from resolvers.plans.inputs import Fallback, Values
from resolvers.plans.plan import Plan, Ran
from resolvers.plans.selections import Unplannable
from resolvers.plans.steps import Bounds, bounds_of
from schema.build import EXECUTABLE
from schema.withheld import withheld
from store.errors import OutOfTime, Unavailable
from store.plans.reads import PlanReads

NOTHING: dict[str, Any] = {}
SUBSCRIPTION = "subscription"
UNSAFE, NO_STREAM = "METHOD_NOT_ALLOWED", "NOT_ACCEPTABLE"


class CostMode(StrEnum):
    """The request header GraphQL-Cost: report the cost beside the data, or only estimate it."""

    NONE = ""
    REPORT = "report"
    VALIDATE = "validate"


class Request(msgspec.Struct, frozen=True):
    """An operation to execute; if ``read_only``, a mutation is refused."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    read_only: bool = False
    cost_mode: CostMode = CostMode.NONE


class Result(msgspec.Struct, frozen=True):
    """A response; a ``request_error`` was found before execution began."""

    response: dict[str, Any]
    request_error: bool
    operation: str
    operation_name: str | None = None
    cost: int | None = None
    root_fields: Collection[str] = ()
    body: bytes | None = None
    statements: int = 0
    rows: int = 0

    @property
    def is_planned(self) -> bool:
        """Whether a plan produced it."""
        return self.body is not None

    def encoded(self) -> bytes:
        """The response as JSON, which a plan has already encoded."""
        return orjson.dumps(self.response) if self.body is None else self.body

    @property
    def outcome(self) -> str:
        """``ok``, ``errors`` or ``request_error``."""
        return "request_error" if self.request_error else "errors" if "errors" in self.response else "ok"

    @property
    def code(self) -> str:
        """The code of the first error; call it only if there are errors."""
        return str(self.response["errors"][0]["extensions"]["code"])

    @property
    def is_unsafe(self) -> bool:
        """Whether it refused a mutation sent by GET."""
        return self.request_error and self.code == UNSAFE


async def execute(request: Request, context: Context, limits: Limits, plans: PlanCache | None = None) -> Result:
    """Executes the request: by its plan if ``plans`` is given and the response is data only, otherwise by graphql-core.

    A response with a request error has no ``data``; field errors come beside the data.
    """
    result = None if plans is None else await planned(request, context, limits, plans)
    return await executed(request, context, limits) if result is None else result


async def planned(
    request: Request, context: Context, limits: Limits, plans: PlanCache, wait: Wait = awaited
) -> Result | None:
    """Executes the operation by its plan; returns None if it has no plan, or if the response is more than data.

    ``wait`` awaits a plan that can't finish at once.
    """
    try:
        ready = _ready(request, context, limits, plans)
        if ready is None:
            return None
        known, cost, plan, arguments = ready
        ran = plan.run_at_once(*arguments)
        if ran is None:  # One row is read in less time than it takes to watch the client.
            ran = await (plan.run(*arguments) if plan.reads_one_row else wait(plan.run(*arguments)))
    except (Fallback, Unplannable, LimitExceeded):
        return None
    except OutOfTime:
        return Result({"errors": [formatted(too_long(limits))]}, True, "query")
    return _result(known, cost, ran, context, limits, arguments[-1])


def planned_at_once(request: Request, context: Context, limits: Limits, plans: PlanCache) -> Result | None:
    """As ``planned``, for an operation that reads one row and need not wait for it; None for any other."""
    try:
        ready = _ready(request, context, limits, plans)
        if ready is None:
            return None
        known, cost, plan, arguments = ready
        ran = plan.run_at_once(*arguments)
    except (Fallback, Unplannable, LimitExceeded, OutOfTime):
        return None
    return None if ran is None else _result(known, cost, ran, context, limits, arguments[-1])


def _ready(
    request: Request, context: Context, limits: Limits, plans: PlanCache
) -> tuple[PlannedOperation, int, Plan, tuple[PlanReads, Values, Bounds, float]] | None:
    """The operation's plan, its cost, and what the plan is run with; None if it has no plan.

    Raises Unplannable, Fallback or LimitExceeded if the ordinary path must answer.
    """
    if request.cost_mode is not CostMode.NONE:
        return None
    found, known, literals = plans.find(request.query, request.operation_name)
    if not found:
        document, _, scoped, *_ = checked(request.query, limits.document, context.introspection)
        if document is None:
            return None
        known, literals = plans.remember(request.query, request.operation_name, document, scoped)
    if known is None:
        return None
    bounds = bounds_of(context.max_page_size, context.count_cap, limits.max_statements)
    until = time.perf_counter() + limits.max_seconds
    values = known.template.values(request.variables or NOTHING, literals)
    values[PARTICIPANTS] = context.most_participants
    cost = demand_cost(known.cost, values, limits.max_cost, limits.max_page_size)
    plan = known.template.plan(values, context.access.scopes)
    return known, cost, plan, (context.archive.plan_reads, values, bounds, until)


def _result(known: PlannedOperation, cost: int, ran: Ran, context: Context, limits: Limits, until: float) -> Result:
    data, statements, rows = ran
    if time.perf_counter() > until:
        return Result({"errors": [formatted(too_long(limits))]}, True, "query")
    hidden = withheld(context.access, known.scoped) if context.access is not ANYBODY else None
    extensions = b',"extensions":%b' % orjson.dumps({"withheld": hidden}) if hidden else b""
    body = b"".join((b'{"data":', *data, extensions, b"}"))
    return Result(NOTHING, False, "query", known.name, cost, known.cost.root_fields, body, statements, rows)


async def executed(request: Request, context: Context, limits: Limits, wait: Wait = awaited) -> Result:
    """Executes the operation by graphql-core; ``wait`` awaits a query, but no mutation, which must not be cancelled.

    Raises Unavailable if there is nothing to respond because the database's server failed.
    """
    document, errors, scoped, costs, _ = checked(request.query, limits.document, context.introspection)
    if document is None:
        return Result({"errors": errors}, True, "none")
    operation = get_operation_ast(document, request.operation_name)
    if operation is None:
        return Result({"errors": [_unresolved(document, request.operation_name)]}, True, "none")
    kind, name = operation.operation.value, operation.name.value if operation.name else None
    if refusal := _refusal(kind, request):
        return Result({"errors": [refusal]}, True, kind, name)
    variables = request.variables or {}
    cost = costs.get(id(operation)) or costs.setdefault(id(operation), Cost(EXECUTABLE, document, operation))
    sizes = {**variables, **await lengths(cost, context)}
    estimate = cost.estimate(sizes)
    if request.cost_mode is CostMode.VALIDATE:
        return Result(_with_cost({}, cost, estimate, limits), False, kind, name, estimate)
    try:
        demand_cost(cost, sizes, limits.max_cost, limits.max_page_size)
        executor = Executor.build(
            EXECUTABLE,
            document,
            context_value=context,
            raw_variable_values=variables,
            operation_name=request.operation_name,
            hide_suggestions=not context.introspection,
        )
        if isinstance(executor, list):
            errors = [coded(error, "BAD_USER_INPUT") for error in executor]
            return Result({"errors": errors}, True, kind, name, estimate)
        try:
            waits = wait if kind == "query" else awaited
            outcome = await within_budget(
                lambda: waits(outcome_of(executor)), context, limits, is_query=kind == "query"
            )
        finally:
            await context.end()
    except LimitExceeded as error:
        return Result({"errors": [formatted(error)]}, True, kind, name, estimate)
    raise_unavailable(outcome, kind)
    response: dict[str, Any] = {"data": outcome.data}
    if outcome.errors:
        response = {"errors": [formatted(_blamed(error)) for error in outcome.errors], **response}
    if hidden := withheld(context.access, scoped[name]):
        response["extensions"] = {"withheld": hidden}
    if request.cost_mode is CostMode.REPORT:
        response = _with_cost(response, cost, estimate, limits, len(context.reader.statements))
    return Result(response, False, kind, name, estimate, cost.root_fields)


async def outcome_of(executor: Executor[Any]) -> ExecutionResult:
    """What graphql-core's executor makes of its operation."""
    outcome: Any = executor.execute_operation()
    result: ExecutionResult = await outcome if executor.is_awaitable(outcome) else outcome
    return result


def _with_cost(
    response: dict[str, Any], cost: Cost, estimate: int, limits: Limits, statements: int | None = None
) -> dict[str, Any]:
    shown: dict[str, Any] = {"estimated": estimate, "maximum": limits.max_cost}
    if statements is not None:
        shown |= {"counted": cost.counted(response["data"]), "statements": statements}
    return {**response, "extensions": {**response.get("extensions", {}), "cost": shown}}


def _refusal(kind: str, request: Request) -> dict[str, Any] | None:
    """The error of an operation that can't be sent in this way."""
    if kind == SUBSCRIPTION:
        return coded(_unstreamed(), NO_STREAM)
    return coded(_unsafe(), UNSAFE) if request.read_only and kind == "mutation" else None


def _unsafe() -> GraphQLError:
    return GraphQLError("Expected a query, for GET changes nothing, but got a mutation. Send it by POST.")


def _unstreamed() -> GraphQLError:
    return GraphQLError(
        "Expected a query or a mutation, but got a subscription. Send it with Accept: text/event-stream, or over a "
        "WebSocket with the subprotocol graphql-transport-ws."
    )


def _unresolved(document: DocumentNode, name: str | None) -> dict[str, Any]:
    names = ", ".join(
        repr(definition.name.value) if definition.name else "one without a name"
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    )
    has = f"The document has {names}." if names else "The document has no operation."
    wanted = f"no operation named {name!r}" if name else "no operationName, which says the one to run"
    return coded(GraphQLError(f"Expected an operation to run, but got {wanted}. {has}"), "OPERATION_RESOLUTION_FAILURE")


def raise_unavailable(outcome: ExecutionResult, kind: str) -> None:
    """Raises the Unavailable among a query's errors, since all of it should be asked for again.

    A mutation's answer is kept if it has any data.
    """
    for error in outcome.errors or ():
        if isinstance(error.original_error, Unavailable) and (kind == "query" or outcome.data is None):
            raise error.original_error


def _blamed(error: GraphQLError) -> GraphQLError:
    # graphql-core detects a null variable for a non-null argument only when it executes the field.
    graphqls_own = error.original_error is None or isinstance(error.original_error, GraphQLError)
    if graphqls_own and not error.extensions and error.message.startswith("Argument "):
        error.extensions = {"code": "BAD_USER_INPUT"}
    return error
