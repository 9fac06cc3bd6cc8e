"""Random GraphQL documents over a schema, for tests that compare two ways of answering them.

Everything comes from the schema and a seed: new fields, arguments and inputs appear by themselves. Response keys
are bound once for a whole document, to one field with one set of arguments and one type, so that selections
merge wherever fragments bring them together. Rows are budgeted, so that no answer gets long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from graphql import GraphQLSchema

from document_arguments import Arguments
from document_faults import break_operation
from document_schema import Field, Kind, Walk
from document_text import text_of
from document_values import Place, Pool, Values

CURSOR_FIELDS = ("cursor", "startCursor", "endCursor")
KEYS = ("id", "node", "nodes", "sid", "type", "on", "__typename_", "null", "edges", "cursor", "pageInfo", "endCursor")
"""Aliases, many of them names of ours."""
WRONG_SHARE, INVALID_SHARE = 0.15, 0.03


@dataclass(frozen=True, slots=True)
class Budget:
    """How deep documents nest, how many selections one selection set and a whole document have, how many rows come."""

    depth: int = 8
    width: int = 6
    selections: int = 60
    rows: int = 200


@dataclass(frozen=True, slots=True)
class Document:
    """A request: ``valid`` where it parses and validates, ``wrong`` where some of its values are meant to fail."""

    text: str
    operation_name: str | None
    variables: dict[str, Any]
    valid: bool
    wrong: bool
    names: dict[str, str]
    places: dict[tuple[str, ...], Place]


class Documents:
    """Documents without end: the same ones for the same seed, schema, pool and answers."""

    def __init__(self, seed: int, schema: GraphQLSchema, pool: Pool, budget: Budget | None = None) -> None:
        self._random = Random(seed)
        self._walk = Walk(schema)
        self._pool = pool
        self._values = Values(pool, self._random)
        self._budget = budget or Budget()

    def __iter__(self) -> Iterator[Document]:
        while True:
            yield _Draft(self._random, self._walk, self._values, self._budget).finished()

    def learn(self, document: Document, response: dict[str, Any]) -> None:
        """Takes the cursors out of the response to ``document``, for documents to come."""
        for path, place in document.places.items():
            found: Any = response.get("data")
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, dict):
                for cursor in _cursors(found, document.names):
                    self._pool.keep(place, cursor)


def _cursors(connection: dict[str, Any], names: dict[str, str]) -> Iterator[str]:
    for value in connection.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from (given for key, given in item.items() if names.get(key) in CURSOR_FIELDS and given)


@dataclass(slots=True)
class _Fragment:
    """A named fragment that is whole: what a spread of it costs, and the variables that it uses."""

    name: str
    depth: int
    rows_each: float
    used: dict[str, None]


@dataclass(slots=True)
class _Scope:
    """Where a selection set is: under how many parents, on which page, and at which path, if there is just one."""

    many: int
    items: int
    depth: int
    parent: str | None
    path: tuple[str, ...] | None


class _Draft:
    """One document in the making. ``_out`` takes the tokens of the definition at hand."""

    def __init__(self, random: Random, walk: Walk, values: Values, budget: Budget) -> None:
        self._random, self._walk, self._values, self._budget = random, walk, values, budget
        self._invalid = random.random() < INVALID_SHARE
        values.wrong = not self._invalid and random.random() < WRONG_SHARE
        self._arguments = Arguments(random, values)
        self._out: list[str] = []
        self._definitions: list[list[str]] = []
        self._fragments: dict[str, list[_Fragment]] = {}
        self._bound: dict[str, tuple[Any, ...]] = {}
        self._aliases: dict[tuple[Any, ...], list[str]] = {}
        self._places: dict[tuple[str, ...], Place] = {}
        self._names = count(1)
        self._rows, self._selections = 0.0, 0

    def finished(self) -> Document:
        """The document as text, with the operation to run and the variables."""
        random, pick = self._random.random, self._values.pick
        operations = 2 + int(random() * 2) if random() < 0.12 else 1
        names = [f"{pick(('Q', 'query', 'on', 'fragment', '_'))}{number}" for number in range(operations)]
        anonymous = operations == 1 and random() < 0.5
        for name in names:
            self._operation("" if anonymous else name)
        run: str | None = None if anonymous or (operations == 1 and random() < 0.5) else pick(names)
        if self._values.spoil(0.05):
            run = pick(("Nowhere", names[-1], None))
        definitions = self._definitions
        self._random.shuffle(definitions)
        return Document(
            text_of([token for definition in definitions for token in definition], self._random),
            run,
            self._arguments.given,
            not self._invalid,
            self._values.wrong,
            {key: signature[0] for key, signature in self._bound.items()},
            self._places if operations == 1 else {},
        )

    def _operation(self, name: str) -> None:
        small = self._random.random()
        self._rows, self._selections = float(self._budget.rows), 2 + int(small * small * self._budget.selections)
        self._out, self._arguments.used = [], {}
        self._selection(self._walk.root, _Scope(1, 1, self._budget.depth, "", ()))
        body = self._out
        head = ["query", name] if name else ["query"]
        declared = self._arguments.declarations()
        if declared:
            head += ["(", *declared, ")"]
        elif not name and self._random.random() < 0.7:
            head = []
        if self._invalid:
            break_operation(body, self._definitions, self._walk.root, self._values)
        self._definitions.append([*self._description(head), *head, *body])

    def _description(self, described: list[str]) -> list[str]:
        return ['"What it is for."'] if described and self._random.random() < 0.02 else []

    def _selection(self, kind: Kind, scope: _Scope) -> None:
        out, random = self._out, self._random.random
        out.append("{")
        start = len(out)
        deep = scope.depth > 0
        wanted = 1 + int(random() * self._budget.width)
        if kind is self._walk.root:
            wanted = min(wanted, 3)
        leaf = int(random() * len(kind.leaves))
        for _ in range(wanted):
            roll = random()
            self._selections -= 1
            deep = deep and self._selections > 0
            if deep and kind.branches and (roll < 0.4 or kind is self._walk.root):
                self._branch(kind, scope)
            elif deep and roll < 0.5:
                self._inline(kind, scope)
            elif deep and roll < 0.6:
                self._spread(kind, scope)
            elif self._selections > -20 or len(out) == start:
                self._field(kind.leaves[leaf % len(kind.leaves)], scope)
                leaf += 1
        if len(out) == start:
            out.append("__typename")
        out.append("}")

    def _branch(self, kind: Kind, scope: _Scope) -> None:
        fields = kind.branches
        if kind is self._walk.root:
            if self._random.random() < 0.1:
                return self._inline(kind, scope) if self._random.random() < 0.5 else self._spread(kind, scope)
            if self._random.random() < 0.02:
                fields = self._walk.introspection
        field = self._values.pick(fields)
        if (scope.items if field.items > 1 and scope.items > 1 else field.items) * scope.many <= self._rows:
            self._field(field, scope)
        return None

    def _field(self, field: Field, scope: _Scope) -> None:
        tokens: tuple[str, ...] = ()
        values: dict[str, Any] = {}
        if field.arguments:
            given, values = self._arguments.of(field, scope.parent, int(self._rows / scope.many))
            tokens = tuple(given)
        key = self._key(field, tokens)
        named = (field.name,) if key == field.name else (key, ":", field.name)
        for _ in range(2 if self._random.random() < (0.03 if field.leaf else 0.1) else 1):
            self._out += named
            self._out += tokens
            self._directives()
            if field.leaf:
                continue
            below = self._below(field, key, values, scope)
            self._rows -= below.many
            self._selection(self._walk.kinds[field.of], below)
            if self._rows < below.many:
                break

    def _below(self, field: Field, key: str, values: dict[str, Any], scope: _Scope) -> _Scope:
        path = None if scope.path is None else (*scope.path, key)
        if field.paged:
            page = [size for size in (values.get("first"), values.get("last")) if isinstance(size, int)]
            place = self._arguments.place(field, scope.parent, values)
            if path is not None and place is not None:
                self._places[path] = place
            return _Scope(scope.many, min(page, default=50), scope.depth - 1, None, path)
        listed = [len(value) for value in values.values() if isinstance(value, list)]
        items = 1 if field.items == 1 else listed[0] if listed else scope.items if scope.items > 1 else field.items
        ids = [value for name, value in values.items() if name in ("id", "sid") and isinstance(value, str)]
        return _Scope(max(1, scope.many * items), 1, scope.depth - 1, ids[0] if ids else None, path)

    def _key(self, field: Field, arguments: tuple[str, ...]) -> str:
        signature = (field.name, arguments, field.type)
        if self._random.random() < 0.93 and self._bound.setdefault(field.name, signature) == signature:
            return field.name
        aliases = self._aliases.setdefault(signature, [])
        if aliases and self._random.random() < 0.6:
            return self._values.pick(aliases)
        key = self._values.pick(KEYS)
        while self._bound.setdefault(key, signature) != signature:
            key = f"a{next(self._names)}"
        aliases.append(key)
        return key

    def _directives(self) -> None:
        if self._random.random() < 0.06:
            for name, slots in self._random.sample(self._walk.directives, 2 if self._random.random() < 0.15 else 1):
                self._out += (f"@{name}", *self._arguments.of_directive(slots))

    def _inline(self, kind: Kind, scope: _Scope) -> None:
        condition = self._values.pick(kind.conditions) if self._random.random() < 0.7 else None
        self._out += ("...",) if condition is None else ("...", "on", condition)
        self._directives()
        below = _Scope(scope.many, scope.items, scope.depth - 1, scope.parent, scope.path)
        self._selection(self._walk.kinds[condition] if condition else kind, below)

    def _spread(self, kind: Kind, scope: _Scope) -> None:
        condition = self._values.pick(kind.conditions)
        whole = self._fragments.setdefault(condition, [])
        fitting = [one for one in whole if one.depth < scope.depth and one.rows_each * scope.many <= self._rows]
        if fitting and (self._random.random() < 0.6 or len(whole) > 3):
            fragment = self._values.pick(fitting)
            self._rows -= fragment.rows_each * scope.many
        else:
            fragment = self._fragment(condition, scope)
            whole.append(fragment)
        for _ in range(2 if self._random.random() < 0.1 else 1):
            self._out += ("...", fragment.name)
            self._directives()
        self._arguments.used.update(fragment.used)

    def _fragment(self, condition: str, scope: _Scope) -> _Fragment:
        name = f"{self._values.pick(('F', condition, 'query', 'true'))}{next(self._names)}"
        out, used, rows, depth = self._out, self._arguments.used, self._rows, scope.depth - 1
        self._out, self._arguments.used = ["fragment", name, "on", condition], {}
        root = self._walk.kinds[condition] is self._walk.root
        below = _Scope(scope.many, scope.items, depth, "" if root else None, None)
        self._selection(self._walk.kinds[condition], below)
        self._definitions.append([*self._description(self._out), *self._out])
        fragment = _Fragment(name, depth, (rows - self._rows) / scope.many, self._arguments.used)
        self._out, self._arguments.used = out, used
        return fragment
