"""What the SQL of a plan's page and of its inlined subqueries depends on, and what these bind.

``P`` is an engine's projection: its SQL of a row's text.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from store.lists.parent_pages import ListShape
from store.plans.rows import RowText
from store.plans.subqueries import ReferencedRow, Source, Subquery

P = TypeVar("P")

REMEMBERED_BYTES = 4_000_000
"""Of statements of one kind: they have the response keys in them that clients choose."""
BOUND = re.compile(r"('(?:[^']|'')*'|::|/\*.*?\*/)|:(\w+)")
"""A bound parameter; or what has none, though it may look so."""


class PageShape(NamedTuple, Generic[P]):
    """What the SQL of a page of rows, each written by ``projection``, depends on."""

    list: ListShape
    projection: P


class ReferenceShape(NamedTuple, Generic[P]):
    """What the SQL of a row of ``table`` depends on to which a key refers, and which may be missing if ``nullable``."""

    table: str
    nullable: bool
    projection: P


class SubqueryShape(NamedTuple, Generic[P]):
    """What the SQL of an inlined subquery depends on."""

    source: PageShape[P] | ReferenceShape[P]
    opening: tuple[str, ...]
    closing: tuple[str, ...]
    subqueries: "tuple[SubqueryShape[P], ...]"
    counted: frozenset[str] | None
    """The conditions of the filter with which it counts; None if it doesn't count."""


def subquery_shapes(
    subqueries: Sequence[Subquery], projection_of: Callable[[RowText], P]
) -> tuple[SubqueryShape[P], ...]:
    """What the SQL of these subqueries depends on."""
    return tuple(
        [
            SubqueryShape(
                _source_shape(each.source, projection_of(each.row)),
                tuple(each.opening),
                tuple(each.closing),
                subquery_shapes(each.subqueries, projection_of) if each.subqueries else (),
                each.counted.active if each.counted else None,
            )
            for each in subqueries
        ]
    )


def _source_shape(source: Source, projection: P) -> PageShape[P] | ReferenceShape[P]:
    if isinstance(source, ReferencedRow):
        return ReferenceShape(source.record.table, source.nullable, projection)
    return PageShape(source.shape, projection)


def bound_by(source: Source, subqueries: Sequence[Subquery]) -> dict[str, Any]:
    """What the SQL of ``source`` and of the subqueries of its rows binds."""
    bound = {} if isinstance(source, ReferencedRow) else source.bound()
    return bound | bound_by_subqueries(subqueries) if subqueries else bound


def bound_by_subqueries(subqueries: Sequence[Subquery]) -> dict[str, Any]:
    """What these subqueries bind."""
    return {
        f"{name}_{number}": value
        for number, each in enumerate(subqueries)
        for name, value in (
            bound_by(each.source, each.subqueries) | (each.counted.bound() if each.counted else {})
        ).items()
    }


def as_subquery(sql: str, number: int) -> str:
    """The SQL of the subquery with this number, with parameters of its own, as ``bound_by_subqueries`` names them."""
    return BOUND.sub(lambda name: name[1] or f":{name[2]}_{number}", sql)
