"""Orders: how a list is sorted (the SID is always the last key), and positions in an order."""

from typing import NamedTuple

from store.columns import Record
from store.engine.sql import Dialect

NEVER = "0000-00-00T00:00:00.000Z"
"""The sort key of a null date: before every date, so first when ascending and last when descending."""


class Position(NamedTuple):
    """The position of a row, even if it was deleted since: its sort key, of fixed width, and its SID."""

    key: str
    sid: str


START, END = Position("", ""), Position("~", "~")
"""The positions before and after all rows, in any order."""


class Order(NamedTuple):
    """By the date ``column``, then by the SID in the same direction."""

    column: str
    descending: bool = False
    nullable: bool = False

    def key_in(self, dialect: Dialect) -> str:
        """The sort key, as SQL of ``dialect``."""
        return dialect.if_null(self.column, f"'{NEVER}'") if self.nullable else self.column

    def position(self, record: Record) -> Position:
        """The position of ``record``."""
        return Position(getattr(record, self.column) or NEVER, record.sid)


BY_DATE_CREATED = Order("date_created")
