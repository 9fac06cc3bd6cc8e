"""The reads of one operation of a compiled plan: one statement for each level of it, or for several levels."""

import asyncio
import time
from collections.abc import Sequence
from time import perf_counter
from typing import Any

from store.engine.sql import text_of
from store.errors import OutOfTime, ReadFailed
from store.plans.page_shapes import PageShape, bound_by, bound_by_subqueries, subquery_shapes
from store.plans.reads import FeedState, Fingerprints, PageArray, PageRows, Row, Rows
from store.plans.rows import RowsBySid, RowText
from store.plans.subqueries import Subquery
from store.postgresql.connections import ReadConnection
from store.postgresql.dialect import DIALECT
from store.postgresql.plans.projections import projection_of
from store.postgresql.plans.statements import (
    MISSING,
    columns_of,
    count_sql,
    counted_page_sql,
    page_arrays_sql,
    page_rows_sql,
    page_texts_sql,
    row_statement,
    rows_statement,
    spread_row_sql,
    whole_row_sql,
)
from store.queries.changes import FeedQuery
from store.queries.pages import Count, Page

SLICE_SECONDS = 0.0005
MOST_INLINED_ROWS = 20_000
"""How many rows one statement reads at most, by estimate: an inlined page is one value, of limited size."""
MOST_REPEATED_ROWS = 40
"""How many rows one statement reads at most, by estimate, once for each row that refers to them. A statement of its own
reads each row once, but waits for an answer, and needs a transaction.
"""
SEPARATOR = b"\n"
"""Between the rows of an array, as the statement joins them: JSON has none, since a line feed in a text is escaped."""
WITH_VERSION = """
SELECT archive.data_version, answer.* FROM archive LEFT JOIN (
  SELECT TRUE, read.* FROM (
    {sql}
  ) AS read
) AS answer ON TRUE
""".strip()
"""The statement's rows, each after the data version of their snapshot and TRUE; if there are none, one without."""
KIND = "plan"


class NeedsTransaction(Exception):
    """An operation that reads without a transaction has a second statement."""


