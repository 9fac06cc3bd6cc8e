"""Facets: lets a filter on statuses, types or modes read an index, however many or few rows meet it.

A status may be that of one row in ten or one in a million, so no index on a single status fits. The rows of a table
have few combinations of Service, statuses, type and lag (the facets). A table lists these combinations, and each row
has the id of its own in the column ``kind``; the indexes go by (kind, date, sid). A filter picks combinations from that
table, of some hundred rows, and a page merges their rows in the order of the dates. It costs about one index step for
each combination, whatever the size of the table.

A row's second date comes some time after its first. A combination also says which of the ``LAGS`` that time is in. So a
period of the first date becomes a period of the second, a little longer, which the index of the second date serves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from store.lists.filters import Period

LAGS = (
    timedelta(),
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=30),
    timedelta(days=365),
)
"""Lag 0 is from the first to the second of these, and so on; the last is open. Lag -1: the second date is earlier."""

SLACK = timedelta(seconds=1)
"""More than the rounding errors of SQLite's date arithmetic."""


@dataclass(frozen=True, slots=True, eq=False)
class FacetTable:
    """The ``table`` of facet combinations; its ``columns`` are the facets, each with its SQL over a row.

    ``served`` are the conditions that depend on facets alone; ``indexes`` has the index for each order's column.
    ``lag`` is the order's column whose distance from date_created is a facet.
    """

    table: str
    columns: Mapping[str, str]
    served: frozenset[str]
    indexes: Mapping[str, str]
    lag: str | None = None


def lag_of(first: str, second: str) -> str:
    """The SQL for the lag from the date ``first`` to the date ``second``."""
    days = f"julianday({second}) - julianday({first})"
    steps = " ".join(
        f"WHEN {days} < {step / timedelta(days=1)!r} THEN {number}" for number, step in enumerate(LAGS[1:])
    )
    return f"CASE WHEN {second} < {first} THEN -1 {steps} ELSE {len(LAGS) - 1} END"


def by_lag(end: str) -> str:
    """The SQL that selects, from the ends that ``ends_by_lag`` binds, the one for a combination's lag."""
    return f"CASE lag {' '.join(f'WHEN {number - 1} THEN :{end}_{number}' for number in range(len(LAGS) + 1))} END"


def ends_by_lag(period: Period) -> dict[str, str]:
    """For each lag from -1 on, the period of the second date, if the first is in ``period``; as bound values."""
    before_its_time = ("", period.ends[1])
    later = [
        Period(period.since, period.before if most else None).moved(least - SLACK, (most or least) + SLACK)
        for least, most in zip(LAGS, (*LAGS[1:], None), strict=True)
    ]
    return {
        f"{end}_{number}": moment
        for number, ends in enumerate((before_its_time, *later))
        for end, moment in zip(("since", "before"), ends, strict=True)
    }
