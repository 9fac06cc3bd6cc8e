"""Estimates the cost of an operation from its page arguments before it runs, and counts that of its response.

The unit is a field of the response: one key of one object. Time and memory grow with it (about 3 µs a field in
graphql-core's executor), it does not depend on how the operation is executed, and it can be counted. An estimate
assumes that every page is full, so it is never below the count.

An operation is compiled once into a sum over its pages, which is mostly constant: estimating it again with other
variables takes microseconds.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
)
from graphql.type import GraphQLOutputType, get_nullable_type

from gateway.limits.introspection import ROOTS, Introspection
from gateway.limits.limits import LimitExceeded, PageTooLarge
from gateway.limits.selections import DocumentScopes, SelectionScope
from resolvers.arguments.paging import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from store.columns import INT32

Variables = Mapping[str, Any]
Composite = GraphQLObjectType | GraphQLInterfaceType

INTROSPECTION_WEIGHT = 10
"""The cost of an introspection field: graphql-core resolves all of them without yielding to the event loop."""
UNPAGED = MAX_PAGE_SIZE
"""The assumed length of a list without page arguments, such as a session's participants."""
SERVICES_LISTED = ("SyncStatus", "services")
"""The type and field that list all Services without page arguments."""
PARTICIPANTS_LISTED = ("Session", "participants")
"""The type and field that list all participants of a Session without page arguments."""
PARTICIPANTS = " "
"""The key, among the variables, of the length of the longest list of participants. No variable's name is a space."""
SERVICES = ""
"""The key, among the variables, of the number of Services. No variable has an empty name."""
PAGE_ARGUMENTS = ("first", "last")
LIST_ARGUMENTS = ("ids",)


class VariablePage(NamedTuple):
    """A page whose size comes from variables; ``each`` is the number of fields in one of its rows."""

    size: Callable[[Variables], int]
    each: "Sum"


class Sum(NamedTuple):
    """A number of fields: a constant, plus those of the pages whose size comes from variables."""

    fixed: int = 0
    pages: tuple[VariablePage, ...] = ()

    def of(self, variables: Variables) -> int:
        """Evaluates the sum for these variables."""
        total = self.fixed
        for size, each in self.pages:
            total += size(variables) * each.of(variables)
        return total

    def times(self, size: "int | Callable[[Variables], int]") -> "Sum":
        """Multiplies by a number or by a variable page size."""
        if callable(size):
            return Sum(0, (VariablePage(size, self),))
        pages = tuple(VariablePage(_scaled(inner, size), each) for inner, each in self.pages)
        return Sum(self.fixed * size, pages)

    def __add__(self, other: "Sum") -> "Sum":  # type: ignore[override]
        return Sum(self.fixed + other.fixed, self.pages + other.pages)


class Fields(NamedTuple):
    """The number of fields below a selection: those that occur once, and those in each row of its connection."""

    once: Sum = Sum()
    for_each_row: Sum = Sum()


