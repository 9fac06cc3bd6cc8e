"""Orders: what a list is sorted by, always completed by the SID, and a place in such an order."""

from typing import NamedTuple

from store.columns import Record

NEVER = "0000-00-00T00:00:00.000Z"
"""Where a date that is null lies: before every date, so first when ascending and last when descending."""


class Position(NamedTuple):
    """A place in an order: just at a row that is, or was, there. ``key`` is the order's, of fixed width."""

    key: str
    sid: str


START, END = Position("", ""), Position("~", "~")
"""Before and behind every row of any order."""


class Order(NamedTuple):
    """By the date ``column``, then by the SID in the same direction."""

    column: str
    descending: bool = False
    nullable: bool = False

    @property
    def key(self) -> str:
        """What is sorted by, in SQL."""
        return f"ifnull({self.column}, '{NEVER}')" if self.nullable else self.column

    def position(self, record: Record) -> Position:
        """Where ``record`` lies."""
        return Position(getattr(record, self.column) or NEVER, record.sid)


BY_DATE_CREATED = Order("date_created")
