"""Inputs: coerces a plan's variables and arguments as the ordinary path does, or raises Fallback.

A value that is simply valid is coerced in a microsecond. Any other raises Fallback: the ordinary path coerces it, or
answers with the error.
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
"""Coerces a JSON value to the value that resolvers get."""
Evaluate: TypeAlias = Callable[[Values], Any]
"""Computes an argument from the values of the operation's variables; UNSET if it is left out."""


class Fallback(Exception):
    """The ordinary path must answer."""


class Variables:
    """The variables of one operation, and the slots that replace its document's literals."""

    def __init__(self, schema: GraphQLSchema, operation: OperationDefinitionNode) -> None:
        self._definitions: list[tuple[str, Read, Evaluate | None, bool]] = []
        for definition in operation.variable_definitions or ():
            kind: Any = type_from_ast(schema, definition.type)
            default = evaluator(definition.default_value, kind) if definition.default_value else None
            self._definitions.append((definition.variable.name.value, reader(kind), default, _is_needed(kind)))

    def values(self, given: Mapping[str, Any], literals: tuple[str | int, ...]) -> dict[str, Any]:
        """The values of the variables in a request; raises Fallback if one is not simply valid."""
        values: dict[str, Any] = {}
        for number, literal in enumerate(literals):
            values[str(number)] = literal
        for name, read, default, needed in self._definitions:
            if name in given:
                values[name] = read(given[name])
            elif default is not None:
                values[name] = default(values)
            elif needed:
                raise Fallback
        return values


def reader(kind: GraphQLInputType) -> Read:
    """The function that coerces a JSON value to the type ``kind``."""
    if isinstance(kind, GraphQLNonNull):
        if isinstance(kind.of_type, GraphQLScalarType) and kind.of_type.name in BUILT_IN:
            return BUILT_IN[kind.of_type.name]
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
    return BUILT_IN.get(kind.name) or (lambda given: _parsed(kind, given))


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


BUILT_IN: dict[str, Read] = {"Int": _integer, "String": _text, "ID": _text, "Boolean": _flag}
"""GraphQL's built-in scalars, by name; none of these readers accepts null."""


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
    """The function that computes an argument from its ``node`` in the document."""
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
