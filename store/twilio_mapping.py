"""Maps a JSON body of Twilio's REST API to a record; every write of Twilio's data uses this mapping.

Twilio guarantees no property (its OpenAPI document has no ``required`` list), but the archive does: the SID and the
parents' SIDs are required, dates and type have fallbacks, and everything else may be null. An enum value that Twilio
doesn't document is stored as ``unknown``. Values that a column can't hold, and unknown properties, are stored as JSON
in ``extra``. Neither engine can hold a lone surrogate, and only SQLite a NUL: both become U+FFFD.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from store.columns import INT32, Column, ColumnType, Record, columns, storable
from store.errors import BodyRejected
from store.interactions import Interaction, contents

R = TypeVar("R", bound=Record)

LEFT_OUT = frozenset({"links"})
"""REST properties that are not stored: ``links`` only has paths, which GraphQL's fields replace."""

UNKNOWN = "unknown"
EPOCH = "1970-01-01T00:00:00.000Z"

log = logging.getLogger("proxygraph.store")
unknown_values: Counter[tuple[str, str]] = Counter()
"""How often an undocumented enum value was received, by column and value; each is logged once."""


class Layout(NamedTuple):
    """The columns that come from the body, the known properties, and the record's fields."""

    columns: tuple[Column, ...]
    known: frozenset[str]
    fields: tuple[str, ...]


@lru_cache
def _layout(record_type: type[Record]) -> Layout:
    read = tuple(
        column for column in columns(record_type) if column.column_type is not ColumnType.OWN and column.name != "extra"
    )
    return Layout(read, frozenset(column.name for column in read) | LEFT_OUT, record_type.__struct_fields__)


def record(record_type: type[R], body: Mapping[str, Any], **parents: str) -> R:
    """``body`` as a record; ``parents`` are the SIDs in the path of its resource, such as ``service_sid=…``.

    The body may omit the parents, but not contradict them. Raises BodyRejected if it does, or if a SID is missing.
    """
    _check_parents(record_type, body, parents)
    layout = _layout(record_type)
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for column in layout.columns:
        name = column.name
        given = body.get(name)
        if given is None or (given == "" and name in parents):
            given = parents.get(name)
        if given is None:
            if column.column_type is ColumnType.SID:
                raise BodyRejected(f"Each {record_type.noun} needs its {name}, but the body has {given!r}.")
            values[name] = None
            continue
        values[name], is_whole = value_of(column, given)
        if not is_whole:
            extra[name] = given
            if column.column_type is ColumnType.SID:
                raise BodyRejected(f"Each {record_type.noun} needs its {name}, but the body has {given!r}.")
    if not body.keys() <= layout.known:
        extra |= {name: body[name] for name in body if name not in layout.known and body[name] is not None}
    _fill_dates(values)
    if record_type is Interaction:
        values["type"] = values["type"] or UNKNOWN
        text, values["duration_seconds"] = contents(values["data"])
        values["body"] = None if text is None else storable(text)
    values["extra"] = extra_text(extra)
    row: list[Any] = [values.get(name) for name in layout.fields]
    return record_type(*row)


def value_of(column: Column, given: Any) -> tuple[str | int | None, bool]:
    """A property's value as ``column`` stores it, and whether it is complete; if not, ``extra`` keeps the original."""
    value = _READ[column.column_type](column, given)
    return value, not (value is None or (value == UNKNOWN and _folded(given) != UNKNOWN))


def extra_text(extra: Mapping[str, Any]) -> str | None:
    """These properties as the column ``extra`` stores them."""
    return storable(msgspec.json.encode(extra).decode()) if extra else None


def _check_parents(record_type: type[Record], body: Mapping[str, Any], parents: Mapping[str, str]) -> None:
    for name, expected in parents.items():
        said = body.get(name)
        if isinstance(said, str) and said and said.lower() != expected.lower():
            raise BodyRejected(
                f"Expected a {record_type.noun} with the {name} {expected}, but its body gives {said!r:.60}."
            )


def from_extra(text: str, new: Iterable[Column]) -> tuple[dict[str, str | int], str | None]:
    """The values of ``new`` columns that a row's ``extra`` has, as a sync would have read them, and what is left of it.

    A value that the column can't hold stays in ``extra``.
    """
    extra = msgspec.json.decode(text)
    values: dict[str, str | int] = {}
    for column in new:
        value, is_whole = value_of(column, extra[column.name]) if column.name in extra else (None, False)
        if value is not None:
            values[column.name] = value
        if is_whole:
            del extra[column.name]
    return values, extra_text(extra)


def instant(text: str) -> str:
    """An ISO 8601 time as UTC with milliseconds and fixed width, so that text order is time order.

    A time without an offset is UTC, as Twilio's are. Raises ValueError if ``text`` is not a time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def now() -> str:
    """The current time, as the archive writes times."""
    return ago(timedelta())


def ago(period: timedelta) -> str:
    """The time that was so long ago, as the archive writes times."""
    return instant((datetime.now(UTC) - period).isoformat())


def _sid(_: Column, given: Any) -> str | None:
    return storable(given) if isinstance(given, str) and given else None


def _text(_: Column, given: Any) -> str | None:
    return storable(given if isinstance(given, str) else msgspec.json.encode(given).decode())


def _integer(_: Column, given: Any) -> int | None:
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 11:
        given = int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) and given in INT32 else None


def _instant(_: Column, given: Any) -> str | None:
    if not isinstance(given, str):
        return None
    try:
        return instant(given)
    except (ValueError, OverflowError):
        return None


def _enum_value(column: Column, given: Any) -> str | None:
    word = _folded(given)
    if column.enum is None or word in _values(column.enum):
        return word
    _note_unknown(column.name, word)
    return UNKNOWN


def _folded(word: Any) -> str:
    # Twilio's own sources differ in case: "Voice" in a webhook is "voice" in the API.
    return str(word).lower()


@lru_cache
def _values(enum: type[StrEnum]) -> frozenset[str]:
    return frozenset(enum)


def _note_unknown(column: str, word: str) -> None:
    seen = (column, word[:64])
    if seen not in unknown_values:
        log.warning("Twilio sent %s with the undocumented value %r; it is shown as UNKNOWN.", *seen)
    unknown_values[seen] += 1


def _fill_dates(values: dict[str, Any]) -> None:
    created, updated = values["date_created"], values["date_updated"]
    values["date_created"] = created or updated or EPOCH
    values["date_updated"] = updated or created or EPOCH


_READ = {
    ColumnType.SID: _sid,
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: _integer,
    ColumnType.INSTANT: _instant,
    ColumnType.ENUM: _enum_value,
}
