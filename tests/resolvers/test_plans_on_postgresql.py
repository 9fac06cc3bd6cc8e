"""On PostgreSQL, plans give the same bytes as the ordinary path, and as SQLite for the same rows."""

from collections import Counter
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

import pytest

import edge_case_rows
from documents import Documents
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request, Result
from gateway_under_test import UNLIMITED
from postgresql import Cluster
from resolvers.access import ANYBODY, Access, granted
from resolvers.context import Context
from schema.build import EXECUTABLE
from store.archive import open_archive
from store.engine.database import Address
from store.engine.protocols import Archive

READER = granted("console", ["read"])
FEED = "changes"
"""The field whose cursors and times differ from database to database."""


@pytest.fixture
async def on_postgresql(postgresql_cluster: Cluster) -> AsyncIterator[Archive]:
    name = postgresql_cluster.database()
    async with open_archive(Address(postgresql_cluster.url(name))) as archive:
        await edge_case_rows.fill(archive)
        yield archive
    postgresql_cluster.drop(name)


@pytest.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[Archive]:
    """The same rows."""
    async with open_archive(tmp_path / "archive.db") as archive:
        await edge_case_rows.fill(archive, with_nuls=False)
        yield archive


async def answered(
    archive: Archive, request: Request, plans: PlanCache | None = None, access: Access = ANYBODY
) -> Result:
    return await execute(request, Context(archive, access=access), UNLIMITED, plans)


async def test_both_paths_on_both_engines_give_the_same_bytes(
    on_postgresql: Archive, on_sqlite: Archive, request: pytest.FixtureRequest
) -> None:
    """What SQLite answers by a plan, PostgreSQL does too: no statement fails there."""
    number, seed = request.config.getoption("--documents"), request.config.getoption("--seed")
    documents = Documents(seed, EXECUTABLE, await edge_case_rows.pool_of(on_postgresql))
    plans, plans_of_sqlite, outcomes = PlanCache(), PlanCache(), Counter[str]()
    forbidden = 0
    for document in islice(documents, number):
        asked = Request(document.text, document.operation_name, document.variables)
        ordinary = await answered(on_postgresql, asked)
        planned = await answered(on_postgresql, asked, plans)
        assert planned.encoded() == ordinary.encoded(), document
        of_sqlite = await answered(on_sqlite, asked, plans_of_sqlite)
        if FEED not in document.text:
            assert planned.is_planned == of_sqlite.is_planned, document
            if planned.is_planned:
                assert planned.encoded() == of_sqlite.encoded(), document
        outcomes["planned" if planned.is_planned else "errors" if "errors" in ordinary.response else "other"] += 1
        documents.learn(document, ordinary.response)
        if not sum(outcomes.values()) % 4:
            ordinary = await answered(on_postgresql, asked, access=READER)
            planned = await answered(on_postgresql, asked, plans, READER)
            assert planned.encoded() == ordinary.encoded(), document
            forbidden += "FORBIDDEN" in ordinary.encoded().decode()
    assert outcomes["planned"] > 0.6 * number
    assert forbidden > 0.005 * number
