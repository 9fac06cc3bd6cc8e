"""Selections: the fields that a document selects of a type, for given values of the @skip and @include variables."""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    BooleanValueNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

Fields = dict[str, list[FieldNode]]

LONGEST_KEY = 100
"""Response keys stand in a plan's statements, which are remembered by number: a longer one makes no plan."""


class Unplannable(Exception):
    """No plan can answer the operation."""


class Selections:
    """The selections of one document; ``flags`` are the values of the variables that @skip and @include depend on."""

    def __init__(self, document: DocumentNode, flags: Mapping[str, bool]) -> None:
        self._flags = flags
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def of(
        self, kind: GraphQLObjectType, *nodes: "FieldNode | OperationDefinitionNode"
    ) -> Iterable[tuple[str, list[FieldNode]]]:
        """The fields of a type that the nodes select, by response key, in the order of the specification (§6.3.2)."""
        fields: Fields = {}
        seen: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self._collect(kind, node.selection_set, fields, seen)
        return fields.items()

    def _collect(self, kind: GraphQLObjectType, selections: SelectionSetNode, fields: Fields, seen: set[str]) -> None:
        for node in selections.selections:
            if not self._is_included(node):
                continue
            if isinstance(node, FieldNode):
                key = (node.alias or node.name).value
                if len(key) > LONGEST_KEY:
                    raise Unplannable
                fields.setdefault(key, []).append(node)
                continue
            fragment: Any = node
            if isinstance(node, FragmentSpreadNode):
                if node.name.value in seen:
                    continue
                seen.add(node.name.value)
                fragment = self._fragments[node.name.value]
            condition = fragment.type_condition
            if condition is None or _applies(kind, condition.name.value):
                self._collect(kind, fragment.selection_set, fields, seen)

    def _is_included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name not in ("skip", "include"):
                raise Unplannable
            if any(self._flag(argument.value) is (name == "skip") for argument in directive.arguments or ()):
                return False
        return True

    def _flag(self, value: Any) -> bool:
        if isinstance(value, BooleanValueNode):
            return value.value
        if isinstance(value, VariableNode) and value.name.value in self._flags:
            return self._flags[value.name.value]
        raise Unplannable


def _applies(kind: GraphQLObjectType, condition: str) -> bool:
    return condition == kind.name or any(interface.name == condition for interface in kind.interfaces)