class PostgreSQLPlanReader:
    """The reads of one operation, on its connection; see PlanReader."""

    __slots__ = (
        "_connection",
        "_deadline",
        "_is_single",
        "_needs_version",
        "_slice_started",
        "_until",
        "data_version",
        "rows_read",
        "statements",
    )
    nests = True
    most_inlined_rows = MOST_INLINED_ROWS
    most_repeated_rows = MOST_REPEATED_ROWS

    def __init__(self, connection: ReadConnection, single: bool, until: float, needs_version: bool) -> None:
        """``single`` allows only one statement, since there is no transaction.

        If ``needs_version``, ``data_version`` is that of the snapshot, which the first statement reads as well.
        """
        self._connection, self._is_single, self._until, self._needs_version = connection, single, until, needs_version
        self.data_version: int | None = None
        self._slice_started = perf_counter()
        self._deadline = time.monotonic() + until - self._slice_started
        self.statements = self.rows_read = 0

    async def rows(
        self, wanted: RowsBySid, sids: Sequence[str], subqueries: Sequence[Subquery] = ()
    ) -> list[tuple[str, Row]]:
        """One statement."""
        if subqueries:
            return await self._whole_rows(wanted, sids, subqueries)
        if len(sids) == 1:
            return [(sids[0], row) for row in await self._fetch(wanted.by(row_statement), {"sid": sids[0]})]
        rows = await self._fetch(wanted.by(rows_statement), {"sids": sids})
        return [(row[0], row[1:]) for row in rows]

    async def _whole_rows(
        self, wanted: RowsBySid, sids: Sequence[str], subqueries: Sequence[Subquery]
    ) -> list[tuple[str, Row]]:
        table, projection, shapes = (
            wanted.record.table,
            projection_of(wanted.row),
            subquery_shapes(subqueries, projection_of),
        )
        bound = bound_by_subqueries(subqueries)
        if len(sids) != 1:
            bound["sids"] = sids
            rows = await self._fetch(whole_row_sql(table, projection, shapes, True), bound)
            return [(sid, (_whole(text),)) for sid, text in rows]
        bound["sid"] = sid = sids[0]
        only = shapes[0].source if len(shapes) == 1 else None
        if not isinstance(only, PageShape):
            rows = await self._fetch(whole_row_sql(table, projection, shapes, False), bound)
            return [(sid, (_whole(text),)) for (text,) in rows]
        rows = await self._fetch(spread_row_sql(table, projection, only, shapes[0]), bound)
        if not rows:
            return []
        before, first, behind = rows[0]
        return [(sid, (before, b"" if first is None else b",".join([_whole(row[1]) for row in rows]), behind))]

    async def page_arrays(
        self,
        page: Page[Any],
        row: RowText,
        keys: Sequence[Any],
        fingerprints: Fingerprints,
        subqueries: Sequence[Subquery],
        measured: bool,
        count: Count[Any] | None = None,
    ) -> dict[Any, PageArray]:
        """One statement. It returns each row if rows are long or of one parent, otherwise one text for each parent."""
        shape, shapes = PageShape(page.shape, projection_of(row)), subquery_shapes(subqueries, projection_of)
        bound = bound_by(page, subqueries)
        texts: list[list[bytes]] = [[] for _ in keys]
        total = 0
        if len(keys) == 1:
            bound["parent"], bound["fingerprint"] = keys[0], fingerprints.get(keys[0])
            if count:
                rows = await self._fetch(counted_page_sql(shape, shapes, count.active), bound | count.bound())
                total = rows[0][0]
                texts[0] = [_whole(text) for _, text in rows if text is not None]
            else:
                texts[0] = [_whole(text) for (text,) in await self._fetch(page_texts_sql(shape, shapes, False), bound)]
        else:
            bound["parents"], bound["fingerprints"] = keys, [fingerprints[key] for key in keys] if fingerprints else []
            if subqueries:
                for number, text in await self._fetch(page_texts_sql(shape, shapes, True), bound):
                    texts[number - 1].append(_whole(text))
            else:
                for number, text, rows in await self._fetch(page_arrays_sql(shape), bound):
                    texts[number - 1] = _split(text, rows)
        arrays = {}
        for key, each in zip(keys, texts, strict=True):
            prefix = row.row_prefix_of(fingerprints[key]).encode() if row.row_prefix else b""
            arrays[key] = PageArray(
                prefix + (b"," + prefix).join(each) if each else b"",
                len(each),
                [len(text) for text in each] if measured else (),
                total,
            )
        return arrays

    async def page_rows(
        self,
        page: Page[Any],
        rows: Sequence[RowText],
        keys: Sequence[Any],
        fingerprints: Fingerprints,
        count: Count[Any] | None = None,
    ) -> PageRows:
        """One statement."""
        projections = tuple([projection_of(row) for row in rows])
        bound, several = page.bound(), len(keys) > 1
        sql = page_rows_sql(page.shape, projections, several, count.active if count else None)
        pages: list[Rows] = [[] for _ in keys]
        total = 0
        if several:
            bound["parents"], bound["fingerprints"] = keys, [fingerprints[key] for key in keys] if fingerprints else []
            for number, *columns in await self._fetch(sql, bound):
                pages[number - 1].append(columns)
        else:
            bound["parent"], bound["fingerprint"] = keys[0], fingerprints.get(keys[0])
            pages[0] = await self._fetch(sql, bound | count.bound() if count else bound)
            if count:
                total = pages[0][0][0]
                pages[0] = [row[1:] for row in pages[0] if row[-1] is not None]
        if page.backwards:
            for each in pages:
                each.reverse()
        return PageRows(pages, total)

    async def counts(self, count: Count[Any], keys: Sequence[Any]) -> list[int]:
        """One statement."""
        several, bound = len(keys) > 1, count.bound()
        sql = count_sql(count.relation, count.active, several)
        if not several:
            ((number,),) = await self._fetch(sql, bound | {"parent": keys[0]})
            return [number]
        counts = [0] * len(keys)
        for number, counted in await self._fetch(sql, bound | {"parents": keys, "fingerprints": []}):
            counts[number - 1] = counted
        return counts

    async def feed(self, query: FeedQuery, rows: Sequence[RowText]) -> tuple[FeedState, Rows]:
        """Two statements, in one transaction."""
        bound = query.parameters((None,))
        ((epoch, _, last, is_kept),) = await self._fetch(text_of(query.state_sql, DIALECT), bound)
        columns = ", ".join([columns_of(projection_of(row)) for row in rows]) or "NULL"
        return FeedState(epoch, last, is_kept), await self._fetch(query.rows_sql(columns, DIALECT), bound)

    def is_slice_over(self) -> bool:
        """Whether the operation should yield the event loop now."""
        return perf_counter() - self._slice_started > SLICE_SECONDS

    async def yield_to_loop(self) -> None:
        """Yields the event loop once; raises OutOfTime past the operation's deadline."""
        await asyncio.sleep(0)
        self._slice_started = perf_counter()
        if self._slice_started > self._until:
            raise OutOfTime

    async def _fetch(self, sql: str, bound: dict[str, Any]) -> Rows:
        self.statements += 1
        if self._is_single and self.statements > 1:
            raise NeedsTransaction
        if self._needs_version:
            rows = await self._with_version(sql, bound)
        else:
            rows = await self._connection.fetch(sql, bound, self._deadline, KIND)
        self.rows_read += len(rows)
        self._slice_started = perf_counter()
        return rows

    async def _with_version(self, sql: str, bound: dict[str, Any]) -> Rows:
        self._needs_version = False
        rows = await self._connection.fetch(WITH_VERSION.format(sql=sql), bound, self._deadline, KIND)
        self.data_version = rows[0][0]
        return [row[2:] for row in rows] if rows[0][1] else []


def _whole(text: bytes) -> bytes:
    if MISSING in text:
        raise ReadFailed
    return text


def _split(text: bytes | None, number: int) -> list[bytes]:
    """The rows in a text with separators, as many as there were.

    There are more pieces if another program wrote a key or SID with a line feed, which a cursor contains unescaped.
    """
    rows = [] if text is None else text.split(SEPARATOR)
    if len(rows) != number:
        raise ReadFailed
    return rows
