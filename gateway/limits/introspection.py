"""Counts the fields of an introspection query's response before it runs, from the schema itself.

Introspection lists have no pages, but their contents are known. So each list is resolved, including deprecated members,
and counted; the count of a selection set on one type is cached.
"""

from types import SimpleNamespace
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    SelectionSetNode,
    StringValueNode,
    get_named_type,
    introspection_types,
    is_list_type,
)
from graphql.type import get_nullable_type

from gateway.limits.selections import DocumentScopes

ROOTS = frozenset({"__schema", "__type"})
INCLUDE_DEPRECATED = "includeDeprecated"


class Introspection:
    """Counts the introspection fields of one document."""

    def __init__(self, schema: GraphQLSchema, selections: DocumentScopes) -> None:
        self._schema, self._selections = schema, selections
        self._info = cast("Any", SimpleNamespace(schema=schema))
        self._counts: dict[tuple[int, int], int] = {}

    def fields(self, node: FieldNode) -> int:
        """The largest number of fields that can be below ``node``, which is one of ROOTS."""
        if node.name.value == "__schema":
            return self._below(node.selection_set, _type("__Schema"), self._schema)
        return max(self._below(node.selection_set, _type("__Type"), each) for each in self._types(node))

    def _types(self, node: FieldNode) -> list[GraphQLNamedType | None]:
        """The types that a ``__type`` field can return: all of them if a variable has the name."""
        (name,) = (argument.value for argument in node.arguments or () if argument.name.value == "name")
        if isinstance(name, StringValueNode):
            return [self._schema.get_type(name.value)]
        return list(self._schema.type_map.values())

    def _below(self, selection_set: SelectionSetNode | None, type_: GraphQLObjectType, value: Any) -> int:
        if selection_set is None or value is None:
            return 0
        # Only types have stable ids; other values are created on each resolution.
        key = (id(selection_set), id(value)) if isinstance(value, GraphQLType) else None
        if key is not None and key in self._counts:
            return self._counts[key]
        total = 0
        for scope in self._selections.scopes(selection_set):
            total += len(scope.fields)
            for node, _ in scope.fields:
                if node.selection_set:
                    total += self._of_field(node, type_, value)
        if key is not None:
            self._counts[key] = total
        return total

    def _of_field(self, node: FieldNode, type_: GraphQLObjectType, value: Any) -> int:
        field = type_.fields[node.name.value]
        arguments = {INCLUDE_DEPRECATED: True} if INCLUDE_DEPRECATED in field.args else {}
        found = field.resolve(value, self._info, **arguments) if field.resolve else None
        inner = cast("GraphQLObjectType", get_named_type(field.type))
        if is_list_type(get_nullable_type(field.type)):
            return sum(self._below(node.selection_set, inner, each) for each in found or ())
        return self._below(node.selection_set, inner, found)


def _type(name: str) -> GraphQLObjectType:
    return cast("GraphQLObjectType", introspection_types[name])
