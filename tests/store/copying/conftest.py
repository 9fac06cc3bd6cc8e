"""The two ends of a copy, either way."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from copied_archives import fill
from databases import New, new_addresses, new_files
from postgresql import Cluster
from store.engine.database import Database


@pytest.fixture
def new_file(tmp_path: Path) -> Iterator[New]:
    with new_files(tmp_path) as new:
        yield new


@pytest.fixture
def new_address(postgresql_cluster: Cluster) -> Iterator[New]:
    with new_addresses(postgresql_cluster) as new:
        yield new


@pytest.fixture(params=["into PostgreSQL", "into a file"])
def ends(request: pytest.FixtureRequest, new_file: New, new_address: New) -> tuple[Database, Database]:
    """The source, with edge-case rows and something in every table, and the target."""
    source, target = (new_file(), new_address()) if request.param == "into PostgreSQL" else (new_address(), new_file())
    asyncio.run(fill(source))
    return source, target
