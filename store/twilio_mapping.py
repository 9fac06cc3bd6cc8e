"""Maps a JSON body of Twilio's REST API to a record; every write of Twilio's data uses this mapping.

Twilio guarantees no property (its OpenAPI document has no ``required`` list), so the archive does: a SID and
the parents must be there, dates and type get a fallback, everything else may be null. A word outside Twilio's
lists is kept as ``unknown``. What a column can't hold as it was given, and what we don't know, is JSON in
``extra``.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from store.columns import INT32, Column, ColumnType, Record, columns
from store.errors import BodyRejected
from store.interactions import Interaction, contents

R = TypeVar("R", bound=Record)

LEFT_OUT = frozenset({"links"})
"""REST properties that are not kept: ``links`` only spells out the paths that GraphQL's fields replace."""

UNKNOWN = "unknown"
EPOCH = "1970-01-01T00:00:00.000Z"

log = logging.getLogger("proxygraph.store")
unknown_words: Counter[tuple[str, str]] = Counter()
"""How often a word outside of Twilio's lists was received, by column and word; each is logged once."""


class Layout(NamedTuple):
    """The columns that come from the body, the properties that are known, and the record's fields."""

    columns: tuple[Column, ...]
    known: frozenset[str]
    fields: tuple[str, ...]


@lru_cache
def _layout(kind: type[Record]) -> Layout:
    read = tuple(
        column for column in columns(kind) if column.column_type is not ColumnType.OWN and column.name != "extra"
    )
    return Layout(read, frozenset(column.name for column in read) | LEFT_OUT, kind.__struct_fields__)


def record(kind: type[R], body: Mapping[str, Any], **parents: str) -> R:
    """``body`` as a record of ``kind``, under the ``parents`` (``service_sid=…``) of the path it was found at.

    The body may leave the parents out, but not contradict them. Raises BodyRejected if it contradicts the path, or if a
    SID is missing.
    """
    _demand_agreement(kind, body, parents)
    layout = _layout(kind)
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for column in layout.columns:
        name = column.name
        given = body.get(name)
        if given is None or (given == "" and name in parents):
            given = parents.get(name)
        if given is None:
            if column.column_type is ColumnType.SID:
                raise BodyRejected(f"Each {kind.noun} needs its {name}, but the body gives {given!r}.")
            values[name] = None
            continue
        values[name], is_whole = value_of(column, given)
        if not is_whole:
            extra[name] = given
            if column.column_type is ColumnType.SID:
                raise BodyRejected(f"Each {kind.noun} needs its {name}, but the body gives {given!r}.")
    if not body.keys() <= layout.known:
        extra |= {name: body[name] for name in body if name not in layout.known and body[name] is not None}
    _give_dates(values)
    if kind is Interaction:
        values["type"] = values["type"] or UNKNOWN
        text, values["duration_seconds"] = contents(values["data"])
        values["body"] = None if text is None else storable(text)
    values["extra"] = extra_text(extra)
    row: list[Any] = [values.get(name) for name in layout.fields]
    return kind(*row)


def value_of(column: Column, given: Any) -> tuple[str | int | None, bool]:
    """A property's value as ``column`` stores it, and whether that is all of it; if not, ``extra`` keeps it."""
    value = _READ[column.column_type](column, given)
    return value, not (value is None or (value == UNKNOWN and _folded(given) != UNKNOWN))


def extra_text(extra: Mapping[str, Any]) -> str | None:
    """These properties as the column ``extra`` stores them."""
    return storable(msgspec.json.encode(extra).decode()) if extra else None


def _demand_agreement(kind: type[Record], body: Mapping[str, Any], parents: Mapping[str, str]) -> None:
    for name, expected in parents.items():
        said = body.get(name)
        if isinstance(said, str) and said and said.lower() != expected.lower():
            raise BodyRejected(f"Expected a {kind.noun} with the {name} {expected}, but its body gives {said!r:.60}.")


def instant(text: str) -> str:
    """An ISO 8601 time as UTC with milliseconds and fixed width, so that text order is time order.

    A time without an offset is UTC, as Twilio's are. Raises ValueError where ``text`` is no time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds") + "Z"


def now() -> str:
    """The current time, as the archive writes times."""
    return instant(datetime.now(UTC).isoformat())


def storable(text: str) -> str:
    """``text`` with each lone surrogate, which UTF-8 can't hold, replaced by U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _sid(_: Column, given: Any) -> str | None:
    return given if isinstance(given, str) and given else None


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


def _word(column: Column, given: Any) -> str | None:
    word = _folded(given)
    if column.words is None or word in _words(column.words):
        return word
    _note_unknown(column.name, word)
    return UNKNOWN


def _folded(word: Any) -> str:
    # Twilio's own sources differ in case: "Voice" in a webhook is "voice" in the API.
    return str(word).lower()


@lru_cache
def _words(words: type[StrEnum]) -> frozenset[str]:
    return frozenset(words)


def _note_unknown(column: str, word: str) -> None:
    seen = (column, word[:64])
    if seen not in unknown_words:
        log.warning("Twilio gave %s the value %r, which is not in its lists; it shows as UNKNOWN.", *seen)
    unknown_words[seen] += 1


def _give_dates(values: dict[str, Any]) -> None:
    created, updated = values["date_created"], values["date_updated"]
    values["date_created"] = created or updated or EPOCH
    values["date_updated"] = updated or created or EPOCH


_READ = {
    ColumnType.SID: _sid,
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: _integer,
    ColumnType.INSTANT: _instant,
    ColumnType.WORD: _word,
}
