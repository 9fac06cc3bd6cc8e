"""The statements of compiled plans, with the JSON written by SQLite: a row, a page, or small pages of many parents."""

import re
from collections.abc import Sequence
from functools import lru_cache
from sys import getsizeof
from typing import Any, NamedTuple

from cachetools import LRUCache, cached

from store.columns import Record
from store.lists.access_paths import access_path_of
from store.lists.filters import Filter
from store.lists.orders import Order
from store.lists.relations import Relation
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
BOUND = re.compile(r"('(?:[^']|'')*')|:(\w+)")
"""A bound parameter; or a string literal, which has none."""
COUNT = "SELECT {count}"
REMEMBERED_BYTES = 4_000_000
"""Of statements of one kind: they have the active in them that clients give to fields."""


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def row_sql(record: type[Record], projection: Projection, *more: str) -> str:
    """The statement for one row by its SID: the projection's columns, and ``more`` of them."""
    return ROW.format(columns=", ".join([projection.columns, *more]), table=record.table)


class PageShape(NamedTuple):
    """What the SQL of a page depends on."""

    relation: Relation[Any]
    order: Order
    descending: bool
    after: bool
    before: bool
    active: frozenset[str]
    projection: Projection


class SubqueryShape(NamedTuple):
    """What the SQL of an inlined subquery depends on."""

    page: PageShape
    opening: str
    closing: str


def page_array_statement(
    page: Page[Any],
    projection: Projection,
    has_row_prefix: bool,
    subqueries: Sequence[Subquery] = (),
    measured: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The SQL that writes a forward page as the inside of a JSON array, and what it binds beside ``parent``.

    ``subqueries`` has one for each placeholder of the projection. If the rows have a row prefix, the caller binds it as
    ``lead``, and as ``between`` with a comma before it. If ``measured``, a second column has the lengths of the rows'
    texts without the prefix.
    """
    return _page_array_of(page, projection, subqueries, has_row_prefix, PARENT, measured), _bound(page, subqueries)


def page_arrays_statement(
    page: Page[Any], projection: Projection, subqueries: Sequence[Subquery] = ()
) -> tuple[str, dict[str, Any]]:
    """The same for several parents; the caller binds ``parents``, a JSON array. The rows have no row prefix.

    A row of the result has a parent, and the inside of its page's JSON array.
    """
    array = _page_array_of(page, projection, subqueries, False, EACH_PARENT)
    return PAGE_ARRAYS.format(array=array), _bound(page, subqueries)


def rows_statement(page: Page[Any], projections: tuple[Projection, ...]) -> tuple[str, dict[str, Any]]:
    """The SQL for a page's rows, in the order that they are read, and what it binds beside ``parent``.

    A row has the columns of each projection, then the order's column and the SID.
    """
    return _rows_sql(page.relation, page.order, *page.shape, projections), page.bound()


def count_statement(relation: Relation[Any], filter: Filter | None, cap: int) -> tuple[str, dict[str, Any]]:
    """The SQL that counts the children, up to ``cap``, and what it binds beside ``parent``."""
    count = Count(relation, filter, cap)
    return _count_sql(relation, count.active), count.bound()


def _page_shape(page: Page[Any], projection: Projection) -> PageShape:
    return PageShape(page.relation, page.order, *page.shape, projection)


def _subquery_shape(subquery: Subquery) -> SubqueryShape:
    return SubqueryShape(_page_shape(subquery.page, projection_of(subquery.row)), subquery.opening, subquery.closing)


def _page_array_of(
    page: Page[Any],
    projection: Projection,
    subqueries: Sequence[Subquery],
    has_row_prefix: bool,
    parent: str,
    measured: bool = False,
) -> str:
    shapes = tuple([_subquery_shape(subquery) for subquery in subqueries])
    return _page_array_sql(_page_shape(page, projection), shapes, has_row_prefix, parent, measured)


def _bound(page: Page[Any], subqueries: Sequence[Subquery]) -> dict[str, Any]:
    bound = page.bound()
    for number, subquery in enumerate(subqueries):
        bound |= {f"{name}_{number}": value for name, value in subquery.page.bound().items()}
    return bound


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def _page_array_sql(
    shape: PageShape, subqueries: tuple[SubqueryShape, ...], has_row_prefix: bool, parent: str, measured: bool
) -> str:
    parts = ["text_0"]
    for number, subquery in enumerate(subqueries):
        parts += _subquery_sql(number, *subquery), f"text_{number + 1}"
    text, page = " || ".join(parts), _page_sql(shape, parent)
    if not measured:
        return PAGE_ARRAY.format(list=as_list(text, has_row_prefix), page=page)
    if subqueries:
        text, page = "written", ONCE.format(text=text, page=page)
    return PAGE_ARRAY.format(list=f"{as_list(text, has_row_prefix)}, {lengths_of(text)}", page=page)


def _subquery_sql(number: int, page_shape: PageShape, opening: str, closing: str) -> str:
    page = BOUND.sub(lambda name: name[1] or f":{name[2]}_{number}", _page_sql(page_shape, f"key_{number}"))
    return SUBQUERY.format(number=number, page=page, opening=opening, closing=closing)


def _page_sql(shape: PageShape, parent: str) -> str:
    """The SELECT of a page's rows: their texts, and the keys of the placeholders between them, both numbered."""
    relation, order, descending, after, before, active, projection = shape
    columns = [f"{_at(text, order)} AS text_{number}" for number, text in enumerate(projection.texts)]
    columns += [f"{key} AS key_{number}" for number, key in enumerate(projection.keys)]
    path = access_path_of(relation, order, active)
    if path and len(path.ranges) > 1:
        columns += order.column, "sid"  # A UNION is sorted by what it selects.
    return DIALECT.list_sql(relation, order, descending, after, before, active, ", ".join(columns), parent)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def _rows_sql(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    after: bool,
    before: bool,
    active: frozenset[str],
    projections: tuple[Projection, ...],
) -> str:
    columns = ", ".join([*(_at(projection.columns, order) for projection in projections), order.column, "sid"])
    return DIALECT.list_sql(relation, order, descending, after, before, active, columns, PARENT)


@lru_cache(1_000)
def _count_sql(relation: Relation[Any], active: frozenset[str]) -> str:
    return COUNT.format(count=DIALECT.count_sql(relation, active, PARENT))


def _at(text: str, order: Order) -> str:
    return text.replace("{key}", order.key_in(DIALECT))
