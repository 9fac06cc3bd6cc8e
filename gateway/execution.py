"""From a request to a result: parse and validate once a document, then run it on the schema.

What a document says is remembered (its parse, its validation), never what it answered.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from graphql import (
    DocumentNode,
    Executor,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)

from resolvers.access import Scope
from resolvers.context import Context
from resolvers.errors import formatted
from schema.build import EXECUTABLE
from schema.withheld import scoped_fields, withheld

DOCUMENTS_REMEMBERED = 1_000


class Request(msgspec.Struct, rename="camel"):
    """The members of a GraphQL request that we know; others are ignored."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    extensions: dict[str, Any] | None = None


class Checked(NamedTuple):
    """A document that can be run, or the errors why not."""

    document: DocumentNode | None
    errors: list[dict[str, Any]]
    scoped: Mapping[str | None, tuple[tuple[Scope, str], ...]]


class Result(NamedTuple):
    """A response, and whether it is a request error: one found before anything ran."""

    response: dict[str, Any]
    request_error: bool
    operation: str
    operation_name: str | None = None


async def execute(request: Request, context: Context) -> Result:
    """Runs the request's operation. A request error has no ``data``; field errors stand beside it."""
    document, errors, scoped = checked(request.query, context.introspection)
    if document is None:
        return Result({"errors": errors}, True, "none")
    operation = get_operation_ast(document, request.operation_name)
    if operation is None:
        return Result({"errors": [_unresolved(document, request.operation_name)]}, True, "none")
    kind, name = operation.operation.value, operation.name.value if operation.name else None
    executor = Executor.build(
        EXECUTABLE,
        document,
        context_value=context,
        raw_variable_values=request.variables or {},
        operation_name=request.operation_name,
        hide_suggestions=not context.introspection,
    )
    if isinstance(executor, list):
        return Result({"errors": [_coded(error, "BAD_USER_INPUT") for error in executor]}, True, kind, name)
    outcome: Any = executor.execute_operation()
    if executor.is_awaitable(outcome):
        outcome = await outcome
    response: dict[str, Any] = {"data": outcome.data}
    if outcome.errors:
        response = {"errors": [formatted(_blamed(error)) for error in outcome.errors], **response}
    if hidden := withheld(context.access, scoped[name]):
        response["extensions"] = {"withheld": hidden}
    return Result(response, False, kind, name)


@lru_cache(DOCUMENTS_REMEMBERED)
def checked(text: str, introspection: bool = True) -> Checked:
    """The parsed and validated document of ``text``; without introspection it may neither ask for the schema nor
    learn names of it from errors.
    """
    try:
        document = parse(text)
    except GraphQLError as error:
        return _refused([error], "GRAPHQL_PARSE_FAILED")
    except RecursionError:
        return _refused([_too_deep()], "GRAPHQL_PARSE_FAILED")
    rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
    try:
        errors = validate(EXECUTABLE, document, rules, hide_suggestions=not introspection)
        if not errors:
            return Checked(document, [], scoped_fields(document))
    except RecursionError:
        errors = [_too_deep()]
    return _refused(errors, "GRAPHQL_VALIDATION_FAILED")


def _refused(errors: list[GraphQLError], code: str) -> Checked:
    return Checked(None, [_coded(error, code) for error in errors], {})


def _too_deep() -> GraphQLError:
    return GraphQLError("Expected a document that nests less deeply than this one.")


def _unresolved(document: DocumentNode, name: str | None) -> dict[str, Any]:
    names = ", ".join(
        repr(definition.name.value) if definition.name else "one without a name"
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
    )
    has = f"The document has {names}." if names else "The document has no operation."
    wanted = f"no operation named {name!r}" if name else "no operationName, which says the one to run"
    return _coded(
        GraphQLError(f"Expected an operation to run, but got {wanted}. {has}"), "OPERATION_RESOLUTION_FAILURE"
    )


def _blamed(error: GraphQLError) -> GraphQLError:
    # graphql-core finds out only when a field runs that a variable is null where its argument can't be.
    graphqls_own = error.original_error is None or isinstance(error.original_error, GraphQLError)
    if graphqls_own and not error.extensions and error.message.startswith("Argument "):
        error.extensions = {"code": "BAD_USER_INPUT"}
    return error


def _coded(error: GraphQLError, code: str) -> dict[str, Any]:
    return {**error.formatted, "extensions": {"code": code}}
