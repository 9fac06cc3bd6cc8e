"""Executes GraphQL operations by their compiled plans."""

import time
from typing import Any, NamedTuple

import orjson

from gateway.endpoint.documents import checked
from gateway.endpoint.plan_cache import PlanCache, PlannedOperation
from gateway.endpoint.results import CostMode, Request, Result
from gateway.http.exchange import Wait, awaited
from gateway.limits.budget import too_long
from gateway.limits.cost import PARTICIPANTS, demand_cost
from gateway.limits.limits import LimitExceeded
from gateway.settings.server import Limits
from resolvers.access import ANYBODY, Access
from resolvers.errors import formatted
from resolvers.plans.inputs import Fallback, Values
from resolvers.plans.plan import Plan, Ran
from resolvers.plans.selections import Unplannable
from resolvers.plans.steps import Bounds
from schema.withheld import withheld
from store.engine.protocols import Archive
from store.errors import OutOfTime
from store.queries.pages import COUNT_CAP

NOTHING: dict[str, Any] = {}


class Ready(NamedTuple):
    """An operation that its plan can execute: with which values, at which cost, and until when."""

    operation: PlannedOperation
    plan: Plan
    values: Values
    cost: int
    until: float


class PlanExecutor:
    """Executes operations over one archive, within the limits, if they have a plan and the response is only data.

    ``most_participants`` is the length of the longest ``Session.participants``, for estimates of cost.
    """

    def __init__(
        self,
        archive: Archive,
        limits: Limits,
        introspection: bool = True,
        count_cap: int = COUNT_CAP,
        cache: PlanCache | None = None,
    ) -> None:
        """``introspection`` allows introspection; ``count_cap`` is the largest totalCount."""
        self._reads, self._limits, self._introspection = archive.plan_reads, limits, introspection
        self._bounds = Bounds(limits.max_page_size, count_cap, limits.max_statements)
        self._cache = PlanCache() if cache is None else cache
        self.most_participants = 0

    async def execute(self, request: Request, access: Access, wait: Wait = awaited) -> Result | None:
        """The result; None if the operation has no plan, or if the response is more than data.

        ``wait`` awaits a plan that can't finish at once.
        """
        try:
            ready = self._ready(request, access)
            if ready is None:
                return None
            _, plan, values, _, until = ready
            ran = plan.run_at_once(self._reads, values, self._bounds, until)
            if ran is None:
                running = plan.run(self._reads, values, self._bounds, until)
                ran = await wait(running, plan.reads_one_row)
        except (Fallback, Unplannable, LimitExceeded):
            return None
        except OutOfTime:
            return self._too_long()
        return self._result(ready, ran, access)

    def execute_at_once(self, request: Request, access: Access) -> Result | None:
        """As ``execute``, for an operation that reads one row and need not wait for it; None for any other."""
        if not self._reads.reads_at_once:
            return None
        try:
            ready = self._ready(request, access)
            ran = ready and ready.plan.run_at_once(self._reads, ready.values, self._bounds, ready.until)
        except (Fallback, Unplannable, LimitExceeded, OutOfTime):
            return None
        return self._result(ready, ran, access) if ready and ran else None

    def _ready(self, request: Request, access: Access) -> Ready | None:
        """The operation with its plan; None if it has none.

        Raises Unplannable, Fallback or LimitExceeded if the ordinary path must answer.
        """
        if request.cost_mode is not CostMode.NONE:
            return None
        limits = self._limits
        found, operation, literals = self._cache.find(request.query, request.operation_name)
        if not found:
            document, _, scoped, *_ = checked(request.query, limits.document, self._introspection)
            if document is None:
                return None
            operation, literals = self._cache.remember(request.query, request.operation_name, document, scoped)
        if operation is None:
            return None
        until = time.perf_counter() + limits.max_seconds
        template = operation.template
        values = template.values(request.variables or NOTHING, literals)
        values[PARTICIPANTS] = self.most_participants
        cost = demand_cost(operation.cost, values, limits.max_cost, limits.max_page_size)
        return Ready(operation, template.plan(values, access.scopes), values, cost, until)

    def _result(self, ready: Ready, ran: Ran, access: Access) -> Result:
        operation, (data, statements, rows) = ready.operation, ran
        if time.perf_counter() > ready.until:
            return self._too_long()
        hidden = withheld(access, operation.scoped) if access is not ANYBODY else None
        extensions = b',"extensions":%b' % orjson.dumps({"withheld": hidden}) if hidden else b""
        body = b"".join((b'{"data":', *data, extensions, b"}"))
        roots = operation.cost.root_fields
        return Result(NOTHING, False, "query", operation.name, ready.cost, roots, body, statements, rows)

    def _too_long(self) -> Result:
        return Result({"errors": [formatted(too_long(self._limits))]}, True, "query")
