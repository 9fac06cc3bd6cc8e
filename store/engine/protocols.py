"""What an engine provides: the Protocols of an open archive. Nothing above the store knows which engine it is.

SQLite's are in store/sqlite, PostgreSQL's in store/postgresql; store/archive.py opens either.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from store.columns import Record
from store.engine.database import Database
from store.engine.query import Query
from store.engine.sql import Dialect, Sql
from store.errors import OutOfBudget

if TYPE_CHECKING:
    from store.plans.reads import PlanReads

K = TypeVar("K")
V = TypeVar("V")

Parameters: TypeAlias = Sequence[Any] | dict[str, Any]
"""What a statement binds, by name."""


class Written(NamedTuple):
    """How many of the records were new, changed or unchanged."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


class ReadStatement(NamedTuple):
    """A statement that ran: its SQL, and its number of keys."""

    sql: str
    keys: int


class Figure(NamedTuple):
    """One of the engine's own figures, by its metric's name; ``server`` is the host, if there are several."""

    name: str
    value: float
    server: str = ""


class Readable(Protocol):
    """Runs small reads: an Archive, or a database opened for one command."""

    @property
    def dialect(self) -> Dialect:
        """How the engine writes SQL."""
        ...

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> Iterable[Any]:
        """The rows of a statement."""
        ...


class Transaction(Protocol):
    """An open write transaction."""

    @property
    def dialect(self) -> Dialect:
        """How the engine writes SQL."""
        ...

    async def execute(self, sql: Sql, parameters: Parameters = ()) -> int:
        """Runs one statement; returns how many rows it changed."""
        ...

    async def fetch(self, sql: Sql, parameters: Parameters = ()) -> list[Any]:
        """The rows of a small read, which sees what the transaction has written so far."""
        ...

    async def put(self, records: Iterable[Record]) -> Written:
        """Inserts or replaces records, parents before children.

        Those that were deleted stay out; an erased Participant is written without what names the person.
        """
        ...


class Writer(Protocol):
    """Opens transactions, one at a time among all processes."""

    def transaction(self, is_mirrored: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """A transaction that commits at the end of the block, or rolls back if it raises.

        One that ``is_mirrored``, of rows that can be read from Twilio again, doesn't wait for the disk. Raises
        DatabaseLocked if another process writes for too long.
        """
        ...

    async def clean(self, closing: bool = False) -> str | None:
        """Tries once to remove from the disk what was erased. Returns None if that succeeded, else the reason.

        ``closing``: the archive is about to be closed.
        """
        ...

    @property
    def cleans_at_once(self) -> bool:
        """Whether ``clean`` removes what was erased; else ``purge`` does it, which takes longer."""
        ...

    async def purge(self, at_once: bool = False) -> str | None:
        """Moves erasures on to their next stages: purged from the tables, then out of the log. May take minutes.

        Returns None if every erasure has reached the last stage, else the reason. Unless ``at_once``, it may wait for
        more erasures, to do them together.
        """
        ...


class Version(Protocol):
    """The data version of one archive: it changes with every write that can change an answer."""

    async def current(self) -> str:
        """The data version as text, at some moment after the call. It equals an earlier one only if no write in between
        changed an answer.

        Raises Unavailable if the database can't be asked.
        """
        ...


class Commits(Protocol):
    """The commits to one archive by all processes, for any number of waiters."""

    def count(self) -> int:
        """The count now. Read it before you read rows, and then wait for a change of it with ``after``.

        It may also change without a commit, for example when a lost connection was opened again.
        """
        ...

    async def after(self, count: int) -> int:
        """Waits until the count differs from ``count``, and returns it. After ``stop`` it never returns."""
        ...

    async def stop(self) -> None:
        """Stops looking, since the archive is about to be closed. Whoever still waits has to be cancelled."""
        ...


class QueryReader(Protocol):
    """Answers queries, each by one statement for any number of keys."""

    async def read(self, query: Query[K, V], keys: Sequence[K]) -> Sequence[V]:
        """``query``'s answers for ``keys``, in their order.

        Raises OutOfStatements or OutOfTime if the request's budget is used up, SearchTooLong at a search's limit.
        """
        ...


class Reader(QueryReader, Protocol):
    """The reads of one request: at most ``allowed`` statements, until ``deadline``, a time of time.monotonic().

    ``refusal`` is the OutOfBudget that was raised, if any. A search runs inside the context ``while_searching``.
    """

    statements: list[ReadStatement]
    rows: int
    allowed: float
    deadline: float
    refusal: OutOfBudget | None
    while_searching: Callable[[], AbstractAsyncContextManager[None]]

    async def release(self) -> None:
        """Ends the read transaction; later reads see the archive's newest state."""
        ...


class Archive(Readable, Protocol):
    """An open archive, from ``open_archive``."""

    @property
    def database(self) -> Database:
        """Where it is. Its text can be shown: it has no password."""
        ...

    @property
    def created(self) -> bool:
        """Whether it was just created."""
        ...

    @property
    def writer(self) -> Writer:
        """Its writer."""
        ...

    @property
    def version(self) -> Version:
        """Its data version."""
        ...

    @property
    def plan_reads(self) -> "PlanReads":
        """The reads of compiled plans."""
        ...

    def commits(self) -> Commits:
        """A new watch over the commits to it."""
        ...

    def sync_lock(self) -> AbstractAsyncContextManager[None]:
        """Holds the lock by which only one process at a time syncs the archive, until the end of the block.

        Raises SyncAlreadyRunning if another process holds it. If the lock is lost meanwhile, the block is cancelled,
        and ends with SyncSuperseded.
        """
        ...

    def reader(self) -> Reader:
        """A reader for separate reads: each sees the archive's newest state."""
        ...

    def operation_reader(self) -> Reader:
        """A reader for one operation, which reads in one transaction until ``release``."""
        ...

    async def data_version(self) -> int:
        """The data version, a number that changes with every write that can change an answer."""
        ...

    async def caution(self) -> str | None:
        """A sentence on what the engine could lose as it is configured; None if that is nothing."""
        ...

    async def hindrances(self) -> list[str]:
        """A sentence for each thing in the engine's configuration that makes erasures late or incomplete."""
        ...

    def log_bytes(self) -> int:
        """The size of the log that isn't checkpointed yet; 0 if the engine checkpoints by itself."""
        ...

    def figures(self) -> Iterable[Figure]:
        """What /metrics shows of the engine at this moment."""
        ...
