"""A schema as the document generator uses it: each type's scalar fields, composite fields and type conditions."""

from dataclasses import dataclass, field
from functools import cached_property

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    TypeNameMetaFieldDef,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

LIST, INTROSPECTION_LIST = 4, 20
"""The assumed length of a list without page arguments."""

PAGE_ARGUMENTS = ("first", "last", "after", "before")


class InputType:
    """The type of an argument, a variable or an input field: a leaf, a list of ``item`` or an object of ``fields``."""

    def __init__(self, type_: GraphQLInputType) -> None:
        bare = get_nullable_type(type_)
        self.text = str(type_)
        self.bare = str(bare)
        self.nullable = not isinstance(type_, GraphQLNonNull)
        self.name = get_named_type(type_).name
        self.item = InputType(bare.of_type) if isinstance(bare, GraphQLList) else None
        self.enum_values = list(bare.values) if isinstance(bare, GraphQLEnumType) else []
        self._object = bare if isinstance(bare, GraphQLInputObjectType) else None
        self.one_of = self._object is not None and _is_one_of(self._object)

    @cached_property
    def fields(self) -> "list[InputValue]":
        """An input object's fields; computed lazily, since input objects may contain themselves."""
        return [input_value(name, field) for name, field in self._object.fields.items()] if self._object else []


@dataclass(frozen=True, slots=True)
class InputValue:
    """An argument or an input field."""

    name: str
    type: InputType
    required: bool


def _is_one_of(type_: GraphQLInputObjectType) -> bool:
    # Strawberry checks oneOf itself, so only its own definition of the type has it.
    return type_.is_one_of or bool(getattr(type_.extensions.get("strawberry-definition"), "is_one_of", False))


def input_value(name: str, given: GraphQLArgument | GraphQLInputField) -> InputValue:
    required = is_required_argument(given) if isinstance(given, GraphQLArgument) else is_required_input_field(given)
    return InputValue(name, InputType(given.type), required)


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its full ``type``, the name of the named type in it (``of``), and the assumed number of its items."""

    name: str
    coordinate: str
    type: str
    of: str
    leaf: bool
    items: int
    arguments: tuple[InputValue, ...]
    paged: bool


@dataclass(slots=True)
class CompositeType:
    """An object type or interface: its fields, and the type conditions that a fragment in it can have."""

    name: str
    leaf_fields: list[Field]
    composite_fields: list[Field]
    conditions: list[str] = field(default_factory=list)


class SchemaIndex:
    """The composite types of a schema by name, its query type, and the directives that documents can have."""

    def __init__(self, schema: GraphQLSchema) -> None:
        query = schema.query_type
        assert query is not None
        self.types: dict[str, CompositeType] = {}
        for type_ in schema.type_map.values():
            if isinstance(type_, (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)):
                self.types[type_.name] = _composite_type(schema, type_)
        self.root = self.types[query.name]
        self.introspection = [
            _field(query, "__schema", SchemaMetaFieldDef),
            _field(query, "__type", TypeMetaFieldDef),
        ]
        self.directives = [
            (directive.name, [input_value(name, argument) for name, argument in directive.args.items()])
            for directive in schema.directives
            if DirectiveLocation.FIELD in directive.locations
        ]


def _composite_type(
    schema: GraphQLSchema, type_: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
) -> CompositeType:
    given = {} if isinstance(type_, GraphQLUnionType) else type_.fields
    fields = [_field(type_, name, field) for name, field in given.items()]
    leaf_fields = [field for field in fields if field.leaf] + [_field(type_, "__typename", TypeNameMetaFieldDef)]
    if isinstance(type_, GraphQLObjectType):
        conditions = [type_.name, *(interface.name for interface in type_.interfaces)]
    else:
        possible = [object_type.name for object_type in schema.get_possible_types(type_)]
        conditions = [*possible, *possible, type_.name]
    return CompositeType(type_.name, leaf_fields, [field for field in fields if not field.leaf], conditions)


def _field(owner: GraphQLNamedType, name: str, given: GraphQLField) -> Field:
    arguments = tuple(input_value(name, argument) for name, argument in given.args.items())
    items = 1
    if isinstance(get_nullable_type(given.type), GraphQLList):
        items = INTROSPECTION_LIST if owner.name.startswith("__") else LIST
    return Field(
        name,
        f"{owner.name}.{name}",
        str(given.type),
        get_named_type(given.type).name,
        is_leaf_type(get_named_type(given.type)),
        items,
        arguments,
        paged={"first", "last"} <= given.args.keys(),
    )
