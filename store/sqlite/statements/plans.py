"""The statements of compiled plans, with the JSON written by SQLite: a row, a page, or small pages of many parents."""

import re
from collections.abc import Sequence
from functools import lru_cache
from sys import getsizeof
from typing import Any, NamedTuple

from cachetools import LRUCache, cached

from store.columns import Record
from store.lists.filters import Filter
from store.lists.orders import Order
from store.lists.relations import Relation
from store.sqlite.statements.access_paths import count_sql, list_sql, way_of
from store.sqlite.statements.pages import Count, Page
from store.sqlite.statements.projections import Projection, as_list, lengths_of

PARENT = ":parent"
EACH_PARENT = "parent.value"
ROW = "SELECT {columns} FROM {table} WHERE sid = ?"
LEAF = "SELECT {list} FROM ({page})"
ONCE = "SELECT {text} AS written FROM ({page}) LIMIT -1"
"""The limit keeps SQLite from working out each text twice: a subquery with one is not merged into its query."""
LEAVES = "SELECT parent.value, ({leaf}) FROM json_each(:parents) AS parent"
FILLING = """
iif(key_{number} IS NULL, '', '{opening}' || coalesce((SELECT group_concat(text_0) FROM ({page})), '') || '{closing}')
""".strip()
"""Where there is no key, the text around the hole says null by itself."""
BOUND = re.compile(r"('(?:[^']|'')*')|:(\w+)")
"""A name that is bound; or a text, in which there is none."""
COUNT = "SELECT {count}"
REMEMBERED_BYTES = 4_000_000
"""Of statements of one kind: they have the names in them that clients give to fields."""


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def row_sql(record: type[Record], projection: Projection, *more: str) -> str:
    """The statement for one row by its SID: the projection's columns, and ``more`` of them."""
    return ROW.format(columns=", ".join([projection.columns, *more]), table=record.table)


class PageShape(NamedTuple):
    """What the statement of a page depends on, and how its rows are written."""

    relation: Relation[Any]
    order: Order
    descending: bool
    after: bool
    before: bool
    names: frozenset[str]
    projection: Projection


class FillingShape(NamedTuple):
    """The same of a page that fills a hole, and the texts that it stands between."""

    page: PageShape
    opening: str
    closing: str


class Filling(NamedTuple):
    """A forward page of each row's children, which fills a hole in the row's text: its array, between two texts."""

    page: Page[Any]
    projection: Projection
    opening: str
    closing: str

    @property
    def shape(self) -> FillingShape:
        """What the statement depends on."""
        return FillingShape(_page_shape(self.page, self.projection), self.opening, self.closing)


def leaf_statement(
    page: Page[Any], projection: Projection, has_lead: bool, fillings: Sequence[Filling] = (), measured: bool = False
) -> tuple[str, dict[str, Any]]:
    """The statement, and what it binds beside ``parent``, for a forward page's JSON array, its inside.

    There is a filling for each of the projection's holes. Where the rows' texts have a lead, that is to be bound too
    (``lead`` and ``between``). If ``measured``, a second column has the lengths of the rows' texts without their leads.
    """
    return _leaf_of(page, projection, fillings, has_lead, PARENT, measured), _bound(page, fillings)


def leaves_statement(
    page: Page[Any], projection: Projection, fillings: Sequence[Filling] = ()
) -> tuple[str, dict[str, Any]]:
    """The statement for several parents, and what it binds beside ``parents``, which is a JSON array of them.

    A row has a parent, and its page's JSON array, the inside. The texts have no lead.
    """
    leaf = _leaf_of(page, projection, fillings, False, EACH_PARENT)
    return LEAVES.format(leaf=leaf), _bound(page, fillings)


def rows_statement(page: Page[Any], projections: tuple[Projection, ...]) -> tuple[str, dict[str, Any]]:
    """The statement, and what it binds beside ``parent``, for a page's rows, in the order that it is read.

    A row has the columns of each projection, then the order's column and the SID.
    """
    return _rows_sql(page.relation, page.order, *page.shape, projections), page.bound()


def count_statement(relation: Relation[Any], filter: Filter | None, cap: int) -> tuple[str, dict[str, Any]]:
    """The statement, and what it binds beside ``parent``, for the number of children, up to ``cap``."""
    count = Count(relation, filter, cap)
    return _count_sql(relation, count.names), count.bound()


def _page_shape(page: Page[Any], projection: Projection) -> PageShape:
    return PageShape(page.relation, page.order, *page.shape, projection)


def _leaf_of(
    page: Page[Any],
    projection: Projection,
    fillings: Sequence[Filling],
    has_lead: bool,
    parent: str,
    measured: bool = False,
) -> str:
    shapes = tuple([filling.shape for filling in fillings])
    return _leaf_sql(_page_shape(page, projection), shapes, has_lead, parent, measured)


def _bound(page: Page[Any], fillings: Sequence[Filling]) -> dict[str, Any]:
    bound = page.bound()
    for number, filling in enumerate(fillings):
        bound |= {f"{name}_{number}": value for name, value in filling.page.bound().items()}
    return bound


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def _leaf_sql(shape: PageShape, fillings: tuple[FillingShape, ...], has_lead: bool, parent: str, measured: bool) -> str:
    parts = ["text_0"]
    for number, filling in enumerate(fillings):
        parts += _filling_sql(number, *filling), f"text_{number + 1}"
    text, page = " || ".join(parts), _page_sql(shape, parent)
    if not measured:
        return LEAF.format(list=as_list(text, has_lead), page=page)
    if fillings:
        text, page = "written", ONCE.format(text=text, page=page)
    return LEAF.format(list=f"{as_list(text, has_lead)}, {lengths_of(text)}", page=page)


def _filling_sql(number: int, page_shape: PageShape, opening: str, closing: str) -> str:
    page = BOUND.sub(lambda name: name[1] or f":{name[2]}_{number}", _page_sql(page_shape, f"key_{number}"))
    return FILLING.format(number=number, page=page, opening=opening, closing=closing)


def _page_sql(shape: PageShape, parent: str) -> str:
    """The SELECT of a page's rows: their texts and the keys of the holes between these, each by its number."""
    relation, order, descending, after, before, names, projection = shape
    columns = [f"{_at(text, order)} AS text_{number}" for number, text in enumerate(projection.texts)]
    columns += [f"{key} AS key_{number}" for number, key in enumerate(projection.keys)]
    way = way_of(relation, order, names)
    if way and len(way.scopes) > 1:
        columns += order.column, "sid"  # A UNION is sorted by what it selects.
    return list_sql(relation, order, descending, after, before, names, ", ".join(columns), parent)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
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
