"""Values for generated documents: the store's own ids, cursors, moments and words, and a share of wrong ones."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, TypeVar

from document_schema import Input
from document_text import string

T = TypeVar("T")

CURSORS_KEPT = 40
DEEPEST_INPUT = 3
WRONG_TYPES: tuple[Any, ...] = (
    "text", 1.5, 3.0, 2**31, -(2**31) - 1, 2**53, 1e30, True, [], {}, "", [[1]], {"nowhere": 1}, "NO_SUCH_WORD", None,
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


class Place(NamedTuple):
    """A connection as its cursors know it: its field, its parent's SID ("" at the root), its other arguments."""

    coordinate: str
    parent: str
    arguments: str


@dataclass(slots=True)
class Pool:
    """What values are taken from.

    ``ids`` are SIDs by the name of their type, ``under`` those that a parent's SID leads to. ``words`` are texts and
    other ids by the name of the argument that they suit; "" suits any text. ``moments`` are times. ``cursors`` fills
    as answers come.
    """

    ids: dict[str, list[str]]
    under: dict[tuple[str, str], list[str]]
    words: dict[str, list[str]]
    moments: list[str]
    cursors: dict[Place, list[str]] = field(default_factory=dict)

    def keep(self, place: Place, cursor: str) -> None:
        """Notes a cursor that an answer gave."""
        kept = self.cursors.setdefault(place, [])
        if len(kept) < CURSORS_KEPT and cursor not in kept:
            kept.append(cursor)


class Values:
    """Values out of a pool. ``wrong`` says whether the document at hand is to have wrong ones too."""

    def __init__(self, pool: Pool, random: Random) -> None:
        self.pool = pool
        self.wrong = False
        self._random = random
        self._everyone = [sid for sids in pool.ids.values() for sid in sids] or ["KS" + "0" * 32]
        self._all_words = pool.words.get("") or ["word"]

    def pick(self, choices: Sequence[T]) -> T:
        """One of ``choices``; quicker than Random's own."""
        return choices[int(self._random.random() * len(choices))]

    def spoil(self, share: float = 0.3) -> bool:
        """Whether a wrong value is due."""
        return self.wrong and self._random.random() < share

    def constant(self, kind: Input, name: str, of: str, parent: str | None, depth: int = 0) -> Any:
        """A JSON value of the type ``kind`` for the argument ``name`` of a field that gives an ``of``."""
        if kind.item:
            if self._random.random() < 0.3:
                return self.constant(kind.item, name, of, parent, depth)
            size = 0 if self.spoil(0.1) else 1 + int(self._random.random() * 3)
            return [self.constant(kind.item, name, of, parent, depth) for _ in range(size)]
        if kind.fields:
            chosen = self.chosen(kind, depth)
            return {slot.name: self.constant(slot.input, slot.name, of, parent, depth + 1) for slot in chosen}
        if kind.words:
            return self.pick(kind.words)
        return self._leaf(kind.name, name, of, parent)

    def chosen(self, kind: Input, depth: int) -> list[Any]:
        """Those of an input object's fields that are given."""
        if kind.one_of:
            return [self.pick(kind.fields)]
        share = 0.35 if depth < DEEPEST_INPUT else 0.0
        return [slot for slot in kind.fields if slot.required or self._random.random() < share]

    def _leaf(self, kind: str, name: str, of: str, parent: str | None) -> Any:
        if kind == "Int":
            return self.pick(WRONG_INTEGERS) if self.spoil() else 1 + int(self._random.random() * 5)
        if kind == "Boolean":
            return self._random.random() < 0.5
        if kind == "Float":
            return self.pick((0.0, 1.5, -2.25, 3, 1e10))
        if kind == "ID":
            return self._id(name, of, parent)
        if kind == "DateTime":
            return self.pick(self.pool.moments)
        if name == "name":
            return self.pick(("Query", "Interaction", "Node", "DateTime", "Nowhere"))
        if name in ("after", "before"):
            return self.pick(WRONG_CURSORS)
        return self.pick(self.pool.words.get(name, self._all_words))

    def _id(self, name: str, of: str, parent: str | None) -> Any:
        if self.spoil():
            return self.pick(WRONG_IDS) if self._random.random() < 0.6 else int(self._random.random() * 100)
        stem = name.rstrip("s")
        kind = of if stem == "sid" else stem.removesuffix("Sid").capitalize()
        those = self.pool.words.get(name) or self.pool.ids.get(kind) or self._everyone
        if self._random.random() < 0.06:
            return self.pick(those)[:2] + f"{int(self._random.random() * 2**32):032x}"
        below = self.pool.under.get((parent, kind)) if parent else None
        if below and self._random.random() < 0.75:
            return self.pick(below)
        return self.pick(those)

    def literal(self, kind: Input, value: Any) -> list[str]:
        """The tokens of ``value`` as a literal of the type ``kind``."""
        if value is None:
            return ["null"]
        if kind.item:
            if not isinstance(value, list):
                return self.literal(kind.item, value)
            return ["[", *(token for item in value for token in self.literal(kind.item, item)), "]"]
        if kind.fields:
            inputs = {slot.name: slot.input for slot in kind.fields}
            tokens = ["{"]
            for name, given in value.items():
                tokens += [name, ":", *self.literal(inputs[name], given)]
            return [*tokens, "}"]
        if kind.words:
            return [value]
        return [string(value, self._random) if isinstance(value, str) else json.dumps(value)]
