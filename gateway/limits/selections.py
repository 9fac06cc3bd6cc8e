"""Walks the selection sets of a document and visits each fragment once, however often it is spread.

Used by gateway/limits/document_size.py, gateway/limits/cost.py and gateway/limits/introspection.py.
"""

from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
)


class SelectedField(NamedTuple):
    """A field, and the type condition of the inline fragment around it, if there is one."""

    node: FieldNode
    on: str | None


class SelectionScope(NamedTuple):
    """The direct contents of a selection set: inline fragments are expanded, fragment spreads are only named."""

    selection_set: SelectionSetNode
    on: str | None
    fields: list[SelectedField]
    spreads: list[str]
    directives: int


class DocumentScopes:
    """The scopes of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._opened: dict[int, SelectionScope] = {}

    def scopes(self, selection_set: SelectionSetNode | None) -> list[SelectionScope]:
        """The scopes of the selection set and of each fragment that it spreads, directly or through other fragments.

        Each appears once, as CollectFields visits a fragment once (https://spec.graphql.org/draft/#sec-Field-Collection).
        """
        if selection_set is None:
            return []
        own = self._open(selection_set, None)
        if not own.spreads:
            return [own]
        found = dict.fromkeys(own.spreads)
        to_visit = list(found)
        while to_visit:
            for name in self._spreads_of(to_visit.pop()):
                if name not in found:
                    found[name] = None
                    to_visit.append(name)
        fragments = (self._fragments[name] for name in found if name in self._fragments)
        return [own, *(self._open(each.selection_set, each.type_condition.name.value) for each in fragments)]

    def _spreads_of(self, name: str) -> list[str]:
        fragment = self._fragments.get(name)
        return self._open(fragment.selection_set, fragment.type_condition.name.value).spreads if fragment else []

    def _open(self, selection_set: SelectionSetNode, on: str | None) -> SelectionScope:
        scope = self._opened.get(id(selection_set))
        if scope is None:
            scope = self._opened[id(selection_set)] = _opened(selection_set, on)
        return scope


def _opened(selection_set: SelectionSetNode, on: str | None) -> SelectionScope:
    fields: list[SelectedField] = []
    spreads: dict[str, None] = {}
    directives = 0
    to_visit: list[tuple[SelectionNode, str | None]] = [(each, None) for each in reversed(selection_set.selections)]
    while to_visit:
        node, inside = to_visit.pop()
        directives += len(node.directives or ())
        if isinstance(node, FieldNode):
            fields.append(SelectedField(node, inside))
        elif isinstance(node, FragmentSpreadNode):
            spreads[node.name.value] = None
        elif isinstance(node, InlineFragmentNode):
            inner = node.type_condition.name.value if node.type_condition else inside
            to_visit.extend((each, inner) for each in reversed(node.selection_set.selections))
    return SelectionScope(selection_set, on, fields, list(spreads), directives)
