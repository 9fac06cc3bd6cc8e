"""Shares responses: an event that concerns many subscribers with the same selection is executed and encoded once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, Node, OperationDefinitionNode, Visitor, visit

from resolvers.feed.changes import FeedChange
from store.live.outages import once_available

OUTAGE_SECONDS = 20.0
"""For so long an event waits for a database that can't be reached; then the subscription ends with that error."""
KEPT_SECONDS = 1.0
"""How long a response is kept for slower subscribers. Later ones execute it again; erased content is soon forgotten."""

Respond = Callable[[Any], Awaitable[bytes]]
DataVersion = Callable[[], Awaitable[str]]


class Group:
    """The subscribers whose responses to the same event are the same."""

    def __init__(self, running: set[asyncio.Task[bytes]]) -> None:
        """``running`` gets the tasks that have not ended."""
        self.subscribers, self._running = 0, running
        self._recent: dict[Hashable, tuple[Any, asyncio.Task[bytes]]] = {}

    async def response(self, event: Any, version: DataVersion, respond: Respond) -> bytes:
        """The response to ``event``, by ``respond`` unless another subscriber has asked for it.

        ``version`` reads the archive's data version: after a write the response is another one.
        """
        if self.subscribers == 1:
            return await respond(event)
        key = _key_of(event), await once_available(version, OUTAGE_SECONDS)
        found = self._recent.get(key)
        if found is None:
            # The event is kept with its task, so that no other can have its id.
            found = self._recent[key] = event, asyncio.ensure_future(respond(event))
            self._running.add(found[1])
            found[1].add_done_callback(self._running.discard)
            asyncio.get_running_loop().call_later(KEPT_SECONDS, self._recent.pop, key)
        return await asyncio.shield(found[1])


def _key_of(event: Any) -> Hashable:
    """An event of the feed by its value, since each follower makes its own; another by its identity."""
    return event if isinstance(event, FeedChange) else id(event)


class Groups:
    """The groups of one process."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, Group] = {}
        self._running: set[asyncio.Task[bytes]] = set()

    @contextmanager
    def joined(self, key: Hashable) -> Iterator[Group]:
        """The group with this key, with one more subscriber during the block."""
        group = self._groups.setdefault(key, Group(self._running))
        group.subscribers += 1
        try:
            yield group
        finally:
            group.subscribers -= 1
            if not group.subscribers and self._groups.get(key) is group:
                del self._groups[key]

    async def close(self) -> None:
        """Waits for the responses that are being made, perhaps for nobody any more."""
        await asyncio.gather(*self._running, return_exceptions=True)


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: Any, *_: object) -> None:
        self.names.add(node.name.value)


def variables_in_selection(document: DocumentNode, operation: OperationDefinitionNode) -> frozenset[str]:
    """The variables on which a response depends, once an event is there.

    The arguments of the root field, such as a cursor and a filter, only decide which events a subscriber gets.
    """
    found = _Variables()
    parts: list[Node] = [part for part in document.definitions if isinstance(part, FragmentDefinitionNode)]
    for root in operation.selection_set.selections:
        if isinstance(root, FieldNode):
            parts += [*(root.directives or ()), *([root.selection_set] if root.selection_set else [])]
        else:
            parts.append(root)
    for part in parts:
        visit(part, found)
    return frozenset(found.names)
