"""Inlined subqueries: where rows are few, one statement reads them and their children."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from store.plans.rows import RowText
from store.queries.pages import Page

USUAL_LIST_ROWS = 10
"""The estimated number of rows of a list without a page size."""


class Subquery(NamedTuple):
    """Fills a placeholder in a row's text with a forward page of the row's children, each written as ``row``.

    ``opening`` and ``closing`` are the JSON before and after the children; ``subqueries`` fill the placeholders in
    these. If the key is null, the text around the placeholder has the JSON null.
    """

    page: Page[Any]
    row: RowText
    opening: str
    closing: str
    subqueries: "Sequence[Subquery]" = ()


def estimated_rows(page: Page[Any], subqueries: Sequence[Subquery]) -> int:
    """An estimate of a page's rows, including those of its subqueries."""
    inlined = sum([estimated_rows(subquery.page, subquery.subqueries) for subquery in subqueries])
    return (USUAL_LIST_ROWS if page.limit is None else page.limit) * (1 + inlined)
