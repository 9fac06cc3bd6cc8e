"""Finds one record by its SID: at the root, as a Relay Node, or under its parent."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar

import strawberry

from resolvers.arguments.paging import MAX_PAGE_SIZE
from resolvers.arguments.sids import but_got, record_type_of, sid_of
from resolvers.context import Info
from resolvers.errors import BadInput
from resolvers.resolver_specs import RelayField, resolver_spec
from store.columns import Record
from store.queries.lookups import Lookup

R = TypeVar("R", bound=Record)

NodeId = Annotated[strawberry.ID, strawberry.argument(description="A SID: KS, KC, KP or KI and 32 hexadecimal digits.")]
NodeIds = Annotated[
    list[strawberry.ID],
    strawberry.argument(description=f"Up to {MAX_PAGE_SIZE} SIDs: each KS, KC, KP or KI and 32 hexadecimal digits."),
]


def find(info: Info, record_type: type[R], sid: str) -> Awaitable[R | None]:
    """The record with this SID, which the client gave; None if there is none. Raises BadInput if it is malformed."""
    return info.context.loaders.load(Lookup(record_type), sid_of(record_type, sid))


def find_under(info: Info, record_type: type[R], sid: str, parent: Record) -> Awaitable[R | None]:
    """Like ``find``, but also None if the record belongs to another parent, for which Twilio's REST API answers 404."""
    return _if_under(find(info, record_type, sid), parent)


def load_record(info: Info, record_type: type[R], sid: str) -> Awaitable[R | None]:
    """The record with this SID, which comes from the store and so needs no check; None if there is none."""
    return info.context.loaders.load(Lookup(record_type), sid)


@resolver_spec(RelayField.NODE_BY_ID)
def node(info: Info, id: NodeId) -> Awaitable[Record | None]:
    """``Query.node``: the record with this id. Raises BadInput if the id is not a SID of a known type."""
    return _node(info, id)


@resolver_spec(RelayField.NODES_BY_IDS)
def nodes(info: Info, ids: NodeIds) -> list[Awaitable[Record | None] | BadInput]:
    """``Query.nodes``: a record, None or an error for each id, in the same order."""
    most = info.context.max_page_size
    if len(ids) > most:
        raise BadInput(f"Expected up to {most} ids, but got {len(ids)}. Ask for them in several requests.")
    found: list[Awaitable[Record | None] | BadInput] = []
    for sid in ids:
        try:
            found.append(_node(info, sid))
        except BadInput as error:
            found.append(error)
    return found


def _node(info: Info, id: str) -> Awaitable[Record | None]:
    record_type = record_type_of(id)
    if record_type is None:
        raise BadInput(f"Expected an id that is a SID, KS, KC, KP or KI and 32 hexadecimal digits, {but_got(id)}")
    return load_record(info, record_type, id)


async def _if_under(found: Awaitable[R | None], parent: Record) -> R | None:
    record = await found
    return record if record and getattr(record, f"{parent.table}_sid") == parent.sid else None
