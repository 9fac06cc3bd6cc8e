"""Values for generated documents: ids, cursors, times and texts of the archive, and a share of wrong values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, TypeVar

from document_schema import InputType
from document_text import string

T = TypeVar("T")

CURSORS_KEPT = 40
DEEPEST_INPUT = 3
WRONG_TYPES: tuple[Any, ...] = (
    "text", 1.5, 3.0, 2**31, -(2**31) - 1, 2**53, 1e30, True, [], {}, "", [[1]], {"nowhere": 1}, "NO_SUCH_VALUE", None,
)  # fmt: skip
WRONG_INTEGERS = (0, -1, 101, 2**31 - 1, -(2**31))
WRONG_IDS = (
    "",
    "x",
    "KI",
    "KS" + "g" * 32,
    "ks" + "0" * 32,
    "ZZ" + "0" * 32,
    "KC" + "0" * 33,
    "\x00'\"\\é\u2028",
    "7" * 60,
)
WRONG_CURSORS = ("", "x", "00000000.2026-01-01T00:00:00.000Z.KI" + "0" * 32, "00000000.2026.KI", '"\\', "é" * 50)


class ConnectionKey(NamedTuple):
    """Identifies a connection: its field, its parent's SID ("" at the root), and its arguments except for paging."""

    coordinate: str
    parent: str
    arguments: str


@dataclass(slots=True)
class Pool:
    """The values to choose from.

    ``ids`` are SIDs by the name of their type; ``under`` are those below a parent, by the parent's SID and their type.
    ``words`` are texts and other ids by the name of the argument that they fit; those of "" fit any text. ``cursors``
    come from earlier responses.
    """

    ids: dict[str, list[str]]
    under: dict[tuple[str, str], list[str]]
    words: dict[str, list[str]]
    times: list[str]
    cursors: dict[ConnectionKey, list[str]] = field(default_factory=dict)

    def keep(self, connection: ConnectionKey, cursor: str) -> None:
        """Stores a cursor from a response."""
        kept = self.cursors.setdefault(connection, [])
        if len(kept) < CURSORS_KEPT and cursor not in kept:
            kept.append(cursor)


class Values:
    """Chooses values from a pool. ``wrong`` says whether the current document may have wrong ones."""

    def __init__(self, pool: Pool, random: Random) -> None:
        self.pool = pool
        self.wrong = False
        self._random = random
        self._everyone = [sid for sids in pool.ids.values() for sid in sids] or ["KS" + "0" * 32]
        self._all_words = pool.words.get("") or ["word"]

    def pick(self, choices: Sequence[T]) -> T:
        """One of ``choices``; faster than Random.choice."""
        return choices[int(self._random.random() * len(choices))]

    def wants_wrong_value(self, share: float = 0.3) -> bool:
        """Whether to choose a wrong value now."""
        return self.wrong and self._random.random() < share

    def constant(self, type_: InputType, name: str, of: str, parent: str | None, depth: int = 0) -> Any:
        """A JSON value of this type for the argument ``name`` of a field of the type ``of``."""
        if type_.item:
            if self._random.random() < 0.3:
                return self.constant(type_.item, name, of, parent, depth)
            size = 0 if self.wants_wrong_value(0.1) else 1 + int(self._random.random() * 3)
            return [self.constant(type_.item, name, of, parent, depth) for _ in range(size)]
        if type_.fields:
            chosen = self.chosen(type_, depth)
            return {
                argument.name: self.constant(argument.type, argument.name, of, parent, depth + 1) for argument in chosen
            }
        if type_.enum_values:
            return self.pick(type_.enum_values)
        return self._leaf(type_.name, name, of, parent)

    def chosen(self, type_: InputType, depth: int) -> list[Any]:
        """The fields of an input object to give values for."""
        if type_.one_of:
            return [self.pick(type_.fields)]
        share = 0.35 if depth < DEEPEST_INPUT else 0.0
        return [argument for argument in type_.fields if argument.required or self._random.random() < share]

    def _leaf(self, type_: str, name: str, of: str, parent: str | None) -> Any:
        if type_ == "Int":
            return self.pick(WRONG_INTEGERS) if self.wants_wrong_value() else 1 + int(self._random.random() * 5)
        if type_ == "Boolean":
            return self._random.random() < 0.5
        if type_ == "Float":
            return self.pick((0.0, 1.5, -2.25, 3, 1e10))
        if type_ == "ID":
            return self._id(name, of, parent)
        if type_ == "DateTime":
            return self.pick(self.pool.times)
        if name == "name":
            return self.pick(("Query", "Interaction", "Node", "DateTime", "Nowhere"))
        if name in ("after", "before"):
            return self.pick(WRONG_CURSORS)
        return self.pick(self.pool.words.get(name, self._all_words))

    def _id(self, name: str, of: str, parent: str | None) -> Any:
        if self.wants_wrong_value():
            return self.pick(WRONG_IDS) if self._random.random() < 0.6 else int(self._random.random() * 100)
        stem = name.rstrip("s")
        type_ = of if stem == "sid" else stem.removesuffix("Sid").capitalize()
        candidates = self.pool.words.get(name) or self.pool.ids.get(type_) or self._everyone
        if self._random.random() < 0.06:
            return self.pick(candidates)[:2] + f"{int(self._random.random() * 2**32):032x}"
        below = self.pool.under.get((parent, type_)) if parent else None
        if below and self._random.random() < 0.75:
            return self.pick(below)
        return self.pick(candidates)

    def literal(self, type_: InputType, value: Any) -> list[str]:
        """The tokens of ``value`` as a literal of this type."""
        if value is None:
            return ["null"]
        if type_.item:
            if not isinstance(value, list):
                return self.literal(type_.item, value)
            return ["[", *(token for item in value for token in self.literal(type_.item, item)), "]"]
        if type_.fields:
            inputs = {argument.name: argument.type for argument in type_.fields}
            tokens = ["{"]
            for name, given in value.items():
                tokens += [name, ":", *self.literal(inputs[name], given)]
            return [*tokens, "}"]
        if type_.enum_values:
            return [value]
        return [string(value, self._random) if isinstance(value, str) else json.dumps(value)]
