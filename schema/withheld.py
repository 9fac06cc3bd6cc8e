"""Lists the selected fields that a caller without read:content doesn't see. It depends on the document, not on rows."""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from resolvers.access import Access, Scope
from schema.build import EXECUTABLE

Coordinates = tuple[str, ...]


class _Selections(Visitor):
    """The fields of a definition that need a scope, as schema coordinates, and the fragments that it spreads."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.scoped: set[tuple[Scope, str]] = set()
        self.spreads: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        """Adds the field if it needs a scope."""
        field, parent = self._types.get_field_def(), self._types.get_parent_type()
        definition = field.extensions.get("strawberry-definition") if field else None
        if definition and parent and (scope := definition.metadata.get("scope")):
            self.scoped.add((scope, f"{parent.name}.{node.name.value}"))

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        """Adds the fragment."""
        self.spreads.add(node.name.value)


def scoped_fields(document: DocumentNode) -> Mapping[str | None, tuple[tuple[Scope, str], ...]]:
    """For each operation name, the fields that need a scope: pairs of scope and schema coordinate, sorted.

    ``document`` must be valid. Takes linear time: each fragment is visited once, however often it is spread.
    """
    fragments: dict[str, _Selections] = {}
    operations: dict[str | None, _Selections] = {}
    for definition in document.definitions:
        types = TypeInfo(EXECUTABLE)
        selections = _Selections(types)
        visit(definition, TypeInfoVisitor(types, selections))
        if isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = selections
        elif isinstance(definition, OperationDefinitionNode):
            operations[definition.name.value if definition.name else None] = selections
    return {name: _with_fragments(selections, fragments) for name, selections in operations.items()}


def withheld(access: Access, scoped: tuple[tuple[Scope, str], ...]) -> list[str]:
    """The coordinates of those fields of ``scoped`` that are null because ``access`` lacks the scope."""
    return [coordinate for scope, coordinate in scoped if scope not in access.scopes]


def _with_fragments(operation: _Selections, fragments: Mapping[str, _Selections]) -> tuple[tuple[Scope, str], ...]:
    found, visited, to_visit = set(operation.scoped), set[str](), list(operation.spreads)
    while to_visit:
        name = to_visit.pop()
        if name not in visited:
            visited.add(name)
            found |= fragments[name].scoped
            to_visit += fragments[name].spreads
    return tuple(sorted(found))
