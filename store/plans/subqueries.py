"""Inlined subqueries: where rows are few, one statement reads them, their children and the rows they refer to."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from store.columns import Record
from store.plans.rows import RowText
from store.queries.pages import Count, Page

USUAL_LIST_ROWS = 10
"""The estimated number of rows of a list without a page size."""


class ReferencedRow(NamedTuple):
    """The row of a record to which a key refers; ``nullable`` says whether it may be missing."""

    record: type[Record]
    nullable: bool


Source: TypeAlias = Page[Any] | ReferencedRow
"""Where a subquery's rows are from: a forward page of a row's children, or the row that it refers to."""


class Subquery(NamedTuple):
    """Fills a placeholder in a row's text with the rows of ``source``, each written as ``row``.

    ``opening`` and ``closing`` are the JSON before and after the rows, in pieces; between two pieces comes how many are
    ``counted``. ``subqueries`` fill the placeholders in the rows. If the key is null, the text around the
    placeholder has the JSON null. Only an engine that nests subqueries is given references and counts.
    """

    source: Source
    row: RowText
    opening: Sequence[str]
    closing: Sequence[str]
    subqueries: "Sequence[Subquery]" = ()
    counted: Count[Any] | None = None

    @property
    def statements(self) -> int:
        """How many statements read the same, without those for ``subqueries``."""
        has_rows = isinstance(self.source, ReferencedRow) or self.source.limit != 0
        return has_rows + (self.counted is not None)


def estimated_rows(source: Source, subqueries: Sequence[Subquery]) -> int:
    """An estimate of the rows of ``source``, including those of its subqueries."""
    return _own_rows(source) * (1 + sum([estimated_rows(each.source, each.subqueries) for each in subqueries]))


def estimated_repeats(rows: int, subqueries: Sequence[Subquery]) -> int:
    """An estimate of how many rows are read once for each of ``rows`` rows that may refer to the same one."""
    repeats = 0
    for each in subqueries:
        if isinstance(each.source, ReferencedRow) and rows > 1:
            repeats += rows * estimated_rows(each.source, each.subqueries)
        else:
            repeats += estimated_repeats(rows * _own_rows(each.source), each.subqueries)
    return repeats


def _own_rows(source: Source) -> int:
    if isinstance(source, ReferencedRow):
        return 1
    return USUAL_LIST_ROWS if source.limit is None else source.limit