class Cost:
    """The cost of one operation of a valid document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> None:
        self._schema = schema
        self._selections = DocumentScopes(document)
        self._cached_fields: dict[int, Fields] = {}
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self._page_sizes: list[tuple[str, Callable[[Variables], int]]] = []
        self._largest_page = (0, "")
        self._introspection = Introspection(schema, self._selections)
        self.lists_services = False
        root = schema.get_root_type(operation.operation)
        self.root_fields: set[str] = set()
        self._note_roots(operation.selection_set)
        self._sum = self._below(operation.selection_set, cast("Composite", root)).once

    def estimate(self, variables: Variables) -> int:
        """The largest number of fields that the response can have, with the variables as the client sent them.

        If the operation ``lists_services``, the variables must contain SERVICES.
        """
        total = self._sum
        return total.of(variables) if total.pages else total.fixed

    def largest_page(self, variables: Variables) -> tuple[int, str]:
        """The size of the largest page, and the name of the argument that sets it."""
        if not self._page_sizes:
            return self._largest_page
        return max(self._largest_page, *((size(variables), name) for name, size in self._page_sizes))

    def counted(self, data: Any) -> int:
        """Counts the fields of the response's data."""
        return _fields_in(data)

    def _note_roots(self, selection_set: SelectionSetNode) -> None:
        for scope in self._selections.scopes(selection_set):
            for node, _ in scope.fields:
                self.root_fields.add(node.name.value)

    def _below(self, selection_set: SelectionSetNode | None, parent: Composite) -> Fields:
        once, for_each_row = Sum(), Sum()
        for scope in self._selections.scopes(selection_set):
            own = self._own(scope, parent)
            once += own.once
            for_each_row += own.for_each_row
        return Fields(once, for_each_row)

    def _own(self, scope: SelectionScope, parent: Composite) -> Fields:
        cached = self._cached_fields.get(id(scope.selection_set))
        if cached is not None:
            return cached
        at = self._type(scope.on) if scope.on else parent
        once, for_each_row = Sum(len(scope.fields)), Sum()
        for node, on in scope.fields:
            here = self._type(on) if on else at
            if node.name.value in ROOTS:
                once += Sum(INTROSPECTION_WEIGHT * self._introspection.fields(node))
            elif node.selection_set:
                below = self._of_field(node, here)
                if is_list_type(get_nullable_type(_type_of(node, here))) and "pageInfo" in here.fields:
                    for_each_row += below
                else:
                    once += below
        fields = self._cached_fields[id(scope.selection_set)] = Fields(once, for_each_row)
        return fields

    def _of_field(self, node: FieldNode, parent: Composite) -> Sum:
        field_type = _type_of(node, parent)
        named = cast("Composite", get_named_type(field_type))
        below = self._below(node.selection_set, named)
        arguments = parent.fields[node.name.value].args
        if "first" in arguments:
            return below.once + below.for_each_row.times(self._size(node, PAGE_ARGUMENTS, DEFAULT_PAGE_SIZE))
        if not is_list_type(get_nullable_type(field_type)):
            return below.once
        if "pageInfo" in parent.fields:
            return below.once
        if (parent.name, node.name.value) == SERVICES_LISTED:
            self.lists_services = True
            return below.once.times(lambda variables: max(variables.get(SERVICES, 0), UNPAGED))
        if (parent.name, node.name.value) == PARTICIPANTS_LISTED:
            return below.once.times(lambda variables: max(variables.get(PARTICIPANTS, 0), UNPAGED))
        return below.once.times(self._size(node, LIST_ARGUMENTS, UNPAGED))

    def _size(self, node: FieldNode, names: tuple[str, ...], default: int) -> int | Callable[[Variables], int]:
        arguments = [argument for argument in node.arguments or () if argument.name.value in names]
        listed = names is LIST_ARGUMENTS
        literal, in_variables = 0 if arguments else default, []
        for argument in arguments:
            name = argument.name.value
            if isinstance(argument.value, VariableNode):
                size_of = self._from_variable(argument.value, default, listed)
                self._page_sizes.append((name, size_of))
                in_variables.append(size_of)
            else:
                size = _literal(argument.value, default, listed)
                self._largest_page = max(self._largest_page, (size, name))
                literal = max(literal, size)
        if not in_variables:
            return literal
        return lambda variables: max(literal, *(size(variables) for size in in_variables))

    def _from_variable(self, variable: VariableNode, default: int, listed: bool) -> Callable[[Variables], int]:
        name = variable.name.value
        declared = self._defaults.get(name)
        unset = default if declared is None else _literal(declared, default, listed)

        def size(variables: Variables) -> int:
            if name not in variables:
                return unset
            value = variables[name]
            if isinstance(value, list):
                return len(value)
            if listed and value is not None:
                return (
                    1  # A single value is coerced to a list (https://spec.graphql.org/draft/#sec-List.Input-Coercion).
                )
            return max(int(value), 0) if isinstance(value, int | float) and abs(value) < LARGEST else default

        return size

    def _type(self, name: str) -> Composite:
        return cast("Composite", self._schema.type_map[name])


LARGEST = INT32.stop
"""The end of GraphQL's Int range; execution refuses larger values."""


def demand_cost(cost: Cost, variables: Variables, maximum: int, max_page_size: int) -> int:
    """Returns the estimated cost; raises LimitExceeded if it or a page is larger than allowed."""
    page, argument = cost.largest_page(variables)
    if page > max_page_size:
        raise PageTooLarge(argument, max_page_size, page)
    estimate = cost.estimate(variables)
    if estimate > maximum:
        raise LimitExceeded(
            "cost",
            maximum,
            estimate,
            f"Expected an answer of up to {maximum:,} fields, but this one may have {estimate:,}. "
            "Ask for smaller pages (first or last), or for fewer fields.",
        )
    return estimate


def _type_of(node: FieldNode, parent: Composite) -> GraphQLOutputType:
    field_type: GraphQLOutputType = parent.fields[node.name.value].type
    return field_type


def _literal(value: ValueNode, default: int, listed: bool) -> int:
    if isinstance(value, ListValueNode):
        return len(value.values)
    if isinstance(value, IntValueNode) and not listed:
        return max(int(value.value), 0)
    return default if isinstance(value, NullValueNode) else 1


def _scaled(size: Callable[[Variables], int], factor: int) -> Callable[[Variables], int]:
    return lambda variables: factor * size(variables)


def _fields_in(data: Any) -> int:
    if isinstance(data, dict):
        return len(data) + sum(map(_fields_in, data.values()))
    return sum(map(_fields_in, data)) if isinstance(data, list) else 0
