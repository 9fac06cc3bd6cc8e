"""Literals, cut out of a document's text: what is left is the same for all values, and so is its plan."""

import re
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLSchema,
    IntValueNode,
    NameNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    visit,
)

LITERAL = re.compile(r'["0-9-](?:(?<=")[^"\n\r]*"|(?<!")[0-9]*)')
"""It starts with one set of characters, which the engine looks for many times as fast as for alternatives."""
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")
OF_A_NAME = re.compile(r"[\w.$@-]")
"""What a number stands next to where it is no literal of its own."""
UNCUT = ('"""', "#", "\\")
"""Block strings, comments and escapes: a document with one of them is known by its whole text."""


class Cut(NamedTuple):
    """A document's text without its literals, each distinct one numbered, and the literals in that order."""

    key: str
    literals: tuple[str | int, ...]


def cut(text: str) -> Cut:
    """``text``, cut. Where two literals are equal they have one number: validation may depend on that."""
    if any(mark in text for mark in UNCUT):
        return Cut(text, ())
    numbers: dict[str, int] = {}

    def number(found: "re.Match[str]") -> str:
        literal = found[0]
        if literal[0] != '"' and not _is_integer(text, found):
            return literal
        kind = '"' if literal[0] == '"' else "#"
        return f"{kind}{numbers.setdefault(literal, len(numbers))}{kind}"

    key = LITERAL.sub(number, text)
    return Cut(key, tuple(map(_value, numbers)))


def _is_integer(text: str, found: "re.Match[str]") -> bool:
    before, behind = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    return not OF_A_NAME.match(before) and not OF_A_NAME.match(behind) and bool(INTEGER.fullmatch(found[0]))


def _value(literal: str) -> str | int:
    return literal[1:-1] if literal[0] == '"' else int(literal)


def slotted(schema: GraphQLSchema, document: DocumentNode, literals: tuple[str | int, ...]) -> DocumentNode:
    """``document`` with a variable in place of each literal that was cut out of it: ``$0`` for the first, and so on.

    No variable of a client's can be named so.
    """
    slots = {literal: str(number) for number, literal in enumerate(literals)}
    types = TypeInfo(schema)

    class Slots(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: Any) -> VariableNode | None:
            return self._slot(node, node.value)

        def enter_int_value(self, node: IntValueNode, *_: Any) -> VariableNode | None:
            return self._slot(node, int(node.value))

        def _slot(self, node: StringValueNode | IntValueNode, literal: str | int) -> VariableNode | None:
            slot = slots.get(literal) if types.get_input_type() else None
            return None if slot is None else VariableNode(name=NameNode(value=slot), loc=node.loc)

    with_slots: DocumentNode = visit(document, TypeInfoVisitor(types, Slots()))
    return with_slots
