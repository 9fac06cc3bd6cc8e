"""The arguments of generated documents: literals, variables and both at once, with the variables to be given."""

from random import Random
from typing import Any, NamedTuple

from graphql import GraphQLInt, GraphQLString

from document_schema import PAGE_ARGUMENTS, Field, Input, Slot
from document_values import WRONG_TYPES, Place, Values

DEFAULT_PAGE = 50
LEFT_OUT: Any = object()
CHOOSE: Any = object()
"""Instead of a value that is fixed."""

PAGE_SIZE, CURSOR = Input(GraphQLInt), Input(GraphQLString)


class Variable(NamedTuple):
    """A declared variable, and what it comes to: LEFT_OUT where it has no value and no default."""

    name: str
    declaration: tuple[str, ...]
    comes_to: Any


class Given(NamedTuple):
    """An argument's tokens and what they come to."""

    tokens: list[str]
    comes_to: Any


class Arguments:
    """The arguments and variables of one document. ``used`` are the variables of the definition at hand."""

    def __init__(self, random: Random, values: Values) -> None:
        self.given: dict[str, Any] = {}
        self.used: dict[str, None] = {}
        self._random, self._values = random, values
        self._variables: dict[str, Variable] = {}
        self._by_use: dict[tuple[str, str, str], list[Variable]] = {}

    def of(self, field: Field, parent: str | None, room: int) -> Given:
        """Arguments for ``field`` under ``parent`` whose page is no longer than ``room``, and what they come to."""
        tokens: list[str] = []
        values: dict[str, Any] = {}
        for slot in field.arguments:
            if field.paged and slot.name in PAGE_ARGUMENTS:
                continue
            if slot.required or self._random.random() < 0.35:
                self._add(tokens, values, slot, self._value(slot.input, slot.name, field.of, parent, CHOOSE, 0))
        if field.paged:
            page = self._page(room, self.place(field, parent, values))
            for slot in field.arguments:
                if slot.name in page:
                    fixed = page[slot.name]
                    self._add(tokens, values, slot, self._value(slot.input, slot.name, field.of, parent, fixed, 0))
        return Given(["(", *tokens, ")"] if tokens else [], values)

    def of_directive(self, slots: list[Slot]) -> list[str]:
        """Arguments of a directive."""
        tokens = ["("]
        for slot in slots:
            tokens += [slot.name, ":", *self._value(slot.input, slot.name, "", None, CHOOSE, 0).tokens]
        return [*tokens, ")"]

    def place(self, field: Field, parent: str | None, values: dict[str, Any]) -> Place | None:
        """Whose cursors fit the connection that ``field`` with ``values`` gives; None where that isn't known."""
        if parent is None:
            return None
        others = {name: value for name, value in values.items() if name not in PAGE_ARGUMENTS and value is not None}
        return Place(field.coordinate, parent, repr(sorted(others.items())) if others else "")

    def declarations(self) -> list[str]:
        """The tokens that declare the variables in use."""
        return [token for name in self.used for token in self._variables[name].declaration]

    def _add(self, tokens: list[str], values: dict[str, Any], slot: Slot, given: Given) -> None:
        tokens += [slot.name, ":", *given.tokens]
        if given.comes_to is not LEFT_OUT:
            values[slot.name] = given.comes_to

    def _page(self, room: int, place: Place | None) -> dict[str, Any]:
        roll = self._random.random()
        page: dict[str, Any] = {}
        size = self._values.constant(PAGE_SIZE, "first", "", None)
        size = 0 if 0.13 < roll < 0.17 else min(size, max(room, 1))
        if roll < 0.12 and room >= DEFAULT_PAGE:
            page = {self._values.pick(("first", "last")): None} if roll < 0.08 else {}
        elif roll < 0.13 and room >= 100:
            page["first"] = 100
        else:
            page[self._values.pick(("first", "first", "last"))] = size
        if self._random.random() < 0.05:
            page = {"first": page.get("first"), "last": page.get("last")}
        if self._values.spoil(0.1):
            page = {"last": size, "first": 2}
        cursors = self._values.pool.cursors
        for bound in ("after", "before"):
            if self._random.random() < 0.25:
                if self._values.spoil():
                    foreign = [cursor for kept in cursors.values() for cursor in kept[:2]]
                    wrong = self._values.constant(CURSOR, bound, "", None)
                    page[bound] = self._values.pick(foreign) if foreign and self._random.random() < 0.6 else wrong
                else:
                    known = cursors.get(place) if place else None
                    page[bound] = self._values.pick(known) if known and self._random.random() < 0.9 else None
        return page

    def _value(self, kind: Input, name: str, of: str, parent: str | None, fixed: Any, depth: int) -> Given:
        roll = self._random.random()
        if roll < 0.35:
            return self._variable(kind, name, of, parent, fixed)
        if fixed is CHOOSE:
            if kind.nullable and roll < 0.4:
                return Given(["null"], None)
            if kind.item and roll < 0.85:
                return self._list(kind.item, name, of, parent, depth)
            if kind.fields:
                return self._object(kind, of, parent, depth)
            fixed = self._values.constant(kind, name, of, parent, depth)
        return Given(self._values.literal(kind, fixed), fixed)

    def _list(self, item: Input, name: str, of: str, parent: str | None, depth: int) -> Given:
        size = 0 if self._values.spoil(0.1) else 1 + int(self._random.random() * 3)
        items = [self._value(item, name, of, parent, CHOOSE, depth) for _ in range(size)]
        tokens = ["[", *(token for given in items for token in given.tokens), "]"]
        return Given(tokens, [None if given.comes_to is LEFT_OUT else given.comes_to for given in items])

    def _object(self, kind: Input, of: str, parent: str | None, depth: int) -> Given:
        if kind.one_of:  # Its one field may be no variable that could be null.
            value = self._values.constant(kind, "", of, parent, depth)
            return Given(self._values.literal(kind, value), value)
        tokens, values = ["{"], dict[str, Any]()
        for slot in self._values.chosen(kind, depth):
            self._add(tokens, values, slot, self._value(slot.input, slot.name, of, parent, CHOOSE, depth + 1))
        return Given([*tokens, "}"], values)

    def _variable(self, kind: Input, name: str, of: str, parent: str | None, fixed: Any) -> Given:
        known = self._by_use.setdefault((kind.text, name, of), [])
        if known and self._random.random() < 0.4:
            variable = self._values.pick(known)
            if fixed is CHOOSE or variable.comes_to == fixed:
                self.used[variable.name] = None
                return Given([variable.name], variable.comes_to)
        variable = self._declared(kind, name, of, parent, fixed)
        self._variables[variable.name] = variable
        known.append(variable)
        self.used[variable.name] = None
        return Given([variable.name], variable.comes_to)

    def _declared(self, kind: Input, use: str, of: str, parent: str | None, fixed: Any) -> Variable:
        values, roll = self._values, self._random.random()
        name = f"{values.pick(('v', use, 'on', 'null'))}{len(self._variables)}"
        value = values.constant(kind, use, of, parent) if fixed is CHOOSE else fixed
        given, comes_to, default, text = value, value, CHOOSE, kind.text
        if value is None or (kind.nullable and fixed is CHOOSE and roll < 0.12):
            comes_to = None
            given = None if roll < 0.06 else LEFT_OUT
            default = None if 0.03 < roll < 0.09 else CHOOSE
            comes_to = LEFT_OUT if given is LEFT_OUT and default is CHOOSE else None
        elif roll < 0.3:  # Its default stands in for it.
            default, given = value, LEFT_OUT
            text = values.pick((kind.bare, f"{kind.bare}!"))
        elif roll < 0.4:
            default = values.constant(kind, use, of, parent)
            text = values.pick((kind.bare, f"{kind.bare}!"))
        elif roll < 0.5:
            text = f"{kind.bare}!"
        if values.spoil():
            given = values.pick(WRONG_TYPES)
            comes_to = LEFT_OUT
        if given is not LEFT_OUT:
            self.given[name] = given
        declaration = [f"${name}", ":", text]
        if default is not CHOOSE:
            declaration += ["=", *values.literal(kind, default)]
        return Variable(f"${name}", tuple(declaration), comes_to)
