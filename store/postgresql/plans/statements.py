"""PostgreSQL's statements of compiled plans: one for each level of an operation, whatever the number of parents.

A parent's page is read by a LATERAL sub-select, which a nested loop runs for one parent after another. So the rows of
a parent come in the order of its page. The parents may come in any order; each row has its parent's number.
"""

from collections.abc import Sequence
from functools import lru_cache
from sys import getsizeof
from typing import Any, TypeAlias

from cachetools import LRUCache, cached

from store.lists.orders import Order
from store.lists.parent_pages import ListShape
from store.lists.relations import Relation
from store.plans.page_shapes import REMEMBERED_BYTES, PageShape, ReferenceShape, SubqueryShape, as_subquery
from store.plans.rows import RowsBySid
from store.postgresql.dialect import DIALECT
from store.postgresql.parameters import numbered
from store.postgresql.plans.projections import FINGERPRINT, KEY, Projection, as_bytes, literal, projection_of

ROW = "SELECT {columns} FROM {table} WHERE sid = :sid"
ROWS = "SELECT sid, {columns} FROM {table} WHERE sid = ANY(CAST(:sids AS text[]))"
WHOLE_ROW = "SELECT {columns} FROM (SELECT {pieces} FROM {table} WHERE sid = :sid) AS page_0"
WHOLE_ROWS = """
SELECT sid, {columns} FROM (
  SELECT sid, {pieces} FROM {table} WHERE sid = ANY(CAST(:sids AS text[]))
) AS page_0
""".strip()
SPREAD_ROW = """
SELECT {before}, {child}, {behind} FROM (
  SELECT {pieces} FROM {table} WHERE sid = :sid
) AS page_0 LEFT JOIN LATERAL (
  {page}
) AS page_1 ON TRUE
""".strip()
"""One row for each child: as one value, a page of long texts would be copied several more times."""

ONE_PARENT, ONE_FINGERPRINT = "CAST(:parent AS text)", "CAST(:fingerprint AS text)"
EACH_PARENT, EACH_FINGERPRINT = "parent.value", "parent.fingerprint"
PARENTS = """
unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number)
""".strip()
PAGE = "SELECT {columns} FROM (\n  {page}\n) AS page_0"
COUNTED_PAGE = """
SELECT counted.number, {columns} FROM (SELECT {count} AS number) AS counted LEFT JOIN LATERAL (
  {page}
) AS page_0 ON TRUE
""".strip()
PAGES = "SELECT parent.number, {columns} FROM {parents} CROSS JOIN LATERAL (\n  {page}\n) AS page_0"
ARRAYS = """
SELECT parent.number, page.* FROM {parents} CROSS JOIN LATERAL (SELECT {array}, count(*) FROM (
  {page}
) AS page_0) AS page
""".strip()
COUNT = "SELECT {count}"
COUNTS = "SELECT parent.number, {count} FROM {parents}"
SUBQUERY = """
coalesce((SELECT string_agg({text}, ',') FROM (
  {page}
) AS page_{depth}), '')
""".strip()
REFERENCE = """
CASE WHEN {key} IS NULL THEN '' ELSE coalesce((SELECT {text} FROM (
  SELECT {pieces} FROM {table} WHERE sid = {key}
) AS page_{depth}), {missing}) END
""".strip()
SHOWN_COUNT = "least({count}, CAST(:cap AS bigint) - 1)"
"""It counts up to one more than is shown."""
MISSING = b"\x01"
"""Stands for a row that is referred to and missing, though it must not: a control character, which JSON escapes."""
UNLESS_NULL = "CASE WHEN {key} IS NULL THEN '' ELSE {text} END"
"""If the key is null, there are no children, and the text around the placeholder has the JSON null."""

Shape: TypeAlias = PageShape[Projection]
Shapes: TypeAlias = tuple[SubqueryShape[Projection], ...]


def row_statement(wanted: RowsBySid) -> str:
    """The statement for the row with the SID ``sid``: its texts and keys, and the column ``also``."""
    return ROW.format(columns=_columns(wanted), table=wanted.record.table)


