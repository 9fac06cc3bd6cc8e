"""Executes GraphQL operations: by a compiled plan, or by graphql-core."""

from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
)

from gateway.endpoint.documents import checked, coded
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.plan_executor import PlanExecutor
from gateway.endpoint.results import UNSAFE, CostMode, Request, Result
from gateway.http.exchange import Wait, awaited
from gateway.limits.budget import within_budget
from gateway.limits.cost import Cost, demand_cost
from gateway.limits.limits import LimitExceeded
from gateway.limits.list_lengths import lengths
from gateway.settings.server import Limits
from resolvers.context import Context
from resolvers.errors import formatted
from schema.build import EXECUTABLE
from schema.withheld import withheld
from store.errors import Unavailable

NOTHING: dict[str, Any] = {}
SUBSCRIPTION = "subscription"
NO_STREAM = "NOT_ACCEPTABLE"


async def execute(request: Request, context: Context, limits: Limits, plans: PlanCache | None = None) -> Result:
    """Executes the request: by its plan if ``plans`` is given and the response is data only, otherwise by graphql-core.

    A response with a request error has no ``data``; field errors come beside the data.
    """
    result = None
    if plans is not None:
        executor = PlanExecutor(context.archive, limits, context.introspection, context.count_cap, plans)
        result = await executor.execute(request, context.access)
    return await executed(request, context, limits) if result is None else result


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
    """The result of its operation by graphql-core's executor."""
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
