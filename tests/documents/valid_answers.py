"""What an answer to a GraphQL request has to look like, told by the specification and the schema, not by our code."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_operation_ast,
    is_abstract_type,
)

MEMBERS = {"data", "errors", "extensions"}
ERROR_MEMBERS = {"message", "locations", "path", "extensions"}
CODES = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "BUSY",
    "FORBIDDEN",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "LIMIT_EXCEEDED",
    "METHOD_NOT_ALLOWED",
    "MISDIRECTED_REQUEST",
    "OPERATION_RESOLUTION_FAILURE",
    "PERSISTED_QUERY_NOT_FOUND",
    "SEARCH_TOO_LONG",
    "UNAUTHENTICATED",
}
"""Every code that a client can bring about by what it sends; INTERNAL_SERVER_ERROR is none of them."""

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LEAVES: Mapping[str, Any] = {
    "Boolean": lambda value: isinstance(value, bool),
    "DateTime": lambda value: isinstance(value, str) and MOMENT.fullmatch(value),
    "Float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "ID": lambda value: isinstance(value, str),
    "Int": lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31,
    "String": lambda value: isinstance(value, str),
}


class InvalidAnswer(AssertionError):
    """What an answer has that it may not have, or lacks; the text is a sentence that says where."""


def demand_shape(response: Any) -> None:
    """Raises InvalidAnswer where ``response`` is no response of GraphQL's (https://spec.graphql.org/draft/#sec-Response)."""
    if not isinstance(response, dict) or not set(response) <= MEMBERS or not set(response) & {"data", "errors"}:
        raise InvalidAnswer(f"Expected an object with data or errors, and perhaps extensions, but got {response!r}.")
    if not isinstance(response.get("extensions", {}), dict):
        raise InvalidAnswer(f"Expected extensions to be an object, but got {response['extensions']!r}.")
    if "errors" in response:
        errors = response["errors"]
        if not isinstance(errors, list) or not errors:
            raise InvalidAnswer(f"Expected errors to be a list of some, but got {errors!r}.")
        for error in errors:
            if not _is_error(error):
                raise InvalidAnswer(f"Expected an error with a message and a code of its client's, but got {error!r}.")


def demand_typed(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
    data: Any,
) -> None:
    """Raises InvalidAnswer where ``data`` is not what the operation selects: its keys, their order, their types."""
    operation = get_operation_ast(document, operation_name)
    assert operation is not None
    root = schema.get_root_type(operation.operation)
    assert root is not None
    _Reading(schema, document, operation, variables).demand(data, root, [operation.selection_set], "data")


class _Reading:
    """One document with its variables, as its answer is read."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        defaults = {
            each.variable.name.value: each.default_value.value
            for each in operation.variable_definitions or ()
            if isinstance(each.default_value, BooleanValueNode)
        }
        self._flags: dict[str, Any] = defaults | dict(variables)

    def demand(self, value: Any, kind: GraphQLOutputType, below: Iterable[SelectionSetNode], path: str) -> None:
        """Raises InvalidAnswer where ``value`` is not of ``kind`` with what is selected below it."""
        if isinstance(kind, GraphQLNonNull):
            if value is None:
                raise InvalidAnswer(f"Expected {path} not to be null.")
            kind = kind.of_type
        if value is None:
            return
        if isinstance(kind, GraphQLList):
            if not isinstance(value, list):
                raise InvalidAnswer(f"Expected {path} to be a list, but got {value!r}.")
            for number, item in enumerate(value):
                self.demand(item, kind.of_type, below, f"{path}.{number}")
        elif isinstance(kind, GraphQLObjectType):
            self._demand_object(value, kind, below, path)
        elif is_abstract_type(kind):
            self._demand_one_of(value, list(self._schema.get_possible_types(kind)), below, path)
        else:
            named: Any = kind
            fits = value in kind.values if isinstance(kind, GraphQLEnumType) else LEAVES[named.name](value)
            if not fits:
                raise InvalidAnswer(f"Expected {path} to be a {named.name}, but got {value!r}.")

    def _demand_one_of(
        self, value: Any, kinds: list[GraphQLObjectType], below: Iterable[SelectionSetNode], path: str
    ) -> None:
        findings = []
        for kind in kinds:
            try:
                return self._demand_object(value, kind, below, path)
            except InvalidAnswer as finding:
                findings.append(f"{kind.name}: {finding}")
        raise InvalidAnswer(" ".join(findings))

    def _demand_object(self, value: Any, kind: GraphQLObjectType, below: Iterable[SelectionSetNode], path: str) -> None:
        if not isinstance(value, dict):
            raise InvalidAnswer(f"Expected {path} to be an object, but got {value!r}.")
        selected: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in below:
            self._collect(kind, selection_set, selected, seen)
        if list(value) != list(selected):
            raise InvalidAnswer(f"Expected {path}, a {kind.name}, to have {list(selected)}, but got {list(value)}.")
        for key, nodes in selected.items():
            field = self._schema.get_field(kind, nodes[0].name.value)
            assert field is not None
            if nodes[0].name.value == "__typename" and value[key] != kind.name:
                raise InvalidAnswer(f"Expected {path} to be a {kind.name}, but got a {value[key]!r}.")
            self.demand(
                value[key], field.type, [node.selection_set for node in nodes if node.selection_set], f"{path}.{key}"
            )

    def _collect(
        self, kind: GraphQLObjectType, within: SelectionSetNode, into: dict[str, list[FieldNode]], seen: set[str]
    ) -> None:
        for node in within.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                into.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
                continue
            inside: Any = node
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                inside = self._fragments[node.name.value]
            if inside.type_condition is None or self._is_one(kind, inside.type_condition.name.value):
                self._collect(kind, inside.selection_set, into, seen)

    def _is_one(self, kind: GraphQLObjectType, name: str) -> bool:
        return name == kind.name or name in (interface.name for interface in kind.interfaces)

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            if directive.name.value in ("skip", "include"):
                given = directive.arguments[0].value
                flag = self._flags.get(given.name.value) if isinstance(given, VariableNode) else given.value
                if bool(flag) is (directive.name.value == "skip"):
                    return False
        return True


def _is_error(error: Any) -> bool:
    if not isinstance(error, dict) or not set(error) <= ERROR_MEMBERS or not isinstance(error.get("message"), str):
        return False
    places, steps = error.get("locations", []), error.get("path", [])
    return (
        isinstance(places, list)
        and all(set(place) == {"line", "column"} and min(place.values()) > 0 for place in places)
        and isinstance(steps, list)
        and all(isinstance(step, str | int) for step in steps)
        and isinstance(error.get("extensions"), dict)
        and error["extensions"].get("code") in CODES
    )
