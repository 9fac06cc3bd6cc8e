"""Replaces the literals in a document's text by numbered slots, so that documents that differ in them share a plan.

Only strings, and integers of up to nine digits, which all fit GraphQL's Int, are replaced: these can't make a document
invalid. A custom scalar may refuse a string, so its slots are checked for each document.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLScalarType,
    GraphQLSchema,
    IntValueNode,
    NameNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_named_type,
    visit,
)

LITERAL = re.compile(r'["0-9-](?:(?<=")[^"\n\r]*"|(?<!")[0-9]*)')
"""It starts with one set of characters: the regex engine finds that many times faster than alternatives."""
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,8})")
PART_OF_A_TOKEN = re.compile(r"[\w.$@-]")
"""The characters next to a number that make it part of a longer token."""
UNCUT = ('"""', "#", "\\")
"""Block strings, comments and escapes: a document with one of them keeps its literals."""
NOT_UNICODE = re.compile("[\ud800-\udfff]")
"""A lone surrogate makes a document invalid, wherever it is (GraphQL, October 2025, 2.1.1)."""
ALWAYS_VALID = frozenset(("String", "ID", "Int", "Float"))
"""Scalars that accept every literal of a type, if they accept one."""

Literals = tuple[str | int, ...]
Check = tuple[str, Callable[[Any], Any]]
"""A slot, and the function that raises if its scalar refuses the value."""


class Cut(NamedTuple):
    """A document's text with numbered slots in place of its literals, and the literals by their slots."""

    text: str
    literals: Literals


def cut(text: str) -> Cut:
    """Replaces the literals of ``text`` by slots. Literals share a slot if, and only if, their text is the same.

    So the slots show which literals are equal; the validity of overlapping fields depends on that.
    """
    if any(mark in text for mark in UNCUT) or (not text.isascii() and NOT_UNICODE.search(text)):
        return Cut(text, ())
    slots: dict[str, int] = {}

    def slot(found: "re.Match[str]") -> str:
        literal = found[0]
        if not _is_literal(text, found):
            return literal
        kind = '"' if literal[0] == '"' else "#"
        return f"{kind}{slots.setdefault(literal, len(slots))}{kind}"

    with_slots = LITERAL.sub(slot, text)
    return Cut(with_slots, tuple(map(_value, slots)))


def slots_by_position(text: str) -> dict[int, str]:
    """The slots that ``cut`` puts in place of the literals of ``text``, by the literals' start positions."""
    if not cut(text).literals:
        return {}
    slots: dict[str, str] = {}
    found = [match for match in LITERAL.finditer(text) if _is_literal(text, match)]
    return {match.start(): slots.setdefault(match[0], str(len(slots))) for match in found}


def with_slots(schema: GraphQLSchema, document: DocumentNode, text: str) -> tuple[DocumentNode, list[Check]]:
    """``document``, parsed from ``text``, with a variable in place of each literal that ``cut`` replaces.

    The variable has the slot's name: ``$0``, ``$1`` and so on, which no client can write. The document stays valid with
    other literals if these pass the checks.
    """
    slots = slots_by_position(text)
    types = TypeInfo(schema)
    checks: dict[tuple[str, str], Check] = {}

    class Slots(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: Any) -> VariableNode | None:
            return self._slot(node)

        def enter_int_value(self, node: IntValueNode, *_: Any) -> VariableNode | None:
            return self._slot(node)

        def _slot(self, node: StringValueNode | IntValueNode) -> VariableNode | None:
            kind, slot = get_named_type(types.get_input_type()), slots.get(node.loc.start) if node.loc else None
            if slot is None or not isinstance(kind, GraphQLScalarType):
                return None  # The description of an operation is not an argument.
            if kind.name not in ALWAYS_VALID:
                checks[slot, kind.name] = slot, kind.coerce_input_value
            return VariableNode(name=NameNode(value=slot), loc=node.loc)

    found: DocumentNode = visit(document, TypeInfoVisitor(types, Slots()))
    return found, list(checks.values())


def _is_literal(text: str, found: "re.Match[str]") -> bool:
    if text[found.start()] == '"':
        return len(found[0]) > 1
    before, behind = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
    return not PART_OF_A_TOKEN.match(before) and not PART_OF_A_TOKEN.match(behind) and bool(INTEGER.fullmatch(found[0]))


def _value(literal: str) -> str | int:
    return literal[1:-1] if literal[0] == '"' else int(literal)
