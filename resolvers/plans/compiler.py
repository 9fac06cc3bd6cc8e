"""The compiler: turns a validated operation into a plan, from the schema, the records and the resolver specs.

It knows no field by name. A field is a column of its record, a group of its columns, or has a resolver with a spec. An
operation with any other field is Unplannable.
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

from resolvers.access import Scope
from resolvers.arguments.sids import RECORDS, pattern_of
from resolvers.plans import connection_members, root_steps, steps
from resolvers.plans.connection_steps import ConnectionStep, Selected
from resolvers.plans.feed_steps import feed_root
from resolvers.plans.inputs import Evaluate, Fallback, Values, evaluator
from resolvers.plans.list_steps import ListStep
from resolvers.plans.root_steps import RootStep
from resolvers.plans.selections import Selections, Unplannable
from resolvers.plans.steps import ChildStep, Shape
from resolvers.resolver_specs import (
    ColumnSpec,
    ConnectionSpec,
    FeedSpec,
    ListSpec,
    LookupSpec,
    NodeSpec,
    ReferenceSpec,
    RelayField,
    ResolverSpec,
    spec_of,
)
from store.columns import Record
from store.enums import usual_first
from store.plans import rows
from store.plans.rows import CURSOR, POSITION, FixedText, JsonObject, Member, Part, RowText
from store.queries.changes import FeedRow

OWN_SID = "sid"
UNKNOWN = "UNKNOWN"
"""The enum value for a word that is not in Twilio's lists."""


