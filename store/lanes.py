"""Lanes: connections for reading whose statements have deadlines.

A statement that runs past its deadline is interrupted inside SQLite, by the progress handler of the connection that it
runs on; so is one that nobody awaits any more. A connection of sqlite3 without a thread does the same with a Deadline:
``connection.set_progress_handler(deadline.is_over, STEPS_BETWEEN_LOOKS)``, and ``at`` set before each statement.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import aiosqlite

from store.errors import OutOfTime
from store.sqlite import READ_PRAGMAS, READING, reading

STEPS_BETWEEN_LOOKS = 50_000
"""Virtual machine steps from one look at the clock to the next: a millisecond or two."""


class Deadline:
    """When a statement has to be done, by time.monotonic(); asked by SQLite as it goes along."""

    __slots__ = ("at",)

    def __init__(self, at: float = math.inf) -> None:
        self.at = at

    def is_over(self) -> bool:
        """Whether SQLite is to stop."""
        return time.monotonic() > self.at


class Lane(aiosqlite.Connection):
    """A connection whose statements have deadlines. They run one after another, in its thread."""

    def __init__(self, path: str) -> None:
        super().__init__(lambda: sqlite3.connect(reading(path), **READING), iter_chunk_size=64)
        self._deadline = Deadline()

    async def fetch(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = (), by: float = math.inf) -> list[Any]:
        """The statement's rows; raises OutOfTime where they are not there ``by`` this time."""
        deadline = Deadline(by)
        try:
            rows: list[Any] = await self._execute(self._fetched, sql, parameters, deadline)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            deadline.at = -math.inf
            raise
        return rows

    def _fetched(self, sql: str, parameters: Sequence[Any] | dict[str, Any], deadline: Deadline) -> list[Any]:
        if deadline.is_over():
            raise OutOfTime
        self._deadline = deadline
        try:
            return self._conn.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_INTERRUPT":
                raise OutOfTime from error
            raise

    def is_over(self) -> bool:
        """Whether the statement that runs now is to stop."""
        return self._deadline.is_over()


async def open_lane(path: str) -> Lane:
    """A lane to the database at ``path``."""
    lane = Lane(path)
    await lane
    await lane.executescript(READ_PRAGMAS)
    await lane.set_progress_handler(lane.is_over, STEPS_BETWEEN_LOOKS)
    return lane
