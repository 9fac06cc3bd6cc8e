"""Runs GraphQL operations as streams of responses: one for a query, and one for each event of a subscription."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, TypeVar, cast

import msgspec
import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    GraphQLError,
    OperationDefinitionNode,
    create_source_event_stream,
    get_operation_ast,
)

from gateway.endpoint.documents import checked, coded
from gateway.endpoint.execution import SUBSCRIPTION, outcome_of, raise_unavailable
from gateway.endpoint.operations import Operations
from gateway.endpoint.results import Request
from gateway.http.connection_control import ConnectionControl
from gateway.http.exchange import awaited
from gateway.http.operations import Operation
from gateway.limits.budget import within_budget
from gateway.limits.cost import Cost, demand_cost
from gateway.limits.limits import LimitExceeded
from gateway.limits.list_lengths import lengths
from gateway.subscriptions.event_query import EventQuery, event_query
from gateway.subscriptions.limit import SubscriptionLimit
from gateway.subscriptions.shared import OUTAGE_SECONDS, SubscriberGroups, variables_in_selection
from resolvers.access import Access
from resolvers.errors import UNAVAILABLE, formatted, masked
from schema.build import EXECUTABLE
from schema.withheld import withheld
from store.errors import Unavailable
from store.live.outages import once_available

T = TypeVar("T")


class RequestErrors(Exception):
    """The request was refused before its execution began; ``errors`` are as clients see them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.errors = errors


class _Prepared(NamedTuple):
    """A subscription that is valid and within the limits."""

    request: Request
    document: DocumentNode
    operation: OperationDefinitionNode
    access: Access
    cost: int
    hidden: list[str]
    event_query: EventQuery | None

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None


