"""Watches the statements of compiled plans, on either engine."""

from collections.abc import Callable
from typing import Any

import pytest

from store.postgresql.connections import ReadConnection
from store.postgresql.plans.reader import KIND
from store.sqlite.reading.event_loop_connections import EventLoopConnection


def after_each(patch: pytest.MonkeyPatch, call: Callable[[str, Any], None]) -> None:
    """Calls ``call`` with the SQL and the parameters after each statement of a plan, before the plan goes on."""
    of_file, of_server = EventLoopConnection.rows_on_loop, ReadConnection.fetch

    def rows_on_loop(connection: EventLoopConnection, sql: str, parameters: Any) -> Any:
        rows = of_file(connection, sql, parameters)
        call(sql, parameters)
        return rows

    async def fetch(connection: ReadConnection, sql: str, parameters: Any = (), *others: Any) -> Any:
        rows = await of_server(connection, sql, parameters, *others)
        if KIND in others:
            call(sql, parameters)
        return rows

    patch.setattr(EventLoopConnection, "rows_on_loop", rows_on_loop)
    patch.setattr(ReadConnection, "fetch", fetch)
