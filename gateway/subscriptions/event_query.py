"""Responds to an event of the feed by a compiled plan: graphql-core takes ten times as long for a small row.

The row of the change is a query of its own, which the plan cache knows after the first event. What surrounds it is in
the event already. A selection that doesn't have this simple form is left to graphql-core; the bytes are the same.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    Visitor,
    print_ast,
    visit,
)

from gateway.endpoint.results import Request
from resolvers.feed.changes import FeedChange

TYPES = {"changes": "Change", "interactions": "InteractionChange"}
COLUMNS = {
    "cursor": "cursor",
    "kind": "kind",
    "type": "type",
    "sid": "sid",
    "serviceSid": "service_sid",
    "sessionSid": "session_sid",
    "at": "at",
}
ROWS = {"node": "node(id: $proxygraphSid)", "interaction": "interaction(sid: $proxygraphSid)"}
SID = "proxygraphSid"
ROW_BEGINS = b'{"data":{"row":'


class EventQuery(NamedTuple):
    """How to respond to an event: ``members`` in their order, each with its key and a column, or None for the row."""

    field: str
    members: tuple[tuple[str, str | None], ...]
    query: str
    variables: Mapping[str, Any]

    def request(self, event: FeedChange) -> Request:
        """The query of the row that changed."""
        return Request(self.query, None, {**self.variables, SID: event.sid}, True)

    def response(self, event: FeedChange, answer: bytes, hidden: list[str]) -> bytes | None:
        """The response, with the row of ``answer``; None if that is null or an error."""
        extensions = b',"extensions":%b}' % orjson.dumps({"withheld": hidden}) if hidden else b"}"
        if not answer.startswith(ROW_BEGINS) or not answer.endswith(b"}" + extensions):
            return None
        row = orjson.Fragment(answer[len(ROW_BEGINS) : -len(extensions) - 1])
        found = {name: row if column is None else getattr(event, column, column) for name, column in self.members}
        return b'{"data":%b%b' % (orjson.dumps({self.field: found}), extensions)


class _Used(Visitor):
    """The variables and the fragments that nodes use."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.fragments: list[str] = []

    def enter_variable(self, node: Any, *_: object) -> None:
        """Adds the variable."""
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        """Adds the fragment."""
        if node.name.value not in self.fragments:
            self.fragments.append(node.name.value)


def event_query(
    document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]
) -> EventQuery | None:
    """The query for the events of a valid subscription; None if its selection doesn't have the simple form."""
    root = operation.selection_set.selections[0]
    if not isinstance(root, FieldNode) or root.directives or root.name.value not in TYPES or not root.selection_set:
        return None
    members: dict[str, str | None] = {}
    rows: list[FieldNode] = []
    for field in root.selection_set.selections:
        if not isinstance(field, FieldNode) or field.directives:
            return None
        name, key = field.name.value, _key(field)
        if key in members:
            return None
        if name in ROWS:
            rows.append(field)
        members[key] = TYPES[root.name.value] if name == "__typename" else COLUMNS.get(name)
    if len(rows) != 1:
        return None
    used = _used(document, rows[0])
    definitions = [
        given for given in operation.variable_definitions or () if given.variable.name.value in used.variables
    ]
    if SID in used.variables:
        return None
    declared = ", ".join([f"${SID}: ID!", *map(print_ast, definitions)])
    fragments = [
        print_ast(part)
        for part in document.definitions
        if isinstance(part, FragmentDefinitionNode) and part.name.value in used.fragments
    ]
    row = f"row: {ROWS[rows[0].name.value]} {print_ast(_selection(rows[0]))}"
    query = "\n".join([f"query ({declared}) {{ {row} }}", *fragments])
    own = {name: value for name, value in variables.items() if name in used.variables}
    return EventQuery(_key(root), tuple(members.items()), query, own)


def _used(document: DocumentNode, row: FieldNode) -> _Used:
    fragments = {part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)}
    used = _Used()
    visit(_selection(row), used)
    for name in used.fragments:  # It grows by the fragments that these spread.
        visit(fragments[name], used)
    return used


def _selection(field: FieldNode) -> Node:
    return field.selection_set or field


def _key(field: FieldNode) -> str:
    return field.alias.value if field.alias else field.name.value