class Responses:
    """The streams of responses of one server."""

    def __init__(self, operations: Operations, limit: SubscriptionLimit) -> None:
        self._operations, self._limit = operations, limit
        self._groups = SubscriberGroups(operations.data_version)
        self._unstoppable: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def opened(
        self, request: Request, access: Access, caller: str, log: list[Operation], connection: ConnectionControl
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Starts the operation; its encoded responses can be iterated inside the block.

        At the end, ``log`` gets what the access log says of the operation. The row of an event is read once the
        connection can take the response: one that waited for the client could have what was erased meanwhile. Raises
        RequestErrors, or HttpError 503 if too many operations run already.
        """
        if self._operations.kind_of(request) != SUBSCRIPTION:
            result, operation = await self._finished(self._operations.run(request, access, caller, awaited))
            log.append(operation)
            if result.request_error:
                raise RequestErrors(result.response["errors"])
            yield _one(result.encoded())
            return
        begun, outcome, failures = time.perf_counter(), "request_error", list[str]()
        prepared = None
        try:
            with self._limit.place(caller):
                prepared = await self._prepare(request, access)
                source = await self._source(prepared)
                outcome = "ok"
                async with aclosing(self._responses(prepared, source, failures, connection)) as responses:
                    yield responses
        finally:
            name, cost = (prepared.name, prepared.cost) if prepared else (None, None)
            seconds = time.perf_counter() - begun
            log.append(Operation(SUBSCRIPTION, name, "errors" if failures else outcome, cost, seconds, 0, 0, False))

    async def close(self) -> None:
        """Waits for the mutations and the responses whose clients have gone."""
        await self._groups.close()
        await asyncio.gather(*self._unstoppable, return_exceptions=True)

    async def _finished(self, running: Awaitable[T]) -> T:
        """Awaits what must not be cancelled when the client disconnects: it could be a mutation."""
        task = asyncio.ensure_future(running)
        self._unstoppable.add(task)
        task.add_done_callback(self._unstoppable.discard)
        return await asyncio.shield(task)

    async def _prepare(self, request: Request, access: Access) -> _Prepared:
        limits, context = self._operations.limits, self._operations.context(access)
        document, errors, scoped, costs, _ = checked(request.query, limits.document, context.introspection)
        operation = get_operation_ast(document, request.operation_name) if document else None
        if document is None or operation is None:  # The caller has seen that it is a subscription.
            raise RequestErrors(errors)
        cost = costs.get(id(operation)) or costs.setdefault(id(operation), Cost(EXECUTABLE, document, operation))
        try:
            sizes = {**(request.variables or {}), **await lengths(cost, context)}
            estimate = demand_cost(cost, sizes, limits.max_cost, limits.max_page_size)
        except LimitExceeded as error:
            raise RequestErrors([formatted(error)]) from error
        finally:
            await context.end()
        hidden = withheld(access, scoped[operation.name.value if operation.name else None])
        by_plan = event_query(document, operation, request.variables or {})
        return _Prepared(request, document, operation, access, estimate, hidden, by_plan)

    async def _source(self, prepared: _Prepared) -> AsyncGenerator[Any, None]:
        executor = self._executor(prepared, None)
        if isinstance(executor, list):
            raise RequestErrors([coded(error, "BAD_USER_INPUT") for error in executor])
        source = create_source_event_stream(executor)
        if executor.is_awaitable(source):
            source = await cast("Awaitable[AsyncIterable[Any] | ExecutionResult]", source)
        if isinstance(source, ExecutionResult):
            raise RequestErrors([formatted(error) for error in source.errors or ()])
        return cast("AsyncGenerator[Any, None]", source)

    async def _responses(
        self, prepared: _Prepared, source: AsyncGenerator[Any, None], failures: list[str], connection: ConnectionControl
    ) -> AsyncGenerator[bytes, None]:
        """The responses to the source's events. Where the source fails, the last response has the error."""

        async def respond(event: Any) -> bytes:
            return await once_available(partial(self._read, prepared, event), OUTAGE_SECONDS)

        at_once = partial(self._read_at_once, prepared)
        try:
            with self._groups.joined(_group_of(prepared)) as group:
                async with aclosing(source) as events:
                    async for event in events:
                        response = None
                        while response is None or connection.is_paused:
                            if connection.is_paused:
                                await connection.drained()
                            response = await group.response(event, at_once, respond)
                        yield response
        except GraphQLError as error:
            shown = formatted(error)
        except Unavailable:
            shown = UNAVAILABLE
        except Exception as error:
            message = masked(error, "a subscription")
            shown = {"message": message, "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
        else:
            return
        failures.append(shown["extensions"]["code"])
        yield orjson.dumps({"errors": [shown]})

    def _read_at_once(self, prepared: _Prepared, event: Any) -> bytes | None:
        by_plan = prepared.event_query
        if by_plan is None:
            return None
        answer = self._operations.planned_at_once(by_plan.request(event), prepared.access)
        return by_plan.response(event, answer, prepared.hidden) if answer else None

    async def _read(self, prepared: _Prepared, event: Any) -> bytes:
        return await self._planned(prepared, event) or await self._response(prepared, event)

    async def _planned(self, prepared: _Prepared, event: Any) -> bytes | None:
        by_plan = prepared.event_query
        if by_plan is None:
            return None
        answer = await self._operations.planned(by_plan.request(event), prepared.access)
        return by_plan.response(event, answer, prepared.hidden) if answer else None

    async def _response(self, prepared: _Prepared, event: Any) -> bytes:
        limits = self._operations.limits
        async with self._operations.slots.slot() as slot:
            executor = cast("Executor[Any]", self._executor(prepared, event))  # It was valid when it began.
            context = executor.context_value
            context.reader.while_searching = slot.released
            try:
                outcome = await within_budget(lambda: outcome_of(executor), context, limits, is_query=True)
            except LimitExceeded as error:
                return orjson.dumps({"errors": [formatted(error)]})
            finally:
                await context.end()
                context.loaders.forget()
        raise_unavailable(outcome, "query")
        response: dict[str, Any] = {"data": outcome.data}
        if outcome.errors:
            response = {"errors": [formatted(error) for error in outcome.errors], **response}
        if prepared.hidden:
            response["extensions"] = {"withheld": prepared.hidden}
        return orjson.dumps(response)

    def _executor(self, prepared: _Prepared, event: Any) -> Executor[Any] | list[GraphQLError]:
        context = self._operations.context(prepared.access)
        return Executor.build(
            EXECUTABLE,
            prepared.document,
            root_value=event,
            context_value=context,
            raw_variable_values=prepared.request.variables or {},
            operation_name=prepared.request.operation_name,
            hide_suggestions=not context.introspection,
        )


async def _one(response: bytes) -> AsyncIterator[bytes]:
    yield response


def _group_of(prepared: _Prepared) -> tuple[object, ...]:
    """What the response to an event depends on, beside the event."""
    request, names = prepared.request, variables_in_selection(prepared.document, prepared.operation)
    used = {name: value for name, value in (request.variables or {}).items() if name in names}
    return request.query, request.operation_name, msgspec.json.encode(used, order="sorted"), prepared.access.scopes
