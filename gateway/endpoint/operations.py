"""Runs GraphQL operations within the limits, by compiled plans and otherwise by graphql-core."""

import time
from collections.abc import Callable

import msgspec
from graphql import get_operation_ast

from gateway.endpoint.admission import ExecutionSlots, InFlightLimit
from gateway.endpoint.documents import checked
from gateway.endpoint.execution import executed
from gateway.endpoint.plan_executor import PlanExecutor
from gateway.endpoint.results import Request, Result
from gateway.http.exchange import Wait
from gateway.http.operations import Operation
from gateway.settings.access import AccessSettings
from gateway.settings.server import Limits, ServeSettings
from resolvers.access import Access
from resolvers.context import Context, SyncFailure, no_failure
from resolvers.upstream import Upstream
from store import list_lengths
from store.engine.protocols import Archive
from store.errors import Unavailable
from store.live.updates import LiveUpdates

MEASURED_EVERY = 60.0


class Operations:
    """The operations of one server, over its archive, and over Twilio if deletions are sent there too."""

    def __init__(
        self,
        archive: Archive,
        upstream: Upstream | None,
        access: AccessSettings,
        limits: Limits,
        settings: ServeSettings,
        live: LiveUpdates,
        sync_failure: Callable[[], SyncFailure | None] = no_failure,
    ) -> None:
        self._archive, self._upstream, self.limits, self._live = archive, upstream, limits, live
        self._introspection, self._count_cap = access.shows_schema, settings.count_cap
        self._sync_failure = sync_failure
        self._plans = PlanExecutor(archive, limits, self._introspection, self._count_cap) if settings.plans else None
        self._in_flight, self.slots = InFlightLimit(limits.max_concurrent), ExecutionSlots()
        self._most_participants = 0

    async def measure_lists(self) -> float:
        """Measures the lists without pages, for the estimates of cost; returns the seconds to the next time."""
        self._most_participants = await list_lengths.most_participants(self._archive)
        if self._plans:
            self._plans.most_participants = self._most_participants
        return MEASURED_EVERY

    async def data_version(self) -> str:
        """The archive's data version."""
        return await self._archive.version.current()

    async def version_mark(self) -> str:
        """Text that changes whenever the same request could have another response."""
        return f"{await self._archive.version.current()} {self._count_cap} {self._introspection}"

    def context(self, access: Access) -> Context:
        """A context for one operation of this caller."""
        return Context(
            self._archive,
            self._upstream,
            access,
            self._introspection,
            self._count_cap,
            self.limits.max_page_size,
            self._sync_failure,
            self._most_participants,
            self._live,
        )

    def kind_of(self, request: Request) -> str:
        """The operation's type: query, mutation or subscription; empty if the document isn't valid, or names none."""
        document = checked(request.query, self.limits.document, self._introspection).document
        operation = get_operation_ast(document, request.operation_name) if document else None
        return operation.operation.value if operation else ""

    async def run(self, request: Request, access: Access, caller: str, wait: Wait) -> tuple[Result, Operation]:
        """Runs a query or a mutation; ``wait`` awaits a query.

        A query whose database server fails is run once more, perhaps by another server. Raises Unavailable if that
        fails too, HttpError 503 if too many operations run already.
        """
        begun = time.perf_counter()
        self._in_flight.enter(caller)
        try:
            try:
                result = await self._result(request, access, wait)
            except Unavailable:
                if self.kind_of(request) != "query":
                    raise
                result = await self._result(request, access, wait)
        finally:
            self._in_flight.leave(caller)
        return result, Operation(
            result.operation,
            result.operation_name,
            result.outcome,
            result.cost,
            time.perf_counter() - begun,
            result.statements,
            result.rows,
            result.is_planned,
        )

    async def _result(self, request: Request, access: Access, wait: Wait) -> Result:
        result = await self._plans.execute(request, access, wait) if self._plans else None
        return await self._executed(request, self.context(access), wait) if result is None else result

    async def planned(self, request: Request, access: Access) -> bytes | None:
        """The response to a query by its plan; None if it has none, or if there is more to say than data."""
        result = await self._plans.execute(request, access) if self._plans else None
        return result.body if result else None

    def planned_at_once(self, request: Request, access: Access) -> bytes | None:
        """As ``planned``, for a query that reads one row and need not wait for it; None for any other."""
        result = self._plans.execute_at_once(request, access) if self._plans else None
        return result.body if result else None

    async def _executed(self, request: Request, context: Context, wait: Wait) -> Result:
        async with self.slots.slot(wait) as slot:
            context.reader.while_searching = slot.released
            try:
                result = await executed(request, context, self.limits, wait)
                reader = context.reader
                return msgspec.structs.replace(result, statements=len(reader.statements), rows=reader.rows)
            finally:
                # The executor and the loaders form a reference cycle; this frees their rows without the collector.
                context.loaders.forget()
