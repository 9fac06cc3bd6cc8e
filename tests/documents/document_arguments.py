"""The arguments of generated documents: literals, variables or a mixture, with the variables' values."""

from random import Random
from typing import Any, NamedTuple

from graphql import GraphQLInt, GraphQLString

from document_schema import PAGE_ARGUMENTS, Field, InputType, InputValue
from document_values import WRONG_TYPES, ConnectionKey, Values

DEFAULT_PAGE = 50
OMITTED: Any = object()
ANY_VALUE: Any = object()
"""Instead of a given value: a random value is chosen."""

PAGE_SIZE, CURSOR = InputType(GraphQLInt), InputType(GraphQLString)


class Variable(NamedTuple):
    """A declared variable and its effective value: OMITTED if it has no value and no default."""

    name: str
    declaration: tuple[str, ...]
    value: Any


class Given(NamedTuple):
    """An argument's tokens and its effective value."""

    tokens: list[str]
    value: Any


class Arguments:
    """The arguments and variables of one document. ``used`` are the variables of the current definition."""

    def __init__(self, random: Random, values: Values) -> None:
        self.given: dict[str, Any] = {}
        self.used: dict[str, None] = {}
        self._random, self._values = random, values
        self._variables: dict[str, Variable] = {}
        self._by_use: dict[tuple[str, str, str], list[Variable]] = {}

    def of(self, field: Field, parent: str | None, max_rows: int) -> Given:
        """Arguments for ``field`` under ``parent``, with a page of at most ``max_rows``, and their effective values."""
        tokens: list[str] = []
        values: dict[str, Any] = {}
        for argument in field.arguments:
            if field.paged and argument.name in PAGE_ARGUMENTS:
                continue
            if argument.required or self._random.random() < 0.35:
                value = self._value(argument.type, argument.name, field.of, parent, ANY_VALUE, 0)
                self._add(tokens, values, argument, value)
        if field.paged:
            page = self._page(max_rows, self.connection(field, parent, values))
            for argument in field.arguments:
                if argument.name in page:
                    value = self._value(argument.type, argument.name, field.of, parent, page[argument.name], 0)
                    self._add(tokens, values, argument, value)
        return Given(["(", *tokens, ")"] if tokens else [], values)

    def of_directive(self, arguments: list[InputValue]) -> list[str]:
        """Arguments of a directive."""
        tokens = ["("]
        for argument in arguments:
            tokens += [argument.name, ":", *self._value(argument.type, argument.name, "", None, ANY_VALUE, 0).tokens]
        return [*tokens, ")"]

    def connection(self, field: Field, parent: str | None, values: dict[str, Any]) -> ConnectionKey | None:
        """The connection that ``field`` with ``values`` returns, whose cursors fit it; None if it isn't known."""
        if parent is None:
            return None
        others = {name: value for name, value in values.items() if name not in PAGE_ARGUMENTS and value is not None}
        return ConnectionKey(field.coordinate, parent, repr(sorted(others.items())) if others else "")

    def declarations(self) -> list[str]:
        """The tokens that declare the variables in use."""
        return [token for name in self.used for token in self._variables[name].declaration]

    def _add(self, tokens: list[str], values: dict[str, Any], argument: InputValue, given: Given) -> None:
        tokens += [argument.name, ":", *given.tokens]
        if given.value is not OMITTED:
            values[argument.name] = given.value

    def _page(self, max_rows: int, connection: ConnectionKey | None) -> dict[str, Any]:
        roll = self._random.random()
        page: dict[str, Any] = {}
        size = self._values.constant(PAGE_SIZE, "first", "", None)
        size = 0 if 0.13 < roll < 0.17 else min(size, max(max_rows, 1))
        if roll < 0.12 and max_rows >= DEFAULT_PAGE:
            page = {self._values.pick(("first", "last")): None} if roll < 0.08 else {}
        elif roll < 0.13 and max_rows >= 100:
            page["first"] = 100
        else:
            page[self._values.pick(("first", "first", "last"))] = size
        if self._random.random() < 0.05:
            page = {"first": page.get("first"), "last": page.get("last")}
        if self._values.wants_wrong_value(0.1):
            page = {"last": size, "first": 2}
        cursors = self._values.pool.cursors
        for bound in ("after", "before"):
            if self._random.random() < 0.25:
                if self._values.wants_wrong_value():
                    foreign = [cursor for kept in cursors.values() for cursor in kept[:2]]
                    wrong = self._values.constant(CURSOR, bound, "", None)
                    page[bound] = self._values.pick(foreign) if foreign and self._random.random() < 0.6 else wrong
                else:
                    known = cursors.get(connection) if connection else None
                    page[bound] = self._values.pick(known) if known and self._random.random() < 0.9 else None
        return page

    def _value(self, type_: InputType, name: str, of: str, parent: str | None, fixed: Any, depth: int) -> Given:
        roll = self._random.random()
        if roll < 0.35:
            return self._variable(type_, name, of, parent, fixed)
        if fixed is ANY_VALUE:
            if type_.nullable and roll < 0.4:
                return Given(["null"], None)
            if type_.item and roll < 0.75:
                return self._list(type_.item, name, of, parent, depth)
            if type_.fields:
                return self._object(type_, of, parent, depth)
            fixed = self._values.constant(type_, name, of, parent, depth)
        return Given(self._values.literal(type_, fixed), fixed)

    def _list(self, item: InputType, name: str, of: str, parent: str | None, depth: int) -> Given:
        size = 0 if self._values.wants_wrong_value(0.1) else 1 + int(self._random.random() * 3)
        items = [self._value(item, name, of, parent, ANY_VALUE, depth) for _ in range(size)]
        tokens = ["[", *(token for given in items for token in given.tokens), "]"]
        return Given(tokens, [None if given.value is OMITTED else given.value for given in items])

    def _object(self, type_: InputType, of: str, parent: str | None, depth: int) -> Given:
        if type_.one_of:  # A variable for its one field must not be nullable.
            value = self._values.constant(type_, "", of, parent, depth)
            return Given(self._values.literal(type_, value), value)
        tokens, values = ["{"], dict[str, Any]()
        for argument in self._values.chosen(type_, depth):
            self._add(
                tokens, values, argument, self._value(argument.type, argument.name, of, parent, ANY_VALUE, depth + 1)
            )
        return Given([*tokens, "}"], values)

    def _variable(self, type_: InputType, name: str, of: str, parent: str | None, fixed: Any) -> Given:
        known = self._by_use.setdefault((type_.text, name, of), [])
        if known and self._random.random() < 0.4:
            variable = self._values.pick(known)
            if fixed is ANY_VALUE or variable.value == fixed:
                self.used[variable.name] = None
                return Given([variable.name], variable.value)
        variable = self._declared(type_, name, of, parent, fixed)
        self._variables[variable.name] = variable
        known.append(variable)
        self.used[variable.name] = None
        return Given([variable.name], variable.value)

    def _declared(self, type_: InputType, use: str, of: str, parent: str | None, fixed: Any) -> Variable:
        values, roll = self._values, self._random.random()
        name = f"{values.pick(('v', use, 'on', 'null'))}{len(self._variables)}"
        value = values.constant(type_, use, of, parent) if fixed is ANY_VALUE else fixed
        given, value, default, text = value, value, ANY_VALUE, type_.text
        if value is None or (type_.nullable and fixed is ANY_VALUE and roll < 0.12):
            value = None
            given = None if roll < 0.06 else OMITTED
            default = None if 0.03 < roll < 0.09 else ANY_VALUE
            value = OMITTED if given is OMITTED and default is ANY_VALUE else None
        elif roll < 0.3:  # The variable's value is its default.
            default, given = value, OMITTED
            text = values.pick((type_.bare, f"{type_.bare}!"))
        elif roll < 0.4:
            default = values.constant(type_, use, of, parent)
            text = values.pick((type_.bare, f"{type_.bare}!"))
        elif roll < 0.5:
            text = f"{type_.bare}!"
        if values.wants_wrong_value():
            given = values.pick(WRONG_TYPES)
            value = OMITTED
        if given is not OMITTED:
            self.given[name] = given
        declaration = [f"${name}", ":", text]
        if default is not ANY_VALUE:
            declaration += ["=", *values.literal(type_, default)]
        return Variable(f"${name}", tuple(declaration), value)
