"""The statements of compiled plans, with the JSON written by SQLite: a row, a page, or small pages of many parents."""

from functools import lru_cache
from typing import Any

from store.columns import Record
from store.filters import Filter
from store.lists import count_sql, list_sql, way_of
from store.orders import Order
from store.pages import Count, Page
from store.projections import Projection, as_list
from store.relations import Relation

PARENT = ":parent"
EACH_PARENT = "parent.value"
ROW = "SELECT {columns} FROM {table} WHERE sid = ?"
LEAF = "SELECT {list} FROM ({page})"
LEAVES = "SELECT parent.value, ({leaf}) FROM json_each(:parents) AS parent"
COUNT = "SELECT {count}"


@lru_cache(1_000)
def row_sql(record: type[Record], projection: Projection, *more: str) -> str:
    """The statement for one row by its SID: the projection's columns, and ``more`` of them."""
    return ROW.format(columns=", ".join([projection.columns, *more]), table=record.table)


def leaf_statement(page: Page[Any], projection: Projection, has_lead: bool) -> tuple[str, dict[str, Any]]:
    """The statement, and what it binds beside ``parent``, for a forward page's JSON array, its inside.

    Where the rows' texts have a lead, that is to be bound too (``lead`` and ``between``).
    """
    return _leaf_sql(page.relation, page.order, *page.shape, projection, has_lead, PARENT), page.bound()


def leaves_statement(page: Page[Any], projection: Projection) -> tuple[str, dict[str, Any]]:
    """The statement for several parents, and what it binds beside ``parents``, which is a JSON array of them.

    A row has a parent, and its page's JSON array, the inside. The texts have no lead.
    """
    leaf = _leaf_sql(page.relation, page.order, *page.shape, projection, False, EACH_PARENT)
    return LEAVES.format(leaf=leaf), page.bound()


def rows_statement(page: Page[Any], projections: tuple[Projection, ...]) -> tuple[str, dict[str, Any]]:
    """The statement, and what it binds beside ``parent``, for a page's rows, in the order that it is read.

    A row has the columns of each projection, then the order's column and the SID.
    """
    return _rows_sql(page.relation, page.order, *page.shape, projections), page.bound()


def count_statement(relation: Relation[Any], filter: Filter | None, cap: int) -> tuple[str, dict[str, Any]]:
    """The statement, and what it binds beside ``parent``, for the number of children, up to ``cap``."""
    count = Count(relation, filter, cap)
    return _count_sql(relation, count.names), count.bound()


@lru_cache(1_000)
def _leaf_sql(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    after: bool,
    before: bool,
    names: frozenset[str],
    projection: Projection,
    has_lead: bool,
    parent: str,
) -> str:
    way = way_of(relation, order, names)
    sorted_by = f", {order.column}, sid" if way and len(way.scopes) > 1 else ""  # A UNION is sorted by what it selects.
    columns = f"{_at(projection.texts[0], order)} AS json{sorted_by}"
    page = list_sql(relation, order, descending, after, before, names, columns, parent)
    return LEAF.format(list=as_list("json", has_lead), page=page)


@lru_cache(1_000)
def _rows_sql(
    relation: Relation[Any],
    order: Order,
    descending: bool,
    after: bool,
    before: bool,
    names: frozenset[str],
    projections: tuple[Projection, ...],
) -> str:
    columns = ", ".join([*(_at(projection.columns, order) for projection in projections), order.column, "sid"])
    return list_sql(relation, order, descending, after, before, names, columns, PARENT)


@lru_cache(1_000)
def _count_sql(relation: Relation[Any], names: frozenset[str]) -> str:
    return COUNT.format(count=count_sql(relation, names, PARENT))


def _at(text: str, order: Order) -> str:
    return text.replace("{key}", order.key)
