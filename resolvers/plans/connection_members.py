"""The members of a connection, and how each is written as JSON."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from graphql import FieldNode, GraphQLObjectType

from resolvers.plans.selections import Selections
from resolvers.plans.steps import Pieces

TRUE, FALSE = b"true", b"false"


class ConnectionPage(NamedTuple):
    """The page of one parent's connection, ready to be written.

    ``rows`` has the inside of a JSON array for each shape of the rows; ``ends`` are the first and the last cursor;
    ``latest`` is the newest cursor of the change feed.
    """

    rows: Sequence[Pieces]
    ends: tuple[bytes, bytes]
    has_next_page: bool
    has_previous_page: bool
    counted: int
    cap: int
    latest: bytes = b"null"


INFO = ("has_next_page", "has_previous_page", "start_cursor", "end_cursor")
"""The members of PageInfo."""

Write: TypeAlias = Callable[[ConnectionPage], Pieces]
"""Writes a member of a connection."""


@dataclass(frozen=True, slots=True)
class WriteRows:
    """Writes ``nodes`` or ``edges``; ``shape`` is the index of their shape."""

    shape: int

    def __call__(self, shown: ConnectionPage) -> Pieces:
        """The rows as an array."""
        return (b"[", *shown.rows[self.shape], b"]")


def write_info(members: Sequence[tuple[bytes, str | bytes]]) -> Write:
    """Writes ``pageInfo``. Its members are the text before each value, with a name of INFO, or the value as bytes."""
    indexes, template = [], b""
    for before, of in members:
        template += before
        if isinstance(of, str):
            template += b"%b"
            indexes.append(INFO.index(of))
        else:
            template += of
    template += end_of(members)

    def write(shown: ConnectionPage) -> Pieces:
        (start, last), following, preceding = shown.ends, shown.has_next_page, shown.has_previous_page
        values = (TRUE if following else FALSE, TRUE if preceding else FALSE, start, last)
        return (template % tuple([values[index] for index in indexes]),)

    return write


def page_info(
    selections: Selections, kind: GraphQLObjectType, nodes: Sequence[FieldNode]
) -> list[tuple[bytes, str | bytes]]:
    """The members of a ``pageInfo``, whose type is ``kind``, as ``write_info`` takes them."""
    members: list[tuple[str, str | bytes]] = []
    for key, selected in selections.of(kind, *nodes):
        name = selected[0].name.value
        if name == "__typename":
            members.append((key, b'"%b"' % kind.name.encode()))
        else:
            members.append((key, kind.fields[name].extensions["strawberry-definition"].python_name))
    return list(with_text_before(members))


def end_of(members: Sequence[Any]) -> bytes:
    """The text that closes an object of these members. The text before the first of them opens it."""
    return b"}" if members else b"{}"


def write_count(shown: ConnectionPage) -> Pieces:
    """Writes ``totalCount``: up to the cap."""
    return (b"%d" % min(shown.counted, shown.cap),)


def write_capped(shown: ConnectionPage) -> Pieces:
    """Writes ``totalCountCapped``."""
    return (TRUE if shown.counted > shown.cap else FALSE,)


def write_latest(shown: ConnectionPage) -> Pieces:
    """Writes ``latestCursor``."""
    return (shown.latest,)


@dataclass(frozen=True, slots=True)
class Always:
    """Writes a member that is the same in every connection."""

    text: bytes

    def __call__(self, _: ConnectionPage) -> Pieces:
        """The text."""
        return (self.text,)


def with_text_before(members: Iterable[tuple[str, Any]]) -> Iterator[tuple[bytes, Any]]:
    """The members, each with the text before its value: a brace or a comma, and its key."""
    before = "{"
    for key, value in members:
        yield f'{before}"{key}":'.encode(), value
        before = ","


def text_around(members: list[tuple[str, Write]]) -> tuple[Sequence[bytes], Sequence[bytes]] | None:
    """The text before the rows and the text behind them, each in pieces with the count between them.

    Without rows all text is before them. None if there are other members, or several lists of rows.
    """
    around = [[b""]]
    for before, write in with_text_before(members):
        around[-1][-1] += before
        if isinstance(write, WriteRows):
            around[-1][-1] += b"["
            around.append([b"]"])
        elif isinstance(write, Always):
            around[-1][-1] += write.text
        elif write is write_count:
            around[-1].append(b"")
        else:
            return None
    around[-1][-1] += end_of(members)
    if len(around) == 1:
        around.append([b""])
    return (around[0], around[1]) if len(around) == 2 else None
