"""Shares responses: an event that concerns many subscribers with the same selection is executed and encoded once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from graphql import DocumentNode, FieldNode, FragmentDefinitionNode, Node, OperationDefinitionNode, Visitor, visit

from resolvers.feed.changes import FeedChange
from store.live.outages import once_available

OUTAGE_SECONDS = 20.0
"""For so long an event waits for a database that can't be reached; then the subscription ends with that error."""
KEPT_SECONDS = 1.0
"""How long a response is kept for slower subscribers. Later ones execute it again; erased content is soon forgotten."""

Respond = Callable[[Any], Coroutine[Any, Any, bytes]]
RespondAtOnce = Callable[[Any], bytes | None]
DataVersion = Callable[[], Awaitable[str]]


class EventVersion:
    """The archive's data version, which tells responses apart: after a write the response to an event is another one.

    It is read at most once in each turn of the event loop, for all subscribers.
    """

    def __init__(self, read: DataVersion) -> None:
        self._read = read
        self.known: str | None = None
        """The version, if it has been read in this turn."""

    async def read(self) -> str:
        """Reads the version; waits while the database can't be reached."""
        self.known = version = await once_available(self._read, OUTAGE_SECONDS)
        asyncio.get_running_loop().call_soon(self._forget)
        return version

    def _forget(self) -> None:
        self.known = None


class SubscriberGroup:
    """The subscribers whose responses to the same event are the same."""

    def __init__(self, version: EventVersion, running: set[asyncio.Task[bytes]]) -> None:
        """``running`` gets the tasks that have not ended."""
        self.subscribers, self._version, self._running = 0, version, running
        self._recent: dict[Hashable, tuple[Any, bytes | asyncio.Task[bytes]]] = {}

    async def response(self, event: Any, respond_at_once: RespondAtOnce, respond: Respond) -> bytes:
        """The response to ``event``, unless another subscriber has asked for it: at once if possible.

        ``respond_at_once`` returns None if the response has to wait for something; then ``respond`` gives it.
        """
        if self.subscribers == 1:
            return respond_at_once(event) or await respond(event)
        key = _key_of(event), self._version.known or await self._version.read()
        found = self._recent.get(key)
        if found is None:
            # The event is kept with its response, so that no other can have its id.
            found = self._recent[key] = event, respond_at_once(event) or self._begun(respond(event))
            asyncio.get_running_loop().call_later(KEPT_SECONDS, self._recent.pop, key)
        response = found[1]
        return response if isinstance(response, bytes) else await asyncio.shield(response)

    def _begun(self, responding: Coroutine[Any, Any, bytes]) -> asyncio.Task[bytes]:
        task = asyncio.create_task(responding)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _key_of(event: Any) -> Hashable:
    """An event of the feed by its cursor, since each follower makes its own; another by its identity."""
    return event.cursor if isinstance(event, FeedChange) else id(event)


class SubscriberGroups:
    """The groups of one process."""

    def __init__(self, version: DataVersion) -> None:
        """``version`` reads the archive's data version."""
        self._version = EventVersion(version)
        self._groups: dict[Hashable, SubscriberGroup] = {}
        self._running: set[asyncio.Task[bytes]] = set()

    @contextmanager
    def joined(self, key: Hashable) -> Iterator[SubscriberGroup]:
        """The group with this key, with one more subscriber during the block."""
        group = self._groups.setdefault(key, SubscriberGroup(self._version, self._running))
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
