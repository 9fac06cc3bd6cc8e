"""Checks a GraphQL response against the specification and the schema, without using the project's own code."""

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
"""Every error code that a request can cause; INTERNAL_SERVER_ERROR isn't one of them."""

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SCALARS: Mapping[str, Any] = {
    "Boolean": lambda value: isinstance(value, bool),
    "DateTime": lambda value: isinstance(value, str) and TIMESTAMP.fullmatch(value),
    "Float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "ID": lambda value: isinstance(value, str),
    "Int": lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31,
    "String": lambda value: isinstance(value, str),
}


class InvalidResponse(AssertionError):
    """A response has something wrong; the text is a sentence that says what and where."""


def check_shape(response: Any) -> None:
    """Raises InvalidResponse if ``response`` isn't a GraphQL response (https://spec.graphql.org/draft/#sec-Response)."""
    if not isinstance(response, dict) or not set(response) <= MEMBERS or not set(response) & {"data", "errors"}:
        raise InvalidResponse(f"Expected an object with data or errors, and perhaps extensions, but got {response!r}.")
    if not isinstance(response.get("extensions", {}), dict):
        raise InvalidResponse(f"Expected extensions to be an object, but got {response['extensions']!r}.")
    if "errors" in response:
        errors = response["errors"]
        if not isinstance(errors, list) or not errors:
            raise InvalidResponse(f"Expected errors to be a list that isn't empty, but got {errors!r}.")
        for error in errors:
            if not _is_error(error):
                raise InvalidResponse(
                    f"Expected an error with a message and a code that a request can cause, but got {error!r}."
                )


def check_types(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any],
    data: Any,
) -> None:
    """Raises InvalidResponse unless ``data`` has what the operation selects: its keys, their order, their types."""
    operation = get_operation_ast(document, operation_name)
    assert operation is not None
    root = schema.get_root_type(operation.operation)
    assert root is not None
    _ResponseChecker(schema, document, operation, variables).check(data, root, [operation.selection_set], "data")


class _ResponseChecker:
    """Checks the data of one operation."""

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

    def check(self, value: Any, type_: GraphQLOutputType, below: Iterable[SelectionSetNode], path: str) -> None:
        """Raises InvalidResponse unless ``value`` has the type, and below it what the selection sets select."""
        if isinstance(type_, GraphQLNonNull):
            if value is None:
                raise InvalidResponse(f"Expected {path} not to be null.")
            type_ = type_.of_type
        if value is None:
            return
        if isinstance(type_, GraphQLList):
            if not isinstance(value, list):
                raise InvalidResponse(f"Expected {path} to be a list, but got {value!r}.")
            for number, item in enumerate(value):
                self.check(item, type_.of_type, below, f"{path}.{number}")
        elif isinstance(type_, GraphQLObjectType):
            self._check_object(value, type_, below, path)
        elif is_abstract_type(type_):
            self._check_possible_types(value, list(self._schema.get_possible_types(type_)), below, path)
        else:
            named: Any = type_
            fits = value in type_.values if isinstance(type_, GraphQLEnumType) else SCALARS[named.name](value)
            if not fits:
                raise InvalidResponse(f"Expected {path} to be a {named.name}, but got {value!r}.")

    def _check_possible_types(
        self, value: Any, types: list[GraphQLObjectType], below: Iterable[SelectionSetNode], path: str
    ) -> None:
        findings = []
        for type_ in types:
            try:
                return self._check_object(value, type_, below, path)
            except InvalidResponse as finding:
                findings.append(f"{type_.name}: {finding}")
        raise InvalidResponse(" ".join(findings))

    def _check_object(self, value: Any, type_: GraphQLObjectType, below: Iterable[SelectionSetNode], path: str) -> None:
        if not isinstance(value, dict):
            raise InvalidResponse(f"Expected {path} to be an object, but got {value!r}.")
        selected: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in below:
            self._collect(type_, selection_set, selected, seen)
        if list(value) != list(selected):
            raise InvalidResponse(f"Expected {path}, a {type_.name}, to have {list(selected)}, but got {list(value)}.")
        for key, nodes in selected.items():
            field = self._schema.get_field(type_, nodes[0].name.value)
            assert field is not None
            if nodes[0].name.value == "__typename" and value[key] != type_.name:
                raise InvalidResponse(f"Expected {path} to be a {type_.name}, but got a {value[key]!r}.")
            self.check(
                value[key], field.type, [node.selection_set for node in nodes if node.selection_set], f"{path}.{key}"
            )

    def _collect(
        self, type_: GraphQLObjectType, within: SelectionSetNode, into: dict[str, list[FieldNode]], seen: set[str]
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
            if inside.type_condition is None or self._is_one(type_, inside.type_condition.name.value):
                self._collect(type_, inside.selection_set, into, seen)

    def _is_one(self, type_: GraphQLObjectType, name: str) -> bool:
        return name == type_.name or name in (interface.name for interface in type_.interfaces)

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
    locations, steps = error.get("locations", []), error.get("path", [])
    return (
        isinstance(locations, list)
        and all(set(location) == {"line", "column"} and min(location.values()) > 0 for location in locations)
        and isinstance(steps, list)
        and all(isinstance(step, str | int) for step in steps)
        and isinstance(error.get("extensions"), dict)
        and error["extensions"].get("code") in CODES
    )
