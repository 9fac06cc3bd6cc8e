"""What the SQL of a plan's page and of its inlined subqueries depends on, and what these bind.

``P`` is an engine's projection: its SQL of a row's text.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from store.lists.parent_pages import ListShape
from store.plans.rows import RowText
from store.plans.subqueries import Subquery
from store.queries.pages import Page

P = TypeVar("P")

REMEMBERED_BYTES = 4_000_000
"""Of statements of one kind: they have the response keys in them that clients choose."""
BOUND = re.compile(r"('(?:[^']|'')*'|::|/\*.*?\*/)|:(\w+)")
"""A bound parameter; or what has none, though it may look so."""


class PageShape(NamedTuple, Generic[P]):
    """What the SQL of a page of rows, each written by ``projection``, depends on."""

    list: ListShape
    projection: P


class SubqueryShape(NamedTuple, Generic[P]):
    """What the SQL of an inlined subquery depends on."""

    page: PageShape[P]
    opening: str
    closing: str
    subqueries: "tuple[SubqueryShape[P], ...]"


def subquery_shapes(
    subqueries: Sequence[Subquery], projection_of: Callable[[RowText], P]
) -> tuple[SubqueryShape[P], ...]:
    """What the SQL of these subqueries depends on."""
    return tuple(
        [
            SubqueryShape(
                PageShape(each.page.shape, projection_of(each.row)),
                each.opening,
                each.closing,
                subquery_shapes(each.subqueries, projection_of) if each.subqueries else (),
            )
            for each in subqueries
        ]
    )


def bound_by(page: Page[Any], subqueries: Sequence[Subquery]) -> dict[str, Any]:
    """What a page and the subqueries of its rows bind."""
    return page.bound() | bound_by_subqueries(subqueries) if subqueries else page.bound()


def bound_by_subqueries(subqueries: Sequence[Subquery]) -> dict[str, Any]:
    """What these subqueries bind."""
    return {
        f"{name}_{number}": value
        for number, each in enumerate(subqueries)
        for name, value in bound_by(each.page, each.subqueries).items()
    }


def as_subquery(sql: str, number: int) -> str:
    """The SQL of the subquery with this number, with parameters of its own, as ``bound_by_subqueries`` names them."""
    return BOUND.sub(lambda name: name[1] or f":{name[2]}_{number}", sql)
