"""What can be exported: the lists of the schema's Query type, and the columns of their rows.

All of it comes from the schema, the records and the resolvers' specs, so that an export always has the API's names,
filters and orders.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
)

from resolvers.arguments.sids import RECORDS
from resolvers.resolver_specs import ConnectionSpec, ReferenceSpec, ResolverSpec, spec_of
from schema.build import EXECUTABLE
from store.columns import Record
from store.enums import usual_first
from store.exports.columns import ExportColumn, Reference, Shown, ValueType
from store.plans.rows import ColumnValue, EnumValue, Group, Member

PARTICIPANT_FIELDS = ("friendlyName", "identifier", "proxyIdentifier")
"""The fields of each leg's Participant that are exported with an Interaction; the leg itself has the SID."""
UNKNOWN = "UNKNOWN"
SCALARS = {"Int": ValueType.INTEGER, "DateTime": ValueType.INSTANT}


@dataclass(eq=False)
class Resource:
    """A list that can be exported, and how its rows are read and written.

    ``members`` are a row's values, nested as in GraphQL; ``columns`` are the same values without nesting; and
    ``selection`` is the GraphQL selection for them.
    """

    name: str
    spec: ConnectionSpec
    filter_type: GraphQLInputObjectType | None
    order_type: GraphQLEnumType | None
    members: list[Member] = field(default_factory=list)
    columns: list[ExportColumn] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    selection: str = ""

    @property
    def record(self) -> type[Record]:
        """The record of its rows."""
        return self.spec.relation.record


@cache
def resources() -> Mapping[str, Resource]:
    """The lists of the schema's Query type, by their names."""
    query = EXECUTABLE.query_type
    return {} if query is None else {resource.name: resource for resource in _resources(query)}


def _resources(query: GraphQLObjectType) -> Iterator[Resource]:
    for name, query_field in query.fields.items():
        spec = _spec(query_field)
        if not isinstance(spec, ConnectionSpec):
            continue
        types = {argument: get_named_type(query_field.args[argument].type) for argument in query_field.args}
        filter_type, order_type = types.get("filter"), types.get("orderBy")
        resource = Resource(
            name,
            spec,
            filter_type if isinstance(filter_type, GraphQLInputObjectType) else None,
            order_type if isinstance(order_type, GraphQLEnumType) else None,
        )
        kind = EXECUTABLE.type_map[resource.record.noun]
        if isinstance(kind, GraphQLObjectType):
            resource.members, resource.selection = _walk(resource, kind, resource.record.table)
            yield resource


def _walk(
    resource: Resource,
    kind: GraphQLObjectType,
    table: str,
    prefix: str = "",
    path: str = "",
    names: tuple[str, ...] | None = None,
) -> tuple[list[Member], str]:
    """The members of an object, and their selection. Its columns are those of ``table`` that start with ``prefix``.

    Adds the columns and references to ``resource``. ``names`` are the fields to export; None exports all.
    """
    record = RECORDS_BY_NOUN.get(kind.name, resource.record)
    members: list[Member] = []
    selected: list[str] = []
    for name, each in kind.fields.items():
        if (names is not None and name not in names) or each.deprecation_reason is not None:
            continue
        spec, column = _spec(each), f"{prefix}{each.extensions['strawberry-definition'].python_name}"
        flat_name = f"{path}{name[0].upper()}{name[1:]}" if path else name
        inner = get_named_type(each.type)
        if isinstance(spec, ReferenceSpec) and prefix and isinstance(inner, GraphQLObjectType):
            resource.references.append(Reference(spec.record, column, f"{prefix}{spec.column}"))
            parts, text = _walk(resource, inner, column, "", flat_name, PARTICIPANT_FIELDS)
            members.append(Group(name, parts, [f"{column}.sid"]))
        elif spec is not None or each.args:
            continue
        elif column in record.__struct_fields__:
            resource.columns.append(_column(flat_name, f"{table}.{column}", inner))
            members.append(_member(name, resource.columns[-1]))
            text = ""
        elif column in record.embedded and isinstance(inner, GraphQLObjectType):
            parts, text = _walk(resource, inner, table, f"{column}_", flat_name)
            members.append(Group(name, parts, [f"{table}.{column}_{own}" for own in record.embedded[column]]))
        else:
            raise TypeError(f"{kind.name}.{name} is no column of {record.table}, and its resolver has no spec.")
        selected.append(f"{name} {{ {text} }}" if text else name)
    return members, " ".join(selected)


def _column(name: str, sql: str, kind: GraphQLNamedType) -> ExportColumn:
    if isinstance(kind, GraphQLEnumType):
        names = {str(value.value): name for name, value in kind.values.items()}
        return ExportColumn(name, sql, ValueType.ENUM, Shown(usual_first(names), UNKNOWN))
    return ExportColumn(name, sql, SCALARS.get(kind.name, ValueType.TEXT))


def _member(name: str, column: ExportColumn) -> Member:
    if column.shown is None:
        return ColumnValue(name, column.sql)
    return EnumValue(name, column.sql, column.shown.names, column.shown.other)


def _spec(each: GraphQLField) -> ResolverSpec | None:
    resolver: Any = each.extensions["strawberry-definition"].base_resolver
    return spec_of(resolver.wrapped_func) if resolver else None


RECORDS_BY_NOUN = {record.noun: record for record in RECORDS.values()}
