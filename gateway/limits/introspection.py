"""What introspection answers: counted before it runs, by the schema that it tells of.

Its lists take no page, but what is in them is known. So each list is looked at as its own resolver gives it, with what
is deprecated, and no fragment's or selection's part of one type is counted twice.
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

from gateway.limits.selections import Selections

ROOTS = frozenset({"__schema", "__type"})
INCLUDE_DEPRECATED = "includeDeprecated"


class Introspection:
    """The counts of one document's introspection."""

    def __init__(self, schema: GraphQLSchema, selections: Selections) -> None:
        self._schema, self._selections = schema, selections
        self._info = cast("Any", SimpleNamespace(schema=schema))
        self._known: dict[tuple[int, int], int] = {}

    def fields(self, node: FieldNode) -> int:
        """At most so many fields are below ``node``, which is one of ROOTS."""
        if node.name.value == "__schema":
            return self._below(node.selection_set, _type("__Schema"), self._schema)
        return max(self._below(node.selection_set, _type("__Type"), each) for each in self._types(node))

    def _types(self, node: FieldNode) -> list[GraphQLNamedType | None]:
        """Those that a ``__type`` can be: any, where a variable names it."""
        (name,) = (argument.value for argument in node.arguments or () if argument.name.value == "name")
        if isinstance(name, StringValueNode):
            return [self._schema.get_type(name.value)]
        return list(self._schema.type_map.values())

    def _below(self, selection_set: SelectionSetNode | None, kind: GraphQLObjectType, value: Any) -> int:
        if selection_set is None or value is None:
            return 0
        # Types stay where they are; pairs of a name and a field are made anew each time.
        place = (id(selection_set), id(value)) if isinstance(value, GraphQLType) else None
        if place is not None and place in self._known:
            return self._known[place]
        total = 0
        for scope in self._selections.scopes(selection_set):
            total += len(scope.fields)
            for node, _ in scope.fields:
                if node.selection_set:
                    total += self._of_field(node, kind, value)
        if place is not None:
            self._known[place] = total
        return total

    def _of_field(self, node: FieldNode, kind: GraphQLObjectType, value: Any) -> int:
        field = kind.fields[node.name.value]
        given = {INCLUDE_DEPRECATED: True} if INCLUDE_DEPRECATED in field.args else {}
        found = field.resolve(value, self._info, **given) if field.resolve else None
        inner = cast("GraphQLObjectType", get_named_type(field.type))
        if is_list_type(get_nullable_type(field.type)):
            return sum(self._below(node.selection_set, inner, each) for each in found or ())
        return self._below(node.selection_set, inner, found)


def _type(name: str) -> GraphQLObjectType:
    return cast("GraphQLObjectType", introspection_types[name])
