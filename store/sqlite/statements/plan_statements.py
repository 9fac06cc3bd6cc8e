"""The statements of compiled plans, with the JSON written by SQLite: a row, a page, or small pages of many parents."""

from collections.abc import Sequence
from functools import lru_cache
from sys import getsizeof
from typing import Any, TypeAlias, cast

from cachetools import LRUCache, cached

from store.columns import Record
from store.lists.access_paths import access_path_of
from store.lists.orders import Order
from store.lists.parent_pages import ListShape
from store.lists.relations import Relation
from store.plans.page_shapes import (
    REMEMBERED_BYTES,
    PageShape,
    SubqueryShape,
    as_subquery,
    bound_by,
    subquery_shapes,
)
from store.plans.subqueries import Subquery
from store.queries.pages import Count, Page
from store.sqlite.dialect import DIALECT
from store.sqlite.statements.projections import Projection, as_list, lengths_of, projection_of

PARENT = ":parent"
EACH_PARENT = "parent.value"
ROW = "SELECT {columns} FROM {table} WHERE sid = ?"
PAGE_ARRAY = "SELECT {list} FROM ({page})"
ONCE = "SELECT {text} AS written FROM ({page}) LIMIT -1"
"""Computes each text once: the LIMIT keeps SQLite from merging the subquery into the query, which reads it twice."""
PAGE_ARRAYS = "SELECT parent.value, ({array}) FROM json_each(:parents) AS parent"
SUBQUERY = """
iif(key_{number} IS NULL, '', '{opening}' || coalesce((SELECT group_concat(text_0) FROM ({page})), '') || '{closing}')
""".strip()
"""If the key is null, the text around the placeholder has the JSON null."""
COUNT = "SELECT {count}"

Shape: TypeAlias = PageShape[Projection]
SubqueryShapes: TypeAlias = tuple[SubqueryShape[Projection], ...]


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def row_sql(record: type[Record], projection: Projection, *more: str) -> str:
    """The statement for one row by its SID: the projection's columns, and ``more`` of them."""
    return ROW.format(columns=", ".join([projection.columns, *more]), table=record.table)


def page_array_statement(
    page: Page[Any],
    projection: Projection,
    has_row_prefix: bool,
    subqueries: Sequence[Subquery] = (),
    measured: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The SQL that writes a forward page as the inside of a JSON array, and what it binds beside ``parent``.

    ``subqueries`` has one for each placeholder of the projection. If the rows have a row prefix, the caller binds it as
    ``lead``, and as ``between`` with a comma before it. If ``measured``, a second column has the number of the rows or,
    with subqueries, the lengths of their texts without the prefix.
    """
    array = _page_array_of(page, projection, subqueries, has_row_prefix, PARENT, measured)
    return array, bound_by(page, subqueries)


def page_arrays_statement(
    page: Page[Any], projection: Projection, subqueries: Sequence[Subquery] = ()
) -> tuple[str, dict[str, Any]]:
    """The same for several parents; the caller binds ``parents``, a JSON array. The rows have no row prefix.

    A row of the result has a parent, and the inside of its page's JSON array.
    """
    array = _page_array_of(page, projection, subqueries, False, EACH_PARENT)
    return PAGE_ARRAYS.format(array=array), bound_by(page, subqueries)


def rows_statement(page: Page[Any], projections: tuple[Projection, ...]) -> tuple[str, dict[str, Any]]:
    """The SQL for a page's rows, in the order that they are read, and what it binds beside ``parent``.

    A row has the columns of each projection, then the order's column and the SID.
    """
    return _rows_sql(page.shape, projections), page.bound()


def count_statement(count: Count[Any]) -> tuple[str, dict[str, Any]]:
    """The SQL that counts the children, and what it binds beside ``parent``."""
    return _count_sql(count.relation, count.active), count.bound()


def _page_array_of(
    page: Page[Any],
    projection: Projection,
    subqueries: Sequence[Subquery],
    has_row_prefix: bool,
    parent: str,
    measured: bool = False,
) -> str:
    shapes = subquery_shapes(subqueries, projection_of) if subqueries else ()
    return _page_array_sql(PageShape(page.shape, projection), shapes, has_row_prefix, parent, measured)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def _page_array_sql(shape: Shape, subqueries: SubqueryShapes, has_row_prefix: bool, parent: str, measured: bool) -> str:
    parts = ["text_0"]
    for number, subquery in enumerate(subqueries):
        parts += _subquery_sql(number, subquery), f"text_{number + 1}"
    text, page = " || ".join(parts), _page_sql(shape, parent)
    if not measured:
        return PAGE_ARRAY.format(list=as_list(text, has_row_prefix), page=page)
    if not subqueries:
        return PAGE_ARRAY.format(list=f"{as_list(text, has_row_prefix)}, count(*)", page=page)
    once = ONCE.format(text=text, page=page)
    return PAGE_ARRAY.format(list=f"{as_list('written', has_row_prefix)}, {lengths_of('written')}", page=once)


def _subquery_sql(number: int, subquery: SubqueryShape[Projection]) -> str:
    page = as_subquery(_page_sql(cast("Shape", subquery.source), f"key_{number}"), number)
    return SUBQUERY.format(
        number=number, page=page, opening="".join(subquery.opening), closing="".join(subquery.closing)
    )


def _page_sql(shape: Shape, parent: str) -> str:
    """The SELECT of a page's rows: their texts, and the keys of the placeholders between them, both numbered."""
    listed, projection = shape
    order = listed.order
    columns = [f"{_at(text, order)} AS text_{number}" for number, text in enumerate(projection.texts)]
    columns += [f"{key} AS key_{number}" for number, key in enumerate(projection.keys)]
    path = access_path_of(listed.relation, order, listed.active)
    if path and len(path.ranges) > 1:
        columns += order.column, "sid"  # A UNION is sorted by what it selects.
    return DIALECT.list_sql(listed, ", ".join(columns), parent)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def _rows_sql(shape: ListShape, projections: tuple[Projection, ...]) -> str:
    columns = [_at(projection.columns, shape.order) for projection in projections]
    return DIALECT.list_sql(shape, ", ".join([*columns, shape.order.column, "sid"]), PARENT)


@lru_cache(1_000)
def _count_sql(relation: Relation[Any], active: frozenset[str]) -> str:
    return COUNT.format(count=DIALECT.count_sql(relation, active, PARENT))


def _at(text: str, order: Order) -> str:
    return text.replace("{key}", order.key_in(DIALECT))
