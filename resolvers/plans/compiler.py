"""The compiler: from a validated operation to a plan, by the schema, the records and the resolvers' forms.

It knows no field by name. A field is a column of its record, an embedded part of it, or has a resolver with a form;
an operation with any other is not planned.
"""

from collections.abc import Iterator, Mapping, Sequence

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
)

from resolvers.arguments.sids import RECORDS, pattern_of
from resolvers.forms import Attribute, Form, Listing, Lookup, Part, Reference, Whole, form_of
from resolvers.plans import levels, pages, roots
from resolvers.plans.inputs import Evaluate, Fallback, Values, evaluator
from resolvers.plans.levels import Opening, Shape
from resolvers.plans.listings import (
    Connections,
    Selected,
    Write,
    always,
    around,
    end_of,
    numbered,
    write_capped,
    write_count,
    write_info,
    write_rows,
)
from resolvers.plans.roots import Root
from resolvers.plans.selections import Selections, Unplannable
from store.columns import Record
from store.enums import usual_first
from store.sqlite.statements.projections import (
    CURSOR,
    PLACE,
    Constant,
    Expression,
    Group,
    Hole,
    Member,
    Projection,
    Text,
    Value,
    Word,
    joined,
    project,
)

OWN_SID = "sid"
UNKNOWN = "UNKNOWN"
"""What an enum of ours shows for a word that is in no list."""