class Compiler:
    """Compiles one operation, for given values of the variables (``flags``) that its @skip and @include depend on."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        flags: Mapping[str, bool],
        scopes: frozenset[str],
    ) -> None:
        self._schema, self._operation, self._scopes = schema, operation, scopes
        self.selections = Selections(document, flags)
        self._records = {kind.noun: kind for kind in RECORDS.values()}

    def root_fields(self) -> list[tuple[bytes, RootStep]]:
        """The operation's root fields: the text before each value, and the step that reads it."""
        if self._operation.operation is not OperationType.QUERY or self._operation.directives:
            raise Unplannable
        query = self._schema.query_type
        if query is None:
            raise Unplannable
        return list(
            connection_members.with_text_before(
                self._root_step(query, nodes) for nodes in self.selections.of(query, self._operation)
            )
        )

    def _root_step(self, query: GraphQLObjectType, nodes: tuple[str, list[FieldNode]]) -> tuple[str, RootStep]:
        key, selected = nodes
        name = selected[0].name.value
        if name == "__typename":
            return key, root_steps.ConstantRoot(b'"%b"' % query.name.encode())
        field = query.fields.get(name)
        spec = self.spec_of(field)
        if field is None or spec is None:
            raise Unplannable
        arguments = self.arguments(field, selected[0])
        if isinstance(spec, LookupSpec):
            return key, root_steps.RowRoot(
                steps.RowsStep(spec.record, self._shape(field, selected)), _sid(spec, arguments)
            )
        if isinstance(spec, ConnectionSpec):
            return key, root_steps.ConnectionRoot(self._connection_step(spec, field, arguments, selected))
        if isinstance(spec, FeedSpec):
            return key, feed_root(self, spec, self.object_type(get_named_type(field.type).name), arguments, selected)
        if spec is RelayField.NODE_BY_ID:
            return key, root_steps.NodeRoot(self._node_step(selected), arguments["id"])
        if spec is RelayField.NODES_BY_IDS:
            return key, root_steps.NodesRoot(self._node_step(selected), arguments["ids"])
        raise Unplannable

    def _shape(self, field: GraphQLField, nodes: Sequence[FieldNode]) -> Shape:
        return self.shape_of(self.object_type(get_named_type(field.type).name), nodes)

    def shape_of(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Shape:
        """How a row of the type ``kind`` is read and written."""
        children: list[ChildStep] = []
        record = self._records.get(kind.name)
        if record is None:
            raise Unplannable
        members = list(self.members(kind, nodes, record, "", children))
        return Shape(RowText(JsonObject(members, record.plain)), tuple(children))

    def members(
        self,
        kind: GraphQLObjectType,
        nodes: Sequence[FieldNode],
        record: type[Record] | type[FeedRow],
        prefix: str,
        children: list[ChildStep],
    ) -> Iterator[Member]:
        """An object's members; those of an embedded one are the columns that start with ``prefix``."""
        for key, selected in self.selections.of(kind, *nodes):
            name = selected[0].name.value
            if name == "__typename":
                yield rows.Constant(key, f'"{kind.name}"')
                continue
            field = kind.fields.get(name)
            if field is None:
                raise Unplannable
            definition = field.extensions["strawberry-definition"]
            column = f"{prefix}{definition.python_name}"
            if definition.metadata.get("scope", "") not in {"", *self._scopes}:
                yield rows.Constant(key, "null")
            elif definition.base_resolver:
                spec = self.spec_of(field)
                if isinstance(spec, ColumnSpec):
                    yield _column_member(key, get_named_type(field.type), f"{prefix}{spec.column}")
                else:
                    key_column, step = self._step(spec, field, selected, prefix)
                    children.append(ChildStep(step, not isinstance(field.type, GraphQLNonNull)))
                    yield rows.Placeholder(key, key_column)
            elif column in record.__struct_fields__:
                yield _column_member(key, get_named_type(field.type), column)
            elif not prefix and column in record.embedded:
                inner = self.object_type(get_named_type(field.type).name)
                part = list(self.members(inner, selected, record, f"{column}_", children))
                yield rows.Group(key, part, [f"{column}_{name}" for name in record.embedded[column]])
            else:
                raise Unplannable

    def _step(
        self, spec: ResolverSpec | None, field: GraphQLField, nodes: Sequence[FieldNode], prefix: str
    ) -> tuple[str, steps.PlanStep]:
        """The column that has the keys of a field's child step, and that step."""
        arguments = self.arguments(field, nodes[0])
        match spec:
            case ReferenceSpec(record, column):
                return f"{prefix}{column}", steps.RowsStep(record, self._shape(field, nodes))
            case LookupSpec(record, under) if under:
                parent = field.extensions["strawberry-definition"].origin.of.table
                child = steps.LookupStep(record, self._shape(field, nodes), _sid(spec, arguments), f"{parent}_sid")
                return OWN_SID, child
            case ListSpec(relation):
                return OWN_SID, ListStep(relation, self._shape(field, nodes))
            case NodeSpec(column):
                return column, self._node_step(nodes)
            case ConnectionSpec():
                return OWN_SID, self._connection_step(spec, field, arguments, nodes)
            case _:
                raise Unplannable

    def _node_step(self, nodes: Sequence[FieldNode]) -> steps.NodeStep:
        kinds = RECORDS.values()
        return steps.NodeStep(
            {kind: steps.RowsStep(kind, self.shape_of(self.object_type(kind.noun), nodes)) for kind in kinds}
        )

    def _connection_step(
        self, spec: ConnectionSpec, field: GraphQLField, arguments: dict[str, Evaluate], nodes: Sequence[FieldNode]
    ) -> ConnectionStep:
        kind = self.object_type(get_named_type(field.type).name)
        shapes: list[Shape] = []
        members: list[tuple[str, connection_members.Write]] = []
        parts = set()
        for key, selected in self.selections.of(kind, *nodes):
            name = selected[0].name.value
            if name == "__typename":
                members.append((key, connection_members.Always(b'"%b"' % kind.name.encode())))
                continue
            part_field = kind.fields[name]
            part = self.spec_of(part_field)
            parts.add(part)
            inner = get_named_type(part_field.type)
            if part is RelayField.NODES:
                shapes.append(self._shape(part_field, selected))
                members.append((key, connection_members.WriteRows(len(shapes) - 1)))
            elif part is RelayField.EDGES:
                shapes.append(self._edge_shape(self.object_type(inner.name), selected))
                members.append((key, connection_members.WriteRows(len(shapes) - 1)))
            elif part is RelayField.PAGE_INFO:
                info = connection_members.page_info(self.selections, self.object_type(inner.name), selected)
                members.append((key, connection_members.write_info(info)))
            elif part is RelayField.TOTAL_COUNT:
                members.append((key, connection_members.write_count))
            elif part is RelayField.TOTAL_COUNT_CAPPED:
                members.append((key, connection_members.write_capped))
            else:
                raise Unplannable
        selected_parts = Selected(
            tuple(connection_members.with_text_before(members)),
            connection_members.end_of(members),
            connection_members.text_around(members),
            tuple(shapes),
            rows=not parts.isdisjoint((RelayField.EDGES, RelayField.NODES, RelayField.PAGE_INFO)),
            cursors=any(shape.row.has_cursor for shape in shapes),
            info=RelayField.PAGE_INFO in parts,
            total=not parts.isdisjoint((RelayField.TOTAL_COUNT, RelayField.TOTAL_COUNT_CAPPED)),
        )
        return ConnectionStep(spec, arguments, selected_parts, Scope.READ_CONTENT in self._scopes)

    def _edge_shape(self, kind: GraphQLObjectType, nodes: Sequence[FieldNode]) -> Shape:
        parts: list[Part] = []
        children: list[ChildStep] = []
        row_prefix, before = "", "{"
        for key, selected in self.selections.of(kind, *nodes):
            name = selected[0].name.value
            before += f'"{key}":'
            if name == "cursor" and not parts:
                # Up to the position, the text is the same in every row of the connection.
                row_prefix, before = before + '"', '",'
                parts += POSITION
                continue
            if name == "__typename":
                before += f'"{kind.name}",'
                continue
            parts.append(FixedText(before))
            before = ","
            if name == "cursor":
                parts += CURSOR
            elif name == "node":
                shape = self._shape(kind.fields[name], selected)
                parts += shape.row.parts
                children += shape.children
            else:
                raise Unplannable
        parts.append(FixedText(before[:-1] + "}" if before != "{" else "{}"))
        return Shape(RowText(*parts, row_prefix=row_prefix), tuple(children))

    def arguments(self, field: GraphQLField, node: FieldNode) -> dict[str, Evaluate]:
        """The function for each argument that is given."""
        found = {}
        for argument in node.arguments or ():
            definition = field.args[argument.name.value]
            found[definition.extensions["strawberry-definition"].python_name] = evaluator(
                argument.value, definition.type
            )
        return found

    def spec_of(self, field: GraphQLField | None) -> ResolverSpec | None:
        """The spec of a field's resolver, if it has one."""
        resolver = field and field.extensions["strawberry-definition"].base_resolver
        return spec_of(resolver.wrapped_func) if resolver else None

    def object_type(self, name: str) -> GraphQLObjectType:
        """The object type of this name; raises Unplannable if it is none."""
        kind = self._schema.type_map.get(name)
        if not isinstance(kind, GraphQLObjectType):
            raise Unplannable
        return kind


def _column_member(key: str, kind: GraphQLNamedType, column: str) -> Member:
    if isinstance(kind, GraphQLEnumType) and any(name != value.value for name, value in kind.values.items()):
        if UNKNOWN not in kind.values:
            raise Unplannable
        shown = {str(value.value): name for name, value in kind.values.items()}
        return rows.EnumValue(key, column, usual_first(shown), UNKNOWN)
    return rows.ColumnValue(key, column)


def _sid(spec: LookupSpec, arguments: dict[str, Evaluate]) -> Evaluate:
    read, is_sid = arguments["sid"], pattern_of(spec.record).fullmatch

    def sid(values: Values) -> str:
        given: str = read(values)
        if is_sid(given):
            return given
        raise Fallback

    return sid
