"""Filters: the conditions of a list. Their values are bound as parameters and never become part of the SQL text."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

import msgspec

from store.columns import storable
from store.engine.sql import Sql, Statement
from store.lists.orders import END, START


class Period(NamedTuple):
    """A half-open period: from ``since``, inclusive, to ``before``, exclusive. None means no end on that side."""

    since: str | None = None
    before: str | None = None

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends as texts that can be compared with any date."""
        return self.since or START.key, self.before or END.key

    def moved(self, least: timedelta, most: timedelta) -> tuple[str, str]:
        """The ends of this period with the start moved by ``least`` and the end moved by ``most``."""
        since, before = self.ends
        return (
            _moved(since, least) if self.since else since,
            _moved(before, most) if self.before else before,
        )


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """The conditions of one list; a row must meet all of them. None doesn't filter; an empty list matches nothing.

    ``conditions`` has the SQL of each. In it, ``{value}`` is the parameter: a value, a JSON array, or the parent's SID.
    """

    conditions: ClassVar[dict[str, Sql]]
    long: ClassVar[frozenset[str]] = frozenset()
    """The conditions that no index serves; reading with them may take long."""

    @property
    def may_be_long(self) -> bool:
        """Whether a read with it may take long, however few rows meet it."""
        return not self.long.isdisjoint(self.active_names())

    def active(self) -> Iterator[tuple[str, Any]]:
        """The active filters: the names and values of the conditions that are set."""
        return ((name, value) for name in self.__struct_fields__ if (value := getattr(self, name)) is not None)

    def active_names(self) -> frozenset[str]:
        """The names of the active filters; the SQL depends on them."""
        return frozenset(name for name, _ in self.active())

    def parameters(self) -> dict[str, Any]:
        """The values that the active filters bind, by parameter. Texts are compared as columns store them."""
        bound: dict[str, Any] = {}
        for name, value in self.active():
            if isinstance(value, Period):
                bound[f"{name}_since"], bound[f"{name}_before"] = value.ends
            elif isinstance(value, tuple):
                bound[name] = msgspec.json.encode(distinct(map(storable, value))).decode()
            else:
                bound[name] = storable(value) if isinstance(value, str) else value
        return bound


def equal(column: str) -> str:
    """The condition that ``column`` equals the value."""
    return f"{column} = {{value}}"


def any_of(column: str) -> Statement:
    """The condition that ``column`` is one of the values."""
    return Statement(lambda dialect: f"{column} IN ({dialect.values('{value}')})")


def either(*columns: str) -> str:
    """The condition that one of ``columns`` equals the value."""
    return f"{{value}} IN ({', '.join(columns)})"


PERSONS = Statement(
    lambda dialect: (
        "SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value "
        f"FROM ({dialect.values('{value}')}) AS asked) AS found WHERE value IS NOT NULL"
    )
)
"""The SELECT of the persons with the identifiers in a JSON array. A person is a number that all participants with the
same identifier share; an identifier that no participant has selects none."""


def of_persons(*columns: str) -> Statement:
    """The condition that one of ``columns`` is one of the persons with the identifiers."""
    return Statement(lambda dialect: f"({' OR '.join(f'{column} IN ({PERSONS.text(dialect)})' for column in columns)})")


def within(column: str) -> str:
    """The condition that ``column`` is in the period."""
    return f"({column} >= {{value}}_since AND {column} < {{value}}_before)"


def contains(column: str) -> Statement:
    """The condition that ``column`` contains the text, ignoring the case of ASCII letters."""
    return Statement(lambda dialect: dialect.contains(column, "{value}"))


def distinct(values: Iterable[str] | None) -> tuple[str, ...] | None:
    """The distinct values of a list, sorted, as a filter stores them."""
    return None if values is None else tuple(sorted(set(values)))


def _moved(moment: str, by: timedelta) -> str:
    try:
        return (datetime.fromisoformat(moment) + by).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except OverflowError:
        return END.key if by > timedelta() else START.key