class Compiler:
    """Compiles one operation, with the flags that its @skip and @include depend on already known."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        flags: Mapping[str, bool],
        scopes: frozenset[str],
    ) -> None:
        self._schema, self._operation, self._scopes = schema, operation, scopes
        self._selections = Selections(document, flags)
        self._records = {kind.noun: kind for kind in RECORDS.values()}

    def root_fields(self) -> list[tuple[bytes, Root]]:
        """The operation's root fields: the text before each one's value, and how it is read."""
        if self._operation.operation is not OperationType.QUERY or self._operation.directives:
            raise Unplannable
        query = self._schema.query_type
        if query is None:
            raise Unplannable
        return list(numbered(self._root(query, nodes) for nodes in self._selections.of(query, self._operation)))

    def _root(self, query: GraphQLObjectType, nodes: tuple[str, list[FieldNode]]) -> tuple[str, Root]:
        key, selected = nodes
        name = selected[0].name.value
        if name == "__typename":
            return key, roots.Constant(b'"%b"' % query.name.encode())
        field = query.fields.get(name)
        form = self._form(field)
        if field is None or form is None:
            raise Unplannable
        arguments = self._arguments(field, selected[0])
        if isinstance(form, Lookup):
            return key, roots.One(levels.Rows(form.record, self._shape(field, selected)), _sid(form, arguments))
        if isinstance(form, Listing):
            return key, roots.List(self._connections(form, field, arguments, selected))
        if form in (Part.NODE_BY_ID, Part.NODES_BY_IDS):
            rows = {
                kind: levels.Rows(kind, self._shape_of(self._object(kind.noun), selected)) for kind in RECORDS.values()
            }
            made = roots.NodeById if form is Part.NODE_BY_ID else roots.NodesByIds
            return key, made(rows, arguments["id" if form is Part.NODE_BY_ID else "ids"])
        raise Unplannable

    def _shape(self, field: GraphQLField, nodes: Sequence[FieldNode]) -> Shape:
        return self._shape_of(self._object(get_named_type(field.type).name), nodes)

    def _shape_of(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Shape:
        openings: list[Opening] = []
        record = self._records.get(kind.name)
        if record is None:
            raise Unplannable
        members = list(self._members(kind, nodes, record, "", openings))
        return Shape(project(members, record.plain), tuple(openings))

    def _members(
        self,
        kind: GraphQLObjectType,
        nodes: Sequence[FieldNode],
        record: type[Record],
        prefix: str,
        openings: list[Opening],
    ) -> Iterator[Member]:
        """An object's members; those of an embedded one are the columns that start with ``prefix``."""
        for key, selected in self._selections.of(kind, *nodes):
            name = selected[0].name.value
            if name == "__typename":
                yield Constant(key, f'"{kind.name}"')
                continue
            field = kind.fields.get(name)
            if field is None:
                raise Unplannable
            definition = field.extensions["strawberry-definition"]
            column = f"{prefix}{definition.python_name}"
            if definition.metadata.get("scope", "") not in {"", *self._scopes}:
                yield Constant(key, "null")
            elif definition.base_resolver:
                form = self._form(field)
                if isinstance(form, Attribute):
                    yield _column(key, get_named_type(field.type), f"{prefix}{form.column}")
                else:
                    hole, level = self._level(form, field, selected, prefix)
                    openings.append(Opening(level, not isinstance(field.type, GraphQLNonNull)))
                    yield Hole(key, hole)
            elif column in record.__struct_fields__:
                yield _column(key, get_named_type(field.type), column)
            elif not prefix and column in record.embedded:
                inner = self._object(get_named_type(field.type).name)
                part = list(self._members(inner, selected, record, f"{column}_", openings))
                yield Group(key, part, [f"{column}_{name}" for name in record.embedded[column]])
            else:
                raise Unplannable

    def _level(
        self, form: Form | None, field: GraphQLField, nodes: Sequence[FieldNode], prefix: str
    ) -> tuple[str, levels.Level]:
        """The column whose values are the keys of what is below a field, and the level that is there."""
        arguments = self._arguments(field, nodes[0])
        match form:
            case Reference(record, column):
                return f"{prefix}{column}", levels.Rows(record, self._shape(field, nodes))
            case Lookup(record, under) if under:
                parent = field.extensions["strawberry-definition"].origin.of.table
                child = levels.Child(record, self._shape(field, nodes), _sid(form, arguments), f"{parent}_sid")
                return OWN_SID, child
            case Whole(relation):
                return OWN_SID, pages.Whole(relation, self._shape(field, nodes))
            case Listing():
                return OWN_SID, self._connections(form, field, arguments, nodes)
            case _:
                raise Unplannable

    def _connections(
        self, form: Listing, field: GraphQLField, arguments: dict[str, Evaluate], nodes: Sequence[FieldNode]
    ) -> Connections:
        kind = self._object(get_named_type(field.type).name)
        shapes: list[Shape] = []
        members: list[tuple[str, Write]] = []
        parts = set()
        for key, selected in self._selections.of(kind, *nodes):
            name = selected[0].name.value
            if name == "__typename":
                members.append((key, always(b'"%b"' % kind.name.encode())))
                continue
            part_field = kind.fields[name]
            part = self._form(part_field)
            parts.add(part)
            inner = get_named_type(part_field.type)
            if part is Part.NODES:
                shapes.append(self._shape(part_field, selected))
                members.append((key, write_rows(len(shapes) - 1)))
            elif part is Part.EDGES:
                shapes.append(self._edge(self._object(inner.name), selected))
                members.append((key, write_rows(len(shapes) - 1)))
            elif part is Part.PAGE_INFO:
                members.append((key, write_info(self._info(self._object(inner.name), selected))))
            elif part is Part.TOTAL_COUNT:
                members.append((key, write_count))
            elif part is Part.TOTAL_COUNT_CAPPED:
                members.append((key, write_capped))
            else:
                raise Unplannable
        selected_parts = Selected(
            tuple(numbered(members)),
            end_of(members),
            around(members) if shapes and len(members) == 1 else None,
            tuple(shapes),
            rows=not parts.isdisjoint((Part.EDGES, Part.NODES, Part.PAGE_INFO)),
            cursors=any(shape.has_cursor for shape in shapes),
            info=Part.PAGE_INFO in parts,
            total=not parts.isdisjoint((Part.TOTAL_COUNT, Part.TOTAL_COUNT_CAPPED)),
        )
        return Connections(form, arguments, selected_parts)

    def _edge(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Shape:
        parts: list[Text | Expression | Projection] = []
        openings: list[Opening] = []
        lead, before, has_cursor = "", "{", False
        for key, selected in self._selections.of(kind, *nodes):
            name = selected[0].name.value
            before += f'"{key}":'
            has_cursor |= name == "cursor"
            if name == "cursor" and not parts:
                # All up to the place is the same in every row of the connection.
                lead, before = before + '"', '",'
                parts += PLACE
                continue
            if name == "__typename":
                before += f'"{kind.name}",'
                continue
            parts.append(Text(before))
            before = ","
            if name == "cursor":
                parts += CURSOR
            elif name == "node":
                shape = self._shape(kind.fields[name], selected)
                parts.append(shape.projection)
                openings += shape.openings
            else:
                raise Unplannable
        parts.append(Text(before[:-1] + "}" if before != "{" else "{}"))
        return Shape(joined(parts), tuple(openings), lead, has_cursor)

    def _info(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> list[tuple[bytes, str | bytes]]:
        members: list[tuple[str, str | bytes]] = []
        for key, selected in self._selections.of(kind, *nodes):
            name = selected[0].name.value
            if name == "__typename":
                members.append((key, b'"%b"' % kind.name.encode()))
            else:
                members.append((key, kind.fields[name].extensions["strawberry-definition"].python_name))
        return list(numbered(members))

    def _arguments(self, field: GraphQLField, node: FieldNode) -> dict[str, Evaluate]:
        found = {}
        for argument in node.arguments or ():
            definition = field.args[argument.name.value]
            found[definition.extensions["strawberry-definition"].python_name] = evaluator(
                argument.value, definition.type
            )
        return found

    def _form(self, field: GraphQLField | None) -> Form | None:
        resolver = field and field.extensions["strawberry-definition"].base_resolver
        return form_of(resolver.wrapped_func) if resolver else None

    def _object(self, name: str) -> GraphQLObjectType:
        kind = self._schema.type_map.get(name)
        if not isinstance(kind, GraphQLObjectType):
            raise Unplannable
        return kind


def _column(key: str, kind: GraphQLNamedType, column: str) -> Member:
    if isinstance(kind, GraphQLEnumType):
        if UNKNOWN not in kind.values:
            raise Unplannable
        shown = {str(value.value): name for name, value in kind.values.items()}
        return Word(key, column, usual_first(shown), UNKNOWN)
    return Value(key, column)


def _sid(form: Lookup, arguments: dict[str, Evaluate]) -> Evaluate:
    read, is_sid = arguments["sid"], pattern_of(form.record).fullmatch

    def sid(values: Values) -> str:
        given: str = read(values)
        if is_sid(given):
            return given
        raise Fallback

    return sid
