"""Random GraphQL documents for a schema, for tests that compare two ways of executing them.

They depend only on the schema and a seed, so new fields, arguments and inputs appear without a change here. In a whole
document, each response key stands for one field with one set of arguments and one type, so that selections can always
be merged. The number of rows is limited, so that no response gets long.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

from graphql import GraphQLSchema

from document_arguments import Arguments
from document_faults import break_operation
from document_schema import CompositeType, Field, SchemaIndex
from document_text import text_of
from document_values import ConnectionKey, Pool, Values

CURSOR_FIELDS = ("cursor", "startCursor", "endCursor")
KEYS = ("id", "node", "nodes", "sid", "type", "on", "__typename_", "null", "edges", "cursor", "pageInfo", "endCursor")
"""Aliases; parents are names of the schema's fields."""
WRONG_SHARE, INVALID_SHARE = 0.15, 0.03


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits: depth, selections of a selection set (``width``) and of a document, and rows of a response."""

    depth: int = 8
    width: int = 6
    selections: int = 60
    rows: int = 200


@dataclass(frozen=True, slots=True)
class Document:
    """A request. ``valid``: it parses and validates. ``wrong``: some of its values may cause errors on purpose."""

    text: str
    operation_name: str | None
    variables: dict[str, Any]
    valid: bool
    wrong: bool
    names: dict[str, str]
    connections: dict[tuple[str, ...], ConnectionKey]


class Documents:
    """An endless iterator of documents; the same seed, schema, pool and responses give the same documents."""

    def __init__(self, seed: int, schema: GraphQLSchema, pool: Pool, budget: Budget | None = None) -> None:
        self._random = Random(seed)
        self._index = SchemaIndex(schema)
        self._pool = pool
        self._values = Values(pool, self._random)
        self._budget = budget or Budget()

    def __iter__(self) -> Iterator[Document]:
        while True:
            yield _DocumentBuilder(self._random, self._index, self._values, self._budget).build()

    def learn(self, document: Document, response: dict[str, Any]) -> None:
        """Adds the cursors in the response to ``document`` to the pool, for later documents."""
        for path, connection in document.connections.items():
            found: Any = response.get("data")
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, dict):
                for cursor in _cursors(found, document.names):
                    self._pool.keep(connection, cursor)


def _cursors(connection: dict[str, Any], names: dict[str, str]) -> Iterator[str]:
    for value in connection.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from (given for key, given in item.items() if names.get(key) in CURSOR_FIELDS and given)


@dataclass(slots=True)
class _Fragment:
    """A complete named fragment: its depth, the rows of each parent that a spread of it reads, and its variables."""

    name: str
    depth: int
    rows_each: float
    used: dict[str, None]


@dataclass(slots=True)
class _Scope:
    """The context of a selection set: the number of parents, the page size, and the path if it has only one."""

    parents: int
    items: int
    depth: int
    parent: str | None
    path: tuple[str, ...] | None


class _DocumentBuilder:
    """Builds one document. ``_out`` has the tokens of the current definition."""

    def __init__(self, random: Random, index: SchemaIndex, values: Values, budget: Budget) -> None:
        self._random, self._index, self._values, self._budget = random, index, values, budget
        self._invalid = random.random() < INVALID_SHARE
        values.wrong = not self._invalid and random.random() < WRONG_SHARE
        self._arguments = Arguments(random, values)
        self._out: list[str] = []
        self._definitions: list[list[str]] = []
        self._fragments: dict[str, list[_Fragment]] = {}
        self._bound: dict[str, tuple[Any, ...]] = {}
        self._aliases: dict[tuple[Any, ...], list[str]] = {}
        self._connections: dict[tuple[str, ...], ConnectionKey] = {}
        self._names = count(1)
        self._rows, self._selections = 0.0, 0

    def build(self) -> Document:
        """The document as text, the operation to run, and the variables."""
        random, pick = self._random.random, self._values.pick
        operations = 2 + int(random() * 2) if random() < 0.12 else 1
        names = [f"{pick(('Q', 'query', 'on', 'fragment', '_'))}{number}" for number in range(operations)]
        anonymous = operations == 1 and random() < 0.5
        for name in names:
            self._operation("" if anonymous else name)
        run: str | None = None if anonymous or (operations == 1 and random() < 0.5) else pick(names)
        if self._values.wants_wrong_value(0.05):
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
            self._connections if operations == 1 else {},
        )

    def _operation(self, name: str) -> None:
        small = self._random.random()
        self._rows, self._selections = float(self._budget.rows), 2 + int(small * small * self._budget.selections)
        self._out, self._arguments.used = [], {}
        self._selection(self._index.root, _Scope(1, 1, self._budget.depth, "", ()))
        body = self._out
        head = ["query", name] if name else ["query"]
        declared = self._arguments.declarations()
        if declared:
            head += ["(", *declared, ")"]
        elif not name and self._random.random() < 0.7:
            head = []
        if self._invalid:
            break_operation(body, self._definitions, self._index.root, self._values)
        self._definitions.append([*self._description(head), *head, *body])

    def _description(self, described: list[str]) -> list[str]:
        return ['"A description."'] if described and self._random.random() < 0.02 else []

    def _selection(self, type_: CompositeType, scope: _Scope) -> None:
        out, random = self._out, self._random.random
        out.append("{")
        start = len(out)
        deep = scope.depth > 0
        wanted = 1 + int(random() * self._budget.width)
        if type_ is self._index.root:
            wanted = min(wanted, 3)
        leaf = int(random() * len(type_.leaf_fields))
        for _ in range(wanted):
            roll = random()
            self._selections -= 1
            deep = deep and self._selections > 0
            if deep and type_.composite_fields and (roll < 0.4 or type_ is self._index.root):
                self._branch(type_, scope)
            elif deep and roll < 0.5:
                self._inline(type_, scope)
            elif deep and roll < 0.6:
                self._spread(type_, scope)
            elif self._selections > -20 or len(out) == start:
                self._field(type_.leaf_fields[leaf % len(type_.leaf_fields)], scope)
                leaf += 1
        if len(out) == start:
            out.append("__typename")
        out.append("}")

    def _branch(self, type_: CompositeType, scope: _Scope) -> None:
        fields = type_.composite_fields
        if type_ is self._index.root:
            if self._random.random() < 0.1:
                return self._inline(type_, scope) if self._random.random() < 0.5 else self._spread(type_, scope)
            if self._random.random() < 0.02:
                fields = self._index.introspection
        field = self._values.pick(fields)
        if (scope.items if field.items > 1 and scope.items > 1 else field.items) * scope.parents <= self._rows:
            self._field(field, scope)
        return None

    def _field(self, field: Field, scope: _Scope) -> None:
        tokens: tuple[str, ...] = ()
        values: dict[str, Any] = {}
        if field.arguments:
            given, values = self._arguments.of(field, scope.parent, int(self._rows / scope.parents))
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
            self._rows -= below.parents
            self._selection(self._index.types[field.of], below)
            if self._rows < below.parents:
                break

    def _below(self, field: Field, key: str, values: dict[str, Any], scope: _Scope) -> _Scope:
        path = None if scope.path is None else (*scope.path, key)
        if field.paged:
            page = [size for size in (values.get("first"), values.get("last")) if isinstance(size, int)]
            connection = self._arguments.connection(field, scope.parent, values)
            if path is not None and connection is not None:
                self._connections[path] = connection
            return _Scope(scope.parents, min(page, default=50), scope.depth - 1, None, path)
        listed = [len(value) for value in values.values() if isinstance(value, list)]
        items = 1 if field.items == 1 else listed[0] if listed else scope.items if scope.items > 1 else field.items
        ids = [value for name, value in values.items() if name in ("id", "sid") and isinstance(value, str)]
        return _Scope(max(1, scope.parents * items), 1, scope.depth - 1, ids[0] if ids else None, path)

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
            for name, arguments in self._random.sample(
                self._index.directives, 2 if self._random.random() < 0.15 else 1
            ):
                self._out += (f"@{name}", *self._arguments.of_directive(arguments))

    def _inline(self, type_: CompositeType, scope: _Scope) -> None:
        condition = self._values.pick(type_.conditions) if self._random.random() < 0.7 else None
        self._out += ("...",) if condition is None else ("...", "on", condition)
        self._directives()
        below = _Scope(scope.parents, scope.items, scope.depth - 1, scope.parent, scope.path)
        self._selection(self._index.types[condition] if condition else type_, below)

    def _spread(self, type_: CompositeType, scope: _Scope) -> None:
        condition = self._values.pick(type_.conditions)
        whole = self._fragments.setdefault(condition, [])
        fitting = [one for one in whole if one.depth < scope.depth and one.rows_each * scope.parents <= self._rows]
        if fitting and (self._random.random() < 0.6 or len(whole) > 3):
            fragment = self._values.pick(fitting)
            self._rows -= fragment.rows_each * scope.parents
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
        root = self._index.types[condition] is self._index.root
        below = _Scope(scope.parents, scope.items, depth, "" if root else None, None)
        self._selection(self._index.types[condition], below)
        self._definitions.append([*self._description(self._out), *self._out])
        fragment = _Fragment(name, depth, (rows - self._rows) / scope.parents, self._arguments.used)
        self._out, self._arguments.used = out, used
        return fragment
