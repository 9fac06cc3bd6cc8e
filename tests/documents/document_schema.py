"""A schema as the generator of documents walks it: each type's leaves, branches and conditions, looked up once."""

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
"""How many items a list is taken to have that has no page arguments."""

PAGE_ARGUMENTS = ("first", "last", "after", "before")


class Input:
    """The type of an argument, a variable or an input field: a leaf, a list of ``item`` or an object of ``fields``."""

    def __init__(self, kind: GraphQLInputType) -> None:
        bare = get_nullable_type(kind)
        self.text = str(kind)
        self.bare = str(bare)
        self.nullable = not isinstance(kind, GraphQLNonNull)
        self.name = get_named_type(kind).name
        self.item = Input(bare.of_type) if isinstance(bare, GraphQLList) else None
        self.words = list(bare.values) if isinstance(bare, GraphQLEnumType) else []
        self._object = bare if isinstance(bare, GraphQLInputObjectType) else None
        self.one_of = self._object is not None and _is_one_of(self._object)

    @cached_property
    def fields(self) -> "list[Slot]":
        """An input object's fields; found late, since input objects may hold themselves."""
        return [slot(name, field) for name, field in self._object.fields.items()] if self._object else []


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a value: an argument or an input field."""

    name: str
    input: Input
    required: bool


def _is_one_of(kind: GraphQLInputObjectType) -> bool:
    # Strawberry checks it by itself, and tells nobody but its own definition of the type.
    return kind.is_one_of or bool(getattr(kind.extensions.get("strawberry-definition"), "is_one_of", False))


def slot(name: str, given: GraphQLArgument | GraphQLInputField) -> Slot:
    required = is_required_argument(given) if isinstance(given, GraphQLArgument) else is_required_input_field(given)
    return Slot(name, Input(given.type), required)


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its ``type`` in full, the name ``of`` the named type in it, and about how many items it lists."""

    name: str
    coordinate: str
    type: str
    of: str
    leaf: bool
    items: int
    arguments: tuple[Slot, ...]
    paged: bool


@dataclass(slots=True)
class Kind:
    """An object type or interface: its fields, and the type conditions that a fragment in it can have."""

    name: str
    leaves: list[Field]
    branches: list[Field]
    conditions: list[str] = field(default_factory=list)


class Walk:
    """The kinds of a schema by name, its root of queries, and the directives that documents can have."""

    def __init__(self, schema: GraphQLSchema) -> None:
        query = schema.query_type
        assert query is not None
        self.kinds: dict[str, Kind] = {}
        for kind in schema.type_map.values():
            if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType, GraphQLUnionType)):
                self.kinds[kind.name] = _kind(schema, kind)
        self.root = self.kinds[query.name]
        self.introspection = [
            _field(query, "__schema", SchemaMetaFieldDef),
            _field(query, "__type", TypeMetaFieldDef),
        ]
        self.directives = [
            (directive.name, [slot(name, argument) for name, argument in directive.args.items()])
            for directive in schema.directives
            if DirectiveLocation.FIELD in directive.locations
        ]


def _kind(schema: GraphQLSchema, kind: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType) -> Kind:
    given = {} if isinstance(kind, GraphQLUnionType) else kind.fields
    fields = [_field(kind, name, field) for name, field in given.items()]
    leaves = [field for field in fields if field.leaf] + [_field(kind, "__typename", TypeNameMetaFieldDef)]
    if isinstance(kind, GraphQLObjectType):
        conditions = [kind.name, *(interface.name for interface in kind.interfaces)]
    else:
        possible = [object_type.name for object_type in schema.get_possible_types(kind)]
        conditions = [*possible, *possible, kind.name]
    return Kind(kind.name, leaves, [field for field in fields if not field.leaf], conditions)


def _field(owner: GraphQLNamedType, name: str, given: GraphQLField) -> Field:
    arguments = tuple(slot(argument, of) for argument, of in given.args.items())
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
