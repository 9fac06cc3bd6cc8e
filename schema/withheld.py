"""Which selected fields are withheld without read:content. This depends only on the document, not on any row."""

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
    """The coordinates that a definition selects and that want a scope, and the fragments that it spreads."""

    def __init__(self, types: TypeInfo) -> None:
        super().__init__()
        self._types = types
        self.scoped: set[tuple[Scope, str]] = set()
        self.spreads: set[str] = set()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        """Notes the field, if it wants a scope."""
        field, parent = self._types.get_field_def(), self._types.get_parent_type()
        ours = field.extensions.get("strawberry-definition") if field else None
        if ours and parent and (scope := ours.metadata.get("scope")):
            self.scoped.add((scope, f"{parent.name}.{node.name.value}"))

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        """Notes the fragment."""
        self.spreads.add(node.name.value)


def scoped_fields(document: DocumentNode) -> Mapping[str | None, tuple[tuple[Scope, str], ...]]:
    """By operation name, the fields that want a scope of their own: the scope and the schema coordinate, in order.

    ``document`` is valid. Linear in it: each fragment is walked once, however often it is spread.
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
    return {name: _reached(selections, fragments) for name, selections in operations.items()}


def withheld(access: Access, scoped: tuple[tuple[Scope, str], ...]) -> list[str]:
    """The coordinates of ``scoped`` that are null for this access whatever the rows hold."""
    return [coordinate for scope, coordinate in scoped if scope not in access.scopes]


def _reached(operation: _Selections, fragments: Mapping[str, _Selections]) -> tuple[tuple[Scope, str], ...]:
    found, seen, waiting = set(operation.scoped), set[str](), list(operation.spreads)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            found |= fragments[name].scoped
            waiting += fragments[name].spreads
    return tuple(sorted(found))
