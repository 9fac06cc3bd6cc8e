"""Measures a document before validation: depth, aliases, directives, root fields, repeated fields.

This comes first because a document can make validation slow, which compares fields of the same name with each other.
The measures are exact and take linear time: each fragment is measured once, however often it is spread.
"""

from typing import NamedTuple

from graphql import DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode

from gateway.limits.selections import DocumentScopes, SelectionScope


class Measures(NamedTuple):
    """The largest measures of any operation in a document; ``repeated_fields`` is for the whole document.

    ``aliases`` and ``directives`` count a fragment's own each time it is spread. ``repeated_fields`` counts the fields
    whose response name their selection set already has.
    """

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    repeated_fields: int = 0


class Weight(NamedTuple):
    """The depth, aliases and directives below a selection."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0


class Cyclic(Exception):
    """A fragment spreads itself, which validation reports."""


def measure(document: DocumentNode) -> Measures:
    """Measures the document; raises Cyclic if a fragment contains itself."""
    scale = _Scale(document)
    largest = Measures()
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            scopes = scale.selections.scopes(definition.selection_set)
            weight = scale.weigh(definition.selection_set)
            found = (
                weight.depth,
                weight.aliases,
                weight.directives + len(definition.directives or ()),
                sum(len(scope.fields) for scope in scopes),
                0,
            )
            largest = Measures(*map(max, largest, found))
        elif isinstance(definition, FragmentDefinitionNode):
            scale.weigh(definition.selection_set)
    return largest._replace(repeated_fields=scale.repeated_fields)


class _Scale:
    def __init__(self, document: DocumentNode) -> None:
        self.selections = DocumentScopes(document)
        self.repeated_fields = 0
        self._weights: dict[int, Weight | None] = {}

    def weigh(self, selection_set: SelectionSetNode | None) -> Weight:
        """Measures all below a selection set, including the fragments that it spreads."""
        weights = [self._own(scope) for scope in self.selections.scopes(selection_set)]
        return Weight(
            max((weight.depth for weight in weights), default=0),
            sum(weight.aliases for weight in weights),
            sum(weight.directives for weight in weights),
        )

    def _own(self, scope: SelectionScope) -> Weight:
        key = id(scope.selection_set)
        if key in self._weights:
            weight = self._weights[key]
            if weight is None:
                raise Cyclic
            return weight
        self._weights[key] = None
        depth, aliases, directives = 0, 0, scope.directives
        names = set()
        for node, _ in scope.fields:
            below = self.weigh(node.selection_set)
            depth = max(depth, 1 + below.depth)
            aliases += below.aliases + (node.alias is not None)
            directives += below.directives
            names.add(node.alias.value if node.alias else node.name.value)
        self.repeated_fields += len(scope.fields) - len(names)
        weight = self._weights[key] = Weight(depth, aliases, directives)
        return weight