def row_text(wanted: RowsBySid) -> str:
    """The same with a numbered parameter, the SID."""
    return numbered(wanted.by(row_statement)).text


def rows_statement(wanted: RowsBySid) -> str:
    """The same for ``sids``; each row begins with its SID."""
    return ROWS.format(columns=_columns(wanted), table=wanted.record.table)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def whole_row_sql(table: str, projection: Projection, subqueries: Shapes, several: bool) -> str:
    """The statement for the row with the SID ``sid`` (or for ``sids``), with its placeholders filled, as one text.

    Of ``several``, each begins with its SID.
    """
    text = as_bytes(_filled(subqueries, 0))
    return (WHOLE_ROWS if several else WHOLE_ROW).format(columns=text, pieces=_pieces(projection), table=table)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def spread_row_sql(table: str, projection: Projection, page: Shape, child: SubqueryShape[Projection]) -> str:
    """The same for the row with the SID ``sid`` and its one placeholder, whose ``page`` comes in rows of its own.

    A row of the result has the text before the page, one of the page's rows (null if there are none), and the text
    behind the page.
    """
    return SPREAD_ROW.format(
        before=as_bytes(f"page_0.text_0 || {_text(child.opening, child, 'page_0.key_0', 0)}"),
        child=as_bytes(as_subquery(_filled(child.subqueries, 1), 0)),
        behind=as_bytes(f"{_text(child.closing, child, 'page_0.key_0', 0)} || page_0.text_1"),
        pieces=_pieces(projection),
        table=table,
        page=as_subquery(_page_sql(page, "page_0.key_0", ""), 0),
    )


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def page_texts_sql(shape: Shape, subqueries: Shapes, several: bool) -> str:
    """The statement for a page's rows, each with its placeholders filled, as one text; for ``several`` parents, each
    row begins with its parent's number.
    """
    text = as_bytes(_filled(subqueries, 0))
    if several:
        page = _page_sql(shape, EACH_PARENT, EACH_FINGERPRINT)
        return PAGES.format(columns=text, page=page, parents=PARENTS)
    return PAGE.format(columns=text, page=_page_sql(shape, ONE_PARENT, ONE_FINGERPRINT))


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def counted_page_sql(shape: Shape, subqueries: Shapes, active: frozenset[str]) -> str:
    """The same for one parent, and each row begins with the number of children; without rows, the text is null."""
    return COUNTED_PAGE.format(
        columns=as_bytes(_filled(subqueries, 0)),
        count=DIALECT.count_sql(shape.list.relation, active, ONE_PARENT),
        page=_page_sql(shape, ONE_PARENT, ONE_FINGERPRINT),
    )


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def page_arrays_sql(shape: Shape) -> str:
    """The statement for several parents: a parent's number, its page's rows with separators, and how many these are."""
    array = as_bytes("string_agg(page_0.text_0, E'\\n')")
    return ARRAYS.format(array=array, page=_page_sql(shape, EACH_PARENT, EACH_FINGERPRINT), parents=PARENTS)


@cached(LRUCache(REMEMBERED_BYTES, getsizeof))
def page_rows_sql(
    shape: ListShape, projections: tuple[Projection, ...], several: bool, counted: frozenset[str] | None
) -> str:
    """The statement for a page's rows: the columns of each projection, then the order's column and the SID.

    For ``several`` parents, each row begins with its parent's number; otherwise, with conditions that are ``counted``,
    with the number of children, and without rows all else is null.
    """
    fingerprint = EACH_FINGERPRINT if several else ONE_FINGERPRINT
    columns, names = [], []
    for at, projection in enumerate(projections):
        texts = [as_bytes(_at(text, shape.order, fingerprint)) for text in projection.texts]
        for number, column in enumerate([*texts, *projection.keys]):
            names.append(f"column_{at}_{number}")
            columns.append(f"{column} AS {names[-1]}")
    columns += [f"{shape.order.column} AS sort_column", "sid AS sort_sid"]
    names += ["sort_column", "sort_sid"]
    selected = ", ".join(f"page_0.{name}" for name in names)
    page = DIALECT.list_sql(shape, ", ".join(columns), EACH_PARENT if several else ONE_PARENT)
    if counted is not None:
        count = DIALECT.count_sql(shape.relation, counted, ONE_PARENT)
        return COUNTED_PAGE.format(columns=selected, count=count, page=page)
    return (PAGES if several else PAGE).format(columns=selected, page=page, parents=PARENTS)


