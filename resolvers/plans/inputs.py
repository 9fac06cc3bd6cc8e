"""Inputs: a plan's variables and arguments, read as the ordinary path reads them, or not at all.

What is plainly right is coerced here in a microsecond. Whatever is not raises Fallback: the ordinary path knows the
finer points, and the errors.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from graphql import (
    EnumValueNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableNode,
    type_from_ast,
)
from graphql.utilities import value_from_ast_untyped
from strawberry import UNSET

from store.columns import INT32

Values: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[Any], Any]
"""From a JSON value to what resolvers get."""
Evaluate: TypeAlias = Callable[[Values], Any]
"""From the values of an operation's variables to an argument's; UNSET where it is left out."""


class Fallback(Exception):
    """The ordinary path has to answer."""


class Variables:
    """The variables of one operation, and the literals that were cut out of its document."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._plain: list[tuple[str, Read, Evaluate | None, bool]] = []
        for definition in operation.variable_definitions or ():
            kind: Any = type_from_ast(schema, definition.type)
            default = evaluator(definition.default_value, kind) if definition.default_value else None
            self._plain.append((definition.variable.name.value, reader(kind), default, _is_needed(kind)))

    def values(self, given: Mapping[str, Any], literals: tuple[str | int, ...]) -> dict[str, Any]:
        """The values that a request gives; raises Fallback where one of them is not plainly right."""
        values: dict[str, Any] = {}
        for number, literal in enumerate(literals):
            values[str(number)] = literal
        for name, read, default, needed in self._plain:
            if name in given:
                values[name] = read(given[name])
            elif default is not None:
                values[name] = default(values)
            elif needed:
                raise Fallback
        return values


def reader(kind: GraphQLInputType) -> Read:
    """How a JSON value becomes one of ``kind``."""
    if isinstance(kind, GraphQLNonNull):
        if isinstance(kind.of_type, GraphQLScalarType) and kind.of_type.name in PLAIN:
            return PLAIN[kind.of_type.name]
        return _never_null(reader(kind.of_type))
    if isinstance(kind, GraphQLList):
        item = reader(kind.of_type)
        return _or_null(lambda given: [item(each) for each in given] if isinstance(given, list) else [item(given)])
    if isinstance(kind, GraphQLInputObjectType):
        return _or_null(_object_reader(kind))
    if isinstance(kind, GraphQLEnumType):
        words = {name: value.value for name, value in kind.values.items()}
        return _or_null(lambda given: _one_of(words, given))
    return _or_null(_scalar_reader(kind))


def _scalar_reader(kind: GraphQLScalarType) -> Read:
    return PLAIN.get(kind.name) or (lambda given: _parsed(kind, given))


def _integer(given: Any) -> int:
    if type(given) is int and given in INT32:
        return given
    raise Fallback


def _text(given: Any) -> str:
    if type(given) is str:
        return given
    raise Fallback


def _flag(given: Any) -> bool:
    if type(given) is bool:
        return given
    raise Fallback


PLAIN: dict[str, Read] = {"Int": _integer, "String": _text, "ID": _text, "Boolean": _flag}
"""GraphQL's own scalars, by name; none of them takes null."""


def _object_reader(kind: GraphQLInputObjectType) -> Read:
    fields = {name: (_python_name(kind, name), reader(field.type)) for name, field in kind.fields.items()}
    needed = {
        name
        for name, field in kind.fields.items()
        if isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined
    }
    make = _origin(kind)

    def read(given: Any) -> Any:
        if type(given) is not dict or not given.keys() <= fields.keys() or not needed <= given.keys():
            raise Fallback
        return make(**{fields[name][0]: fields[name][1](value) for name, value in given.items()})

    return read


def evaluator(node: ValueNode, kind: GraphQLInputType) -> Evaluate:
    """How an argument that the document writes as ``node`` is worked out."""
    if isinstance(node, VariableNode):
        return _variable(node.name.value, kind)
    if isinstance(kind, GraphQLNonNull):
        return _never_null(evaluator(node, kind.of_type))
    if isinstance(node, NullValueNode):
        return lambda _: None
    if isinstance(kind, GraphQLList):
        nodes = node.values if isinstance(node, ListValueNode) else (node,)
        items = [evaluator(each, kind.of_type) for each in nodes]
        return lambda values: [_given(item(values)) for item in items]
    if isinstance(kind, GraphQLInputObjectType):
        if not isinstance(node, ObjectValueNode):
            raise Fallback
        return _object_evaluator(node, kind)
    if isinstance(kind, GraphQLEnumType):
        if not isinstance(node, EnumValueNode):
            raise Fallback
        word = kind.values[node.value].value
        return lambda _: word
    constant = reader(kind)(value_from_ast_untyped(node))
    return lambda _: constant


def _variable(name: str, kind: GraphQLInputType) -> Evaluate:
    if name[0].isdigit():
        return _slot(name, kind)
    if isinstance(kind, GraphQLNonNull):
        # Nullable variables may be used where null can't be, if there is a default.
        return _never_null(lambda values: values.get(name))
    return lambda values: values.get(name, UNSET)


def _slot(name: str, kind: GraphQLInputType) -> Evaluate:
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if isinstance(kind, GraphQLList):
        item = _slot(name, kind.of_type)
        return lambda values: [item(values)]
    if isinstance(kind, GraphQLScalarType) and kind.name == "ID":
        return lambda values: str(values[name])
    read = reader(kind)
    return lambda values: read(values[name])


def _object_evaluator(node: ObjectValueNode, kind: GraphQLInputObjectType) -> Evaluate:
    fields = [
        (_python_name(kind, field.name.value), evaluator(field.value, kind.fields[field.name.value].type))
        for field in node.fields
    ]
    needed = {
        _python_name(kind, name)
        for name, field in kind.fields.items()
        if isinstance(field.type, GraphQLNonNull) and field.default_value is Undefined
    }
    make = _origin(kind)

    def evaluate(values: Values) -> Any:
        given = {name: value for name, field in fields if (value := field(values)) is not UNSET}
        if not needed <= given.keys():
            raise Fallback
        return make(**given)

    return evaluate


def _python_name(kind: GraphQLInputObjectType, name: str) -> str:
    definition = kind.fields[name].extensions["strawberry-definition"]
    python_name: str = definition.python_name
    return python_name


def _origin(kind: GraphQLInputObjectType) -> Callable[..., Any]:
    origin: Callable[..., Any] = kind.extensions["strawberry-definition"].origin
    return origin


def _parsed(kind: GraphQLScalarType, given: Any) -> Any:
    if type(given) is not str:
        raise Fallback
    try:
        return kind.coerce_input_value(given)
    except Exception as error:
        raise Fallback from error


def _one_of(words: Mapping[str, Any], given: Any) -> Any:
    if type(given) is not str or given not in words:
        raise Fallback
    return words[given]


def _or_null(read: Read) -> Read:
    return lambda given: None if given is None else read(given)


def _never_null(read: Read) -> Read:
    def read_value(given: Any) -> Any:
        value = read(given)
        if value is None or value is UNSET:
            raise Fallback
        return value

    return read_value


def _is_needed(kind: Any) -> bool:
    return isinstance(kind, GraphQLNonNull)


def _given(value: Any) -> Any:
    return None if value is UNSET else value
