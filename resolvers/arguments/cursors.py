"""Cursors: the position of a row in one connection, as opaque text that only this module reads.

A cursor has two parts. The sort key and SID of its row: so a page costs the same wherever it starts, and new rows don't
shift it. And a fingerprint of its connection (field, parent, order, filter): so no other connection accepts it.
"""

import hashlib
import re
from collections.abc import Callable

import msgspec

from resolvers.arguments.sids import but_got
from resolvers.errors import BadInput
from store.columns import SID_DIGITS
from store.lists.filters import Filter
from store.lists.orders import Order, Position

PATTERN = re.compile(r"([0-9a-f]{8})\.(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\.([A-Z]{2}" + SID_DIGITS + ")")


def fingerprints(field: str, order: Order, filter: Filter | None) -> Callable[[str | None], str]:
    """Maps a parent's SID to its connection's fingerprint: a hash of field, parent, order and filter."""
    by = f"{order.column}{' desc' if order.descending else ''},sid"
    wanted = msgspec.json.encode(dict(filter.active())).decode() if filter else ""

    def of(parent: str | None) -> str:
        identity = f"{field}\n{parent or ''}\n{by}\n{wanted}"
        return hashlib.blake2s(identity.encode(), digest_size=4).hexdigest()

    return of


def fingerprint(field: str, parent: str | None, order: Order, filter: Filter | None) -> str:
    """The fingerprint of one parent's connection."""
    return fingerprints(field, order, filter)(parent)


def cursor_of(position: Position, connection: str) -> str:
    """The cursor of the row at ``position``; ``connection`` is the connection's fingerprint."""
    return f"{connection}.{position.key}.{position.sid}"


def position_of(cursor: str, connection: str, argument: str) -> Position:
    """The position in ``cursor``. ``connection`` is the connection's fingerprint, ``argument`` after or before.

    Raises BadInput if the cursor is malformed or of another connection.
    """
    matched = PATTERN.fullmatch(cursor)
    if not matched:
        raise BadInput(f"Expected {argument} to be a cursor that this API gave, {but_got(cursor)}")
    if matched[1] != connection:
        raise BadInput(
            f"Expected {argument} to be a cursor of this connection, but got one of another connection, order or "
            "filter. Take cursors from the same field, of the same parent, with the same orderBy and filter."
        )
    return Position(matched[2], matched[3])
