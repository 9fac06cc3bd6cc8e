"""Golden requests: a query, its answer and the SQL it ran, side by side in tests/golden.

A change of any of the three shows as a diff there. To accept it: pytest tests/test_golden.py --rewrite-golden
"""

import json
from pathlib import Path

import pytest

import bodies
from conftest import asker
from store.archive import open_archive

GOLDEN = Path(__file__).parent / "golden"

SMALL_ACCOUNT = (
    bodies.service(1, default_ttl=3600, geo_match_level="area-code", callback_url="https://example.com/calls"),
    bodies.service(2),
    bodies.session(1, mode="voice-and-message", status="in-progress", date_last_interaction=bodies.time(13)),
    bodies.session(2, status="closed", closed_reason="api", date_ended=bodies.time(50)),
    bodies.session(3, of=2),
    bodies.participant(1, identifier="+12025550101", proxy_identifier="+12025550102"),
    bodies.participant(2, identifier="+12025550103", date_deleted=bodies.time(12)),
    bodies.participant(3, of=2),
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
    bodies.interaction(31, of=3, service_sid=bodies.sid("KS", 2)),
)


@pytest.mark.parametrize("name", sorted(file.stem for file in GOLDEN.glob("*.graphql")))
async def test_the_answer_and_its_sql_are_as_written_down(
    name: str, database: Path, request: pytest.FixtureRequest
) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, *SMALL_ACCOUNT)
        answer = await asker(archive)((GOLDEN / f"{name}.graphql").read_text("utf-8"))
    answered = {
        "json": json.dumps(answer, indent=2, ensure_ascii=False) + "\n",
        "sql": "\n\n".join(f"-- keys: {keys}\n{sql}" for sql, keys in answer.statements) + "\n",
    }
    for kind, text in answered.items():
        file = GOLDEN / f"{name}.{kind}"
        if request.config.getoption("--rewrite-golden"):
            file.write_text(text, "utf-8")
        assert text == file.read_text("utf-8")
