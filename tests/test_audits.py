"""The public suite of GraphQL over HTTP, npm's graphql-http, against a real server."""

from pathlib import Path

import aiohttp
import pytest

import node_scripts
from conftest import serving

CONTRADICTS_THE_DRAFT = "86EE"
"""It wants 400 where variables don't coerce; the draft of 2026 has 422."""


async def audited(client: aiohttp.ClientSession) -> dict[str, str]:
    outcomes: dict[str, str] = await node_scripts.run("audits.mjs", str(client._build_url("/graphql")))
    assert len(outcomes) == 61
    return {audit: outcome for audit, outcome in outcomes.items() if outcome != "ok"}


async def test_all_audits_pass_but_the_one_that_contradicts_the_draft(client: aiohttp.ClientSession) -> None:
    assert list(await audited(client)) == [CONTRADICTS_THE_DRAFT]


async def test_all_audits_pass_with_the_older_statuses(client: aiohttp.ClientSession, database: Path) -> None:
    async with serving(database, protocol={"legacy_status": True}) as older:
        assert await audited(older) == {}


async def test_without_npm_it_is_skipped_but_never_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="npm is not installed"):
        node_scripts.demand_node()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="npm is needed"):
        node_scripts.demand_node()
