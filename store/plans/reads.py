"""The Protocols of the reads that compiled plans do: an engine's reads, and the reader of one operation.

A reader returns a row as a sequence of columns: the pieces of its text, in bytes, then the key of each placeholder.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from store.plans.rows import RowsBySid, RowText
from store.plans.subqueries import Subquery
from store.queries.changes import FeedQuery
from store.queries.pages import Count, Page

T = TypeVar("T")

Row: TypeAlias = Sequence[Any]
Rows: TypeAlias = list[Any]


Fingerprints: TypeAlias = Mapping[Any, str]
"""Each connection's fingerprint, by its parent's key; empty if the rows have no cursors."""


class PageArray(NamedTuple):
    """A page as the inside of a JSON array, with row prefixes; if it is ``measured``, the number of its rows.

    ``lengths`` are those of the rows in bytes without the prefixes. Without lengths, each row but the first begins with
    a comma and the row prefix, which occur together nowhere else.
    """

    rows: bytes
    number: int = 0
    lengths: Sequence[int] = ()
    total: int = 0
    """How many children there are, if it was asked."""


class PageRows(NamedTuple):
    """Each parent's page as rows and, if it was asked, how many children the one parent has."""

    pages: list[Rows]
    total: int = 0


class FeedState(NamedTuple):
    """The state of the change feed: see store.queries.changes.FeedPage."""

    epoch: str
    last: int
    is_kept: bool


class PlanReader(Protocol):
    """The reads of one operation: all of them see one state of the archive.

    Each read raises ReadFailed, and OutOfTime at the operation's deadline. A read has one key or more, and
    they are distinct.
    """

    @property
    def statements(self) -> int:
        """The number of statements so far."""
        ...

    @property
    def rows_read(self) -> int:
        """The number of rows that they returned."""
        ...

    @property
    def nests(self) -> bool:
        """Whether a subquery can have subqueries."""
        ...

    @property
    def most_inlined_rows(self) -> int:
        """How many rows one statement should read at most, by estimate, if subqueries are inlined."""
        ...

    @property
    def most_repeated_rows(self) -> int:
        """How many rows one statement should read at most, by estimate, once for each row that refers to them."""
        ...

    async def rows(
        self, wanted: RowsBySid, sids: Sequence[str], subqueries: Sequence[Subquery] = ()
    ) -> list[tuple[str, Row]]:
        """Those of the rows that exist, each with its SID; the row ends with the column ``also``, if there is one.

        If ``subqueries`` fill the placeholders, which only an engine that ``nests`` is asked for, the row has the
        pieces of its whole text instead.
        """
        ...

    async def page_arrays(
        self,
        page: Page[Any],
        row: RowText,
        keys: Sequence[Any],
        fingerprints: Fingerprints,
        subqueries: Sequence[Subquery],
        measured: bool,
        count: Count[Any] | None = None,
    ) -> dict[Any, PageArray]:
        """Each parent's forward page, written by the engine; ``subqueries`` has one for each placeholder of the row.

        If ``measured``, the caller has to know where each row begins. The lengths are given where the row prefix
        doesn't tell that: after a comma, it could also be found in a subquery's rows. An engine that ``nests`` may be
        asked to ``count`` the children too, if there is one parent.
        """
        ...

    async def page_rows(
        self,
        page: Page[Any],
        rows: Sequence[RowText],
        keys: Sequence[Any],
        fingerprints: Fingerprints,
        count: Count[Any] | None = None,
    ) -> PageRows:
        """Each parent's page as rows, in the connection's order: the columns of each of ``rows``, one after another.

        A row ends with the column of the order and the SID. For ``count`` see ``page_arrays``.
        """
        ...

    async def counts(self, count: Count[Any], keys: Sequence[Any]) -> list[int]:
        """How many children each parent has, up to the cap."""
        ...

    async def feed(self, query: FeedQuery, rows: Sequence[RowText]) -> tuple[FeedState, Rows]:
        """The state of the change feed, and a page of it; a row ends with the change's number."""
        ...

    def is_slice_over(self) -> bool:
        """Whether the operation should yield the event loop now."""
        ...

    async def yield_to_loop(self) -> None:
        """Yields the event loop once; raises OutOfTime past the operation's deadline."""
        ...


class PlanReads(Protocol):
    """An engine's reads for compiled plans."""

    @property
    def reads_at_once(self) -> bool:
        """Whether ``row_at_once`` may return rows."""
        ...

    def row_at_once(self, wanted: RowsBySid, sid: str, until: float) -> Rows | None:
        """The one row with this SID, or none, read without waiting; None if that isn't possible. Raises ReadFailed."""
        ...

    async def row(self, wanted: RowsBySid, sid: str, until: float) -> Rows:
        """The one row with this SID, or none: a whole operation. See ``run`` for the errors."""
        ...

    async def run(self, had_several: bool, until: float, work: Callable[[PlanReader], Awaitable[T]]) -> T:
        """Runs an operation: calls ``work`` with a reader, and again with another one if the first can't be used.

        ``had_several`` says whether the operation had several statements the last time. It must end by ``until``, a
        time of perf_counter(). Raises ReadFailed, and OutOfTime after that time.
        """
        ...
