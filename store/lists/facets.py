"""Kinds: the few combinations of words that a table's many rows have, so that a filter on any of them reads an index.

A filter on statuses may meet a row in ten or one in a million, and no index on one status can tell. So each row has
the number of its kind (its Service, and its words), and indexes go by (kind, date, sid). A filter on words picks kinds
out of a table of some hundred rows; what they hold is then merged in the order of the dates, row by row as far
as the page goes. A page costs about as many steps into an index as there are kinds picked, whatever the table's size.

Where rows have a second date that comes at some distance after the first, the kind says too in which of ``LAGS`` that
distance is. So a period of the first date is a period of the second, a little longer, which that order's index serves.
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
"""Lag 0 is from the first to the second, and so on; the last is open, and -1 is what comes before its time."""

SLACK = timedelta(seconds=1)
"""More than SQLite's arithmetic with dates can be wrong by."""


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """The kinds of a table's rows: ``columns`` are those of the kinds' table, each with its SQL over a row.

    ``served`` are the conditions that a kind decides, ``indexes`` the index for each order's column. ``lag`` names the
    order's column whose distance from date_created the kinds know.
    """

    table: str
    columns: Mapping[str, str]
    served: frozenset[str]
    indexes: Mapping[str, str]
    lag: str | None = None


def lag_of(first: str, second: str) -> str:
    """The SQL that gives the lag from the date ``first`` to the date ``second``."""
    days = f"julianday({second}) - julianday({first})"
    steps = " ".join(
        f"WHEN {days} < {step / timedelta(days=1)!r} THEN {number}" for number, step in enumerate(LAGS[1:])
    )
    return f"CASE WHEN {second} < {first} THEN -1 {steps} ELSE {len(LAGS) - 1} END"


def by_lag(end: str) -> str:
    """The SQL that picks, of the ends that ``ends_by_lag`` binds, the one of a kind's lag."""
    return f"CASE lag {' '.join(f'WHEN {number - 1} THEN :{end}_{number}' for number in range(len(LAGS) + 1))} END"


def ends_by_lag(period: Period) -> dict[str, str]:
    """For each lag from -1 on, the ends of where the second date lies if the first is in ``period``."""
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
