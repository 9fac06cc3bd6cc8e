"""Facets: let a filter on statuses, types or modes use an index, however many or few rows match it.

A status may occur in one row of ten or in one of a million, so an index on a single status doesn't fit. But the rows of
a table have few different combinations of Service, statuses, type and lag (the facets). The facet table lists these
combinations; each row has the id of its combination in the column ``kind``; the indexes are on (kind, date, sid). A
filter selects combinations from the facet table, which has some hundred rows, and a page merges their rows by date.
That takes about one index step for each combination, whatever the size of the table.

A row has two dates, and the time between them is its lag. A combination says which of the ``LAGS`` its rows have. So a
filter on a period of the first date becomes a filter on a slightly longer period of the second date, which the index of
the second date serves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from store.engine.sql import Sql, Statement
from store.lists.filters import Period

LAGS = (
    timedelta(),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=30),
    timedelta(days=365),
)
"""Lag 0 is a time from the first of these to the second, and so on; the last has no end. Lag -1 is a negative time."""

SLACK = timedelta(seconds=1)
"""More than the rounding errors of the engines' date arithmetic."""


@dataclass(frozen=True, slots=True, eq=False)
class FacetTable:
    """The ``table`` of facet combinations; its ``columns`` are the facets, each with its SQL over a row.

    ``served`` are the conditions that depend only on facets; ``indexes`` has the index for each column to sort by.
    ``lag`` is the column to sort by whose time after date_created is a facet.
    """

    table: str
    columns: Mapping[str, Sql]
    served: frozenset[str]
    indexes: Mapping[str, str]
    lag: str | None = None


def lag_of(first: str, second: str) -> Statement:
    """The SQL for the lag from the date ``first`` to the date ``second``."""
    return Statement(lambda dialect: _lag(first, second, dialect.days_between(first, second)))


def _lag(first: str, second: str, days: str) -> str:
    steps = " ".join(
        f"WHEN {days} < {step / timedelta(days=1)!r} THEN {number}" for number, step in enumerate(LAGS[1:])
    )
    return f"CASE WHEN {second} < {first} THEN -1 {steps} ELSE {len(LAGS) - 1} END"


def by_lag(end: str) -> str:
    """The SQL that selects, from the ends that ``ends_by_lag`` binds, the one for a combination's lag."""
    return f"CASE lag {' '.join(f'WHEN {number - 1} THEN :{end}_{number}' for number in range(len(LAGS) + 1))} END"


def ends_by_lag(period: Period) -> dict[str, str]:
    """For each lag from -1 on, the period of the second date if the first is in ``period``, as parameters."""
    earlier = ("", period.ends[1])
    later = [
        Period(period.since, period.before if most else None).moved(least - SLACK, (most or least) + SLACK)
        for least, most in zip(LAGS, (*LAGS[1:], None), strict=True)
    ]
    return {
        f"{end}_{number}": moment
        for number, ends in enumerate((earlier, *later))
        for end, moment in zip(("since", "before"), ends, strict=True)
    }
