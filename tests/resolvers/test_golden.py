"""Golden requests: a query and its answer in tests/golden, and the SQL of both paths, in a folder for each engine.

A change of any of them shows as a diff there. To accept it: pytest tests/resolvers/test_golden.py --rewrite-golden
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import pytest

import bodies
import plan_reads
from checkout import TESTS
from gateway.endpoint.plan_cache import PlanCache
from gateway_under_test import asker
from store.archive import open_archive
from store.engine.database import Database

GOLDEN = TESTS / "golden"

SMALL_ACCOUNT = (
    bodies.service(1, default_ttl=3600, geo_match_level="area-code", callback_url="https://example.com/calls"),
    bodies.service(2),
    bodies.session(1, mode="voice-and-message", status="in-progress", date_last_interaction=bodies.time(13)),
    bodies.session(2, status="closed", closed_reason="api", date_ended=bodies.time(50)),
    bodies.session(3, of=2),
    bodies.participant(1, identifier="+12025550101", proxy_identifier="+12025550102"),
    bodies.participant(2, identifier="+12025550103", date_deleted=bodies.time(12)),
    bodies.participant(3, of=2, identifier="+12025550103"),
    bodies.interaction(11),
    bodies.interaction(12, inbound_participant_sid=bodies.sid("KP", 2), outbound_participant_sid=bodies.sid("KP", 1)),
    bodies.interaction(
        13,
        type="voice",
        data='{"duration": "37"}',
        inbound_resource_type="Call",
        outbound_participant_sid=None,
        outbound_resource_sid=None,
        outbound_resource_status=None,
        outbound_resource_type=None,
    ),
    bodies.interaction(21, of=2, outbound_resource_status="read"),
    bodies.interaction(22, of=2, inbound_participant_sid=None, outbound_participant_sid=bodies.sid("KP", 3)),
    bodies.interaction(31, of=3, service_sid=bodies.sid("KS", 2)),
)


@contextmanager
def statements_of_plans() -> Iterator[list[str]]:
    """The statements that plans run, in order, with the names or the number of their parameters."""
    ran: list[str] = []

    def note(sql: str, parameters: Any) -> None:
        bound = ", ".join(sorted(parameters)) if isinstance(parameters, dict) else str(len(parameters))
        ran.append(f"-- binds: {bound}\n{sql}")

    with pytest.MonkeyPatch.context() as patch:
        plan_reads.after_each(patch, note)
        yield ran


def _times(statements: list[str]) -> Iterator[str]:
    """Each statement, with how many times it ran before the next one."""
    for text, times in groupby(statements):
        yield f"-- times: {len(list(times))}\n{text}"


@pytest.mark.parametrize("name", sorted(file.stem for file in GOLDEN.glob("*.graphql")))
async def test_the_response_and_its_sql_equal_the_golden_files(
    name: str, database: Database, engine: str, request: pytest.FixtureRequest
) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, *SMALL_ACCOUNT)
        query = (GOLDEN / f"{name}.graphql").read_text("utf-8")
        answer = await asker(archive)(query)
        with statements_of_plans() as planned:
            assert await asker(archive, plans=PlanCache())(query) == answer
    answered = {
        "json": json.dumps(answer, indent=2, ensure_ascii=False) + "\n",
        "sql": "\n\n".join(f"-- keys: {keys}\n{sql}" for sql, keys in answer.statements) + "\n",
        "plan.sql": "\n\n".join(_times(planned)) + "\n" if planned else "-- no plan\n",
    }
    for kind, text in answered.items():
        folder = GOLDEN if kind == "json" else GOLDEN / engine
        file = folder / f"{name}.{kind}"
        if request.config.getoption("--rewrite-golden"):
            file.write_text(text, "utf-8")
        assert text == file.read_text("utf-8")