@lru_cache(1_000)
def count_sql(relation: Relation[Any], active: frozenset[str], several: bool) -> str:
    """The statement that counts the children of a parent, or of several, up to ``cap``; these have their numbers."""
    count = DIALECT.count_sql(relation, active, EACH_PARENT if several else ONE_PARENT)
    return COUNTS.format(count=count, parents=PARENTS) if several else COUNT.format(count=count)


def columns_of(projection: Projection) -> str:
    """The SELECT list of a row: its texts, then the keys."""
    return ", ".join([*(as_bytes(text) for text in projection.texts), *projection.keys])


def _columns(wanted: RowsBySid) -> str:
    columns = columns_of(projection_of(wanted.row))
    return f"{columns}, {wanted.also}" if wanted.also else columns


def _pieces(projection: Projection) -> str:
    texts = [f"{text} AS text_{number}" for number, text in enumerate(projection.texts)]
    return ", ".join([*texts, *(f"{key} AS key_{number}" for number, key in enumerate(projection.keys))])


def _page_sql(shape: Shape, parent: str, fingerprint: str) -> str:
    """The SELECT of a page's rows: their texts, and the keys of the placeholders between them, both numbered."""
    listed, projection = shape
    texts = tuple([_at(text, listed.order, fingerprint) for text in projection.texts])
    return DIALECT.list_sql(listed, _pieces(Projection(texts, projection.keys)), parent)


def _filled(subqueries: Shapes, depth: int) -> str:
    """The text of a row of ``page_DEPTH``, with the placeholders filled.

    The texts between the pages are joined first, since each ``||`` copies both of its sides.
    """
    between, text = [f"page_{depth}.text_0"], ""
    for number, subquery in enumerate(subqueries):
        key = f"page_{depth}.key_{number}"
        between.append(UNLESS_NULL.format(key=key, text=_text(subquery.opening, subquery, key, number)))
        text += f"({' || '.join(between)}) || {_subquery_sql(number, subquery, key, depth)} || "
        closing = UNLESS_NULL.format(key=key, text=_text(subquery.closing, subquery, key, number))
        between = [closing, f"page_{depth}.text_{number + 1}"]
    return f"{text}({' || '.join(between)})"


def _text(pieces: Sequence[str], subquery: SubqueryShape[Projection], key: str, number: int) -> str:
    """The pieces with the count between them."""
    texts, source = [literal(piece) for piece in pieces], subquery.source
    if len(texts) == 1 or subquery.counted is None or isinstance(source, ReferenceShape):
        return texts[0]
    count = SHOWN_COUNT.format(count=DIALECT.count_sql(source.list.relation, subquery.counted, key))
    return f" || {as_subquery(count, number)} || ".join(texts)


def _subquery_sql(number: int, subquery: SubqueryShape[Projection], key: str, depth: int) -> str:
    text, source = as_subquery(_filled(subquery.subqueries, depth + 1), number), subquery.source
    if isinstance(source, ReferenceShape):
        return REFERENCE.format(
            key=key,
            text=text,
            pieces=_pieces(source.projection),
            table=source.table,
            depth=depth + 1,
            missing="'null'" if source.nullable else f"chr({MISSING[0]})",
        )
    page = as_subquery(_page_sql(source, key, ""), number)
    return SUBQUERY.format(text=text, page=page, depth=depth + 1)


def _at(text: str, order: Order, fingerprint: str) -> str:
    return text.replace(KEY, order.key_in(DIALECT)).replace(FINGERPRINT, fingerprint)
