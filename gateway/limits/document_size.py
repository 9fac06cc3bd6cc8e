"""How large a document is, before it is validated: depth, aliases, directives, root fields, repeated fields.

Validation itself can be made slow (it compares fields of the same name with each other), so this comes first. It is
exact, and linear in the document: each fragment is measured once, however often it is spread.
"""

from typing import NamedTuple

from graphql import DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode

from gateway.limits.selections import Scope, Selections


class Measures(NamedTuple):
    """The largest that any operation of a document has; repeated fields are those of the whole document.

    ``aliases`` and ``directives`` count what the answer would show: a fragment's count wherever it is spread.
    ``repeated_fields`` counts the fields that stand in a selection set under a name which it has already.
    """

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    repeated_fields: int = 0


class Weight(NamedTuple):
    """Depth, aliases and directives below a selection."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0


class Cyclic(Exception):
    """A fragment spreads itself; validation says so."""


def measure(document: DocumentNode) -> Measures:
    """The document's measures; raises Cyclic where a fragment contains itself."""
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
        self.selections = Selections(document)
        self.repeated_fields = 0
        self._weights: dict[int, Weight | None] = {}

    def weigh(self, selection_set: SelectionSetNode | None) -> Weight:
        """All that is below a selection set, with the fragments that it spreads."""
        weights = [self._own(scope) for scope in self.selections.scopes(selection_set)]
        return Weight(
            max((weight.depth for weight in weights), default=0),
            sum(weight.aliases for weight in weights),
            sum(weight.directives for weight in weights),
        )

    def _own(self, scope: Scope) -> Weight:
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
