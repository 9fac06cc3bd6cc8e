"""The plan of the change feed: its root step, and how it is compiled."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from graphql import FieldNode, GraphQLField, GraphQLObjectType, get_named_type
from strawberry import UNSET

from resolvers.errors import BadInput
from resolvers.plans import connection_members
from resolvers.plans.connection_members import ConnectionPage, Write
from resolvers.plans.inputs import Evaluate, Fallback
from resolvers.plans.list_steps import listed
from resolvers.plans.selections import Selections, Unplannable
from resolvers.plans.steps import ChildStep, Piece, Pieces, Run, Shape
from resolvers.resolver_specs import FeedSpec, RelayField, ResolverSpec
from store.columns import Record
from store.plans.rows import ColumnValue, Constant, Group, JsonObject, Member, RowText
from store.queries.changes import FeedRow

ALWAYS_THERE = ("sid",)
"""A column that is never empty: an edge always has its change."""
NO_ENDS = (b"null", b"null")


class FieldCompiler(Protocol):
    """What the feed's connection needs of the compiler of a document."""

    selections: Selections

    def members(
        self,
        kind: GraphQLObjectType,
        nodes: Sequence[FieldNode],
        record: type[Record] | type[FeedRow],
        prefix: str,
        children: list[ChildStep],
    ) -> Iterator[Member]:
        """The members of an object."""
        ...

    def spec_of(self, field: GraphQLField | None) -> ResolverSpec | None:
        """The spec of a field's resolver."""
        ...

    def object_type(self, name: str) -> GraphQLObjectType:
        """The type with this name."""
        ...


class FeedRoot(NamedTuple):
    """A page of the change feed; ``shapes`` are those of its nodes and edges."""

    spec: FeedSpec
    arguments: dict[str, Evaluate]
    members: tuple[tuple[bytes, Write], ...]
    end: bytes
    shapes: tuple[Shape, ...]

    async def read(self, run: Run) -> Pieces:
        """The connection; raises Fallback for an invalid argument or an expired cursor."""
        given = {name: read(run.values) for name, read in self.arguments.items()}
        arguments = [given.get(name, UNSET) for name in ("after", "first", "types", "filter")]
        try:
            request = self.spec.request(*arguments, run.bounds.max_page_size)
        except BadInput as error:
            raise Fallback from error
        run.count_read()
        (epoch, last, is_kept), rows = await run.reader.feed(request.query, [shape.row for shape in self.shapes])
        if not request.is_kept(epoch, is_kept):
            raise Fallback
        shown, texts, start = rows[: request.size], [], 0
        for shape in self.shapes:
            texts.append(listed(await shape.write(run, shown, start)))
            start += shape.row.width
        ends = (_cursor(epoch, shown[0][-1]), _cursor(epoch, shown[-1][-1])) if shown else NO_ENDS
        has_next_page, has_previous_page = len(rows) > request.size, request.epoch is not None
        page = ConnectionPage(texts, ends, has_next_page, has_previous_page, 0, 0, _cursor(epoch, last))
        pieces: list[Piece] = []
        for before, write in self.members:
            pieces.append(before)
            pieces += write(page)
        pieces.append(self.end)
        return pieces


def feed_root(
    compiler: FieldCompiler,
    spec: FeedSpec,
    kind: GraphQLObjectType,
    arguments: dict[str, Evaluate],
    nodes: Sequence[FieldNode],
) -> FeedRoot:
    """Compiles the selection in the change feed's connection, whose type is ``kind``."""
    shapes: list[Shape] = []
    members: list[tuple[str, Write]] = []
    for key, selected in compiler.selections.of(kind, *nodes):
        name = selected[0].name.value
        if name == "__typename":
            members.append((key, connection_members.Always(b'"%b"' % kind.name.encode())))
            continue
        field = kind.fields[name]
        part = compiler.spec_of(field)
        if part is RelayField.LATEST_CURSOR:
            members.append((key, connection_members.write_latest))
            continue
        inner = compiler.object_type(get_named_type(field.type).name)
        if part is RelayField.PAGE_INFO:
            info = connection_members.page_info(compiler.selections, inner, selected)
            members.append((key, connection_members.write_info(info)))
        elif part in (RelayField.NODES, RelayField.EDGES):
            shapes.append(_shape(compiler, inner, selected, part is RelayField.EDGES))
            members.append((key, connection_members.WriteRows(len(shapes) - 1)))
        else:
            raise Unplannable
    with_text = tuple(connection_members.with_text_before(members))
    return FeedRoot(spec, arguments, with_text, connection_members.end_of(members), tuple(shapes))


def _shape(compiler: FieldCompiler, kind: GraphQLObjectType, nodes: Sequence[FieldNode], is_edge: bool) -> Shape:
    children: list[ChildStep] = []
    if is_edge:
        members = list(_edge_members(compiler, kind, nodes, children))
    else:
        members = list(compiler.members(kind, nodes, FeedRow, "", children))
    return Shape(RowText(JsonObject(members)), tuple(children))


def _edge_members(
    compiler: FieldCompiler, kind: GraphQLObjectType, nodes: Sequence[FieldNode], children: list[ChildStep]
) -> Iterator[Member]:
    for key, selected in compiler.selections.of(kind, *nodes):
        name = selected[0].name.value
        if name == "__typename":
            yield Constant(key, f'"{kind.name}"')
        elif name == "cursor":
            yield ColumnValue(key, "cursor")
        elif name == "node":
            change = compiler.object_type(get_named_type(kind.fields[name].type).name)
            members = list(compiler.members(change, selected, FeedRow, "", children))
            yield Group(key, members, ALWAYS_THERE)
        else:
            raise Unplannable


def _cursor(epoch: str, number: int) -> bytes:
    return f'"{epoch}.{number}"'.encode()
