"""The page arguments first, after, last and before, and their checks.

They work as in Relay's Cursor Connections (https://relay.dev/graphql/connections.htm): after and before limit the list,
then first or last takes its start or end. The order is the same in both directions.
"""

from typing import Annotated, NamedTuple, TypeAlias

import strawberry

from resolvers.errors import BadInput
from store.lists.orders import Position

MAX_PAGE_SIZE = 100
"""The default of the setting that limits first and last."""

DEFAULT_PAGE_SIZE = 50

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many rows from the start: 0 to {MAX_PAGE_SIZE}; default {DEFAULT_PAGE_SIZE}. "
        "Not together with last."
    ),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only rows after this cursor of the same connection.")
]
Last: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description=f"How many rows from the end: 0 to {MAX_PAGE_SIZE}. Not together with first."),
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Only rows before this cursor of the same connection.")
]


class PageArguments(NamedTuple):
    """The page arguments as the client sent them; UNSET if left out."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None


class PageRequest(NamedTuple):
    """Checked page arguments; a page of size 0 has no rows."""

    size: int
    backwards: bool
    after: Position | None
    before: Position | None


def page_size(first: int | None, last: int | None, most: int = MAX_PAGE_SIZE) -> tuple[int, bool]:
    """The page size, and whether it counts from the end; raises BadInput for both arguments, or one out of range."""
    if first is not None and last is not None:
        raise BadInput(f"Expected first or last, but got both (first: {first}, last: {last}). Leave one out.")
    name, size = ("last", last) if last is not None else ("first", DEFAULT_PAGE_SIZE if first is None else first)
    if not 0 <= size <= most:
        raise BadInput(f"Expected {name} to be from 0 to {most}, but got {size}.")
    return size, last is not None
