"""Lanes: connections for reading whose statements have deadlines.

A statement that runs past its deadline is interrupted inside SQLite, by the progress handler of the connection that it
runs on; so is one that nobody awaits any more. A connection of sqlite3 without a thread does the same with a Deadline:
``connection.set_progress_handler(deadline.is_over, STEPS_BETWEEN_LOOKS)``, and ``at`` set before each statement.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import aiosqlite

from store.errors import OutOfTime
from store.sqlite.connections import READ_PRAGMAS, READING, reading

STEPS_BETWEEN_LOOKS = 50_000
"""Virtual machine steps from one look at the clock to the next: a millisecond or two."""
LANES_KEPT = 4
"""So many stay open when no operation needs them."""


class Deadline:
    """When a statement has to be done, by time.monotonic(); asked by SQLite as it goes along."""

    __slots__ = ("at",)

    def __init__(self, at: float = math.inf) -> None:
        self.at = at

    def is_over(self) -> bool:
        """Whether SQLite is to stop."""
        return time.monotonic() > self.at


class Lane(aiosqlite.Connection):
    """A connection whose statements have deadlines. They run one after another, in its thread.

    With ``one_state`` they all see the state that the first of them saw, until a rollback.
    """

    def __init__(self, path: str, one_state: bool) -> None:
        super().__init__(lambda: sqlite3.connect(reading(path), **READING), iter_chunk_size=64)
        self._one_state = one_state
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
            if self._one_state and not self._conn.in_transaction:
                self._conn.execute("BEGIN")
            return self._conn.execute(sql, parameters).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_INTERRUPT":
                raise OutOfTime from error
            raise

    async def let_go(self) -> None:
        """Ends what it saw; the next statement sees the archive as it is then."""
        await self._execute(self._rolled_back)  # type: ignore[no-untyped-call]

    def _rolled_back(self) -> None:
        self._deadline = Deadline()  # SQLite looks during ROLLBACK too.
        self._conn.rollback()

    def is_over(self) -> bool:
        """Whether the statement that runs now is to stop."""
        return self._deadline.is_over()


async def open_lane(path: str, one_state: bool = False) -> Lane:
    """A lane to the database at ``path``."""
    lane = Lane(path, one_state)
    await lane
    try:
        await lane.executescript(READ_PRAGMAS)
        await lane.set_progress_handler(lane.is_over, STEPS_BETWEEN_LOOKS)
    except BaseException:  # Cancelled too: its thread would keep the process from ending.
        lane.stop()
        raise
    return lane


class Lanes:
    """Lanes for operations, one each, so that all that an operation reads is of one state of the archive."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._free: list[Lane] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def take(self) -> Lane:
        """A lane to be given back; it is opened, where none is free, and kept where nobody awaits it any more."""
        if self._free:
            return self._free.pop()
        opening = asyncio.create_task(open_lane(self._path, one_state=True))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._in_background(self._keep(opening))
            raise

    async def give_back(self, lane: Lane) -> None:
        """Lets go of the state that it saw; that is done to its end, even for who is cancelled meanwhile."""
        await asyncio.shield(self._in_background(self._let_go(lane)))

    async def close(self) -> None:
        """Closes all that were given back."""
        await asyncio.gather(*self._ending)
        while self._free:
            await self._free.pop().close()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    async def _keep(self, opening: "asyncio.Task[Lane]") -> None:
        await self._let_go(await opening)

    async def _let_go(self, lane: Lane) -> None:
        await lane.let_go()
        if len(self._free) < LANES_KEPT:
            self._free.append(lane)
        else:
            await lane.close()
