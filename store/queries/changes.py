"""Queries of the change feed: what was created, updated, archived and erased, in the order of the commits.

Triggers number each change of a Service, Session, Participant or Interaction in the transaction that makes it
(store/sqlite/migrations/0015_changes.sql). A change has SIDs and a time, and no content: the row is read as it is now.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Any, ClassVar, NamedTuple

import msgspec

from store.engine.sql import Dialect, Statement, json_flag, json_list

COLUMNS = "number, kind, type, sid, service_sid, session_sid, at"
STATE = Statement(
    lambda dialect: f"""
SELECT epoch, dropped, {dialect.greatest("dropped", "coalesce((SELECT max(number) FROM change), 0)")} AS last,
  :after = dropped OR EXISTS (SELECT 1 FROM change WHERE number = :after) AS is_kept
FROM change_feed
""".strip()
)
"""The state of the feed, and whether it still has every change after the number ``:after``, which is one of its own."""
ALL = "SELECT {columns} FROM change WHERE number > :after ORDER BY number LIMIT :limit"
OF_SESSION = """
SELECT {columns} FROM {change}
WHERE session_sid = :session_sid AND number > :after {conditions} ORDER BY number LIMIT :limit
""".strip()
OF_TYPE = """
SELECT * FROM (SELECT {columns} FROM {change}
  WHERE type = '{type}' AND kind = '{kind}' AND number > :after ORDER BY number LIMIT :limit) AS of_type
""".strip()
NONE = f"SELECT {COLUMNS} FROM change WHERE FALSE"
MERGED = "SELECT * FROM (\n{ranges}\n) AS merged ORDER BY number LIMIT :limit"
PAGE = "SELECT {page} FROM ({state}) AS state"
WITH_CURSOR = """
SELECT {columns}, number FROM (
  SELECT epoch || '.' || number AS cursor, {all} FROM ({rows}) AS listed CROSS JOIN change_feed
) AS given ORDER BY number
""".strip()


class ChangeKind(StrEnum):
    """What happened to a row."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    ARCHIVED = "ARCHIVED"
    ERASED = "ERASED"


class ChangedType(StrEnum):
    """The type of the row that changed."""

    SERVICE = "SERVICE"
    SESSION = "SESSION"
    PARTICIPANT = "PARTICIPANT"
    INTERACTION = "INTERACTION"


class Change(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change. ``number`` is its position in the feed; ``session_sid`` is None for a Service."""

    number: int
    kind: ChangeKind
    type: ChangedType
    sid: str
    service_sid: str
    session_sid: str | None
    at: str


class FeedPage(msgspec.Struct, frozen=True, array_like=True):
    """Changes, and the state of the feed in the same snapshot.

    ``epoch`` names the feed that the numbers belong to. ``dropped`` is the number of the last change that is no longer
    kept, ``last`` that of the newest one. ``is_kept`` says whether the feed has every change after the query's
    ``after``: that is the number of a change that it has, or of the last one that it dropped.
    """

    epoch: str
    dropped: int
    last: int
    is_kept: bool
    changes: list[Change]


class FeedRow(msgspec.Struct, frozen=True):
    """The columns of a row of ``FeedQuery.rows_sql``."""

    embedded: ClassVar[dict[str, tuple[str, ...]]] = {}

    cursor: str
    kind: ChangeKind
    type: ChangedType
    sid: str
    service_sid: str
    session_sid: str | None
    at: str


class FeedQuery(NamedTuple):
    """The first ``limit`` changes after the number ``after``, of the given types, kinds and session; its keys are None.

    Empty ``types`` or ``kinds`` match nothing; None doesn't filter.
    """

    after: int
    limit: int
    types: frozenset[ChangedType] | None = None
    kinds: frozenset[ChangeKind] | None = None
    session_sid: str | None = None

    @property
    def sql(self) -> Statement:
        """See PAGE."""
        return _page(self.types, self.kinds, self.session_sid is not None)

    @property
    def state_sql(self) -> Statement:
        """See STATE."""
        return STATE

    def rows_sql(self, columns: str, dialect: Dialect) -> str:
        """The SELECT of ``columns`` of FeedRow, and then of the number, for the page's changes."""
        rows = _rows_sql(dialect, self.types, self.kinds, self.session_sid is not None)
        return WITH_CURSOR.format(columns=columns, all=COLUMNS, rows=rows)

    @property
    def may_be_long(self) -> bool:
        """No: an index has the changes of each type and kind, and of each session, in their order."""
        return False

    @property
    def is_versioned(self) -> bool:
        """Yes."""
        return True

    def parameters(self, keys: Sequence[None]) -> dict[str, Any]:
        """What the statement binds."""
        bound: dict[str, Any] = {"after": self.after, "limit": self.limit}
        if self.session_sid is not None:
            bound["session_sid"] = self.session_sid
        return bound

    def answer(self, payload: bytes, keys: Sequence[None]) -> list[FeedPage]:
        """The page, for each key."""
        return [PAGE_DECODER.decode(payload)] * len(keys)


PAGE_DECODER = msgspec.json.Decoder(FeedPage)


def _rows_sql(
    dialect: Dialect, types: frozenset[ChangedType] | None, kinds: frozenset[ChangeKind] | None, of_session: bool
) -> str:
    if frozenset() in (types, kinds):
        return NONE
    if of_session:
        conditions = " ".join(_one_of("type", types) + _one_of("kind", kinds))
        change = dialect.by_index("change", "change_by_session")
        return OF_SESSION.format(columns=COLUMNS, change=change, conditions=conditions)
    if types is None and kinds is None:
        return ALL.format(columns=COLUMNS)
    pairs = product(sorted(ChangedType if types is None else types), sorted(ChangeKind if kinds is None else kinds))
    change = dialect.by_index("change", "change_by_type")
    ranges = [OF_TYPE.format(columns=COLUMNS, change=change, type=type_, kind=kind) for type_, kind in pairs]
    return MERGED.format(ranges="\nUNION ALL\n".join(ranges))


@lru_cache(256)
def _page(types: frozenset[ChangedType] | None, kinds: frozenset[ChangeKind] | None, of_session: bool) -> Statement:
    def page(dialect: Dialect) -> str:
        row = dialect.json_array(*COLUMNS.split(", "))
        rows = f"(SELECT {json_list(dialect, row)} FROM ({_rows_sql(dialect, types, kinds, of_session)}) AS listed)"
        members = [*map(dialect.json_value, ("epoch", "dropped", "last")), json_flag("is_kept"), rows]
        written = " || ',' || ".join(members)
        return PAGE.format(page=dialect.as_bytes(f"'[' || {written} || ']'"), state=STATE.text(dialect))

    return Statement(page)


def _one_of(column: str, values: frozenset[StrEnum] | None) -> list[str]:
    listed = ", ".join(f"'{value}'" for value in sorted(values or ()))
    return [] if values is None else [f"AND {column} IN ({listed})"]
