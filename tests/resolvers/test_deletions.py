"""deleteInteraction: its payloads and refusals, and that no read path finds the row afterwards."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import bodies
from databases import held
from gateway_under_test import Ask, serving
from store.engine.database import Database
from store.engine.protocols import Archive
from store.erasure import interactions as erasure
from store.erasure import ledger

DELETE = """
mutation ($input: DeleteInteractionInput!) {
  deleteInteraction(input: $input) {
    clientMutationId
    deletedInteractionId
    session { sid interactions { totalCount } }
    remainingResources { sid type url }
    userErrors { code message field }
  }
}
"""
KI, OTHER, ONE_SIDED = bodies.sid("KI", 1), bodies.sid("KI", 2), bodies.sid("KI", 3)
NOTHING_DELETED: dict[str, object] = {
    "clientMutationId": None,
    "deletedInteractionId": None,
    "session": None,
    "remainingResources": [],
}
SECRET = "the quick brown canary"


@pytest.fixture(autouse=True)
async def rows(archive: Archive) -> None:
    await bodies.put(
        archive,
        bodies.service(2),
        bodies.session(2),
        bodies.participant(1),
        bodies.participant(2),
        bodies.interaction(1, data=f'{{"body": "{SECRET}"}}', outbound_resource_url="https://api.twilio.com/MM1"),
        bodies.interaction(2),
        bodies.interaction(
            3, inbound_participant_sid=None, inbound_resource_sid=None, outbound_resource_type="Chat message"
        ),
    )


async def delete(ask: Ask, **given: str | None) -> dict[str, object]:
    answer = await ask(DELETE, input=given)
    assert "errors" not in answer, answer
    payload: dict[str, object] = answer["data"]["deleteInteraction"]
    return payload


async def test_the_payload_says_what_was_deleted_and_what_twilio_keeps(ask: Ask) -> None:
    assert await delete(ask, sid=KI, clientMutationId="mine") == {
        "clientMutationId": "mine",
        "deletedInteractionId": KI,
        "session": {"sid": bodies.sid("KC", 1), "interactions": {"totalCount": 2}},
        "remainingResources": [
            {"sid": bodies.sid("SM", 1), "type": "MESSAGE", "url": None},
            {"sid": bodies.sid("MM", 1), "type": "MESSAGE", "url": "https://api.twilio.com/MM1"},
        ],
        "userErrors": [],
    }


async def test_a_one_sided_interaction_leaves_one_resource(ask: Ask) -> None:
    payload = await delete(ask, sid=ONE_SIDED)
    assert payload["remainingResources"] == [{"sid": bodies.sid("MM", 3), "type": "UNKNOWN", "url": None}]


EVERY_PATH = """
query ($sid: ID!, $session: ID!, $service: ID!, $participant: ID!) {
  node(id: $sid) { id }
  nodes(ids: [$sid]) { id ... on Interaction { body } }
  interaction(sid: $sid) { body }
  interactions { totalCount nodes { ...all } edges { node { ...all } } }
  service(sid: $service) {
    interactions { totalCount nodes { ...all } }
    session(sid: $session) { interaction(sid: $sid) { body } }
    sessions { nodes { interactions { totalCount nodes { ...all } } } }
  }
  session(sid: $session) {
    interaction(sid: $sid) { body }
    interactions(last: 10) { totalCount nodes { ...all } }
    participants { interactions { totalCount nodes { ...all } } }
    participant(sid: $participant) { interactions { nodes { ...all } } }
  }
}
fragment all on Interaction {
  sid body data inbound { resourceSid participantSid } outbound { resourceSid participantSid }
}
"""
VARIABLES = {
    "sid": KI,
    "session": bodies.sid("KC", 1),
    "service": bodies.sid("KS", 1),
    "participant": bodies.sid("KP", 1),
}


async def test_no_read_path_finds_the_interaction_its_resources_or_its_text(ask: Ask) -> None:
    traces = (SECRET, KI, bodies.sid("SM", 1), bodies.sid("MM", 1))
    before = repr(await ask(EVERY_PATH, **VARIABLES))
    assert all(trace in before for trace in traces)
    await delete(ask, sid=KI)
    after = await ask(EVERY_PATH, **VARIABLES)
    assert "errors" not in after
    assert not [trace for trace in traces if trace in repr(after)]
    assert OTHER in repr(after)


async def test_no_byte_of_the_text_is_left_in_the_files(ask: Ask, database: Database) -> None:
    assert SECRET.encode() in held(database)
    await delete(ask, sid=KI)
    assert SECRET.encode() not in held(database)


async def test_deleting_twice_is_harmless(ask: Ask, archive: Archive) -> None:
    await delete(ask, sid=KI)
    again = await delete(ask, sid=KI)
    message = f"There is no Interaction {KI}; it may be deleted already."
    assert again == NOTHING_DELETED | {
        "userErrors": [{"code": "NOT_FOUND", "message": message, "field": ["input", "sid"]}]
    }
    assert len(list(await archive.fetch("SELECT * FROM deletion"))) == 1


@pytest.mark.parametrize(
    ("guard", "field"),
    [
        ({"serviceSid": bodies.sid("KS", 2)}, "serviceSid"),
        ({"sessionSid": bodies.sid("KC", 2)}, "sessionSid"),
        ({"serviceSid": bodies.sid("KS", 1), "sessionSid": bodies.sid("KC", 2)}, "sessionSid"),
    ],
)
async def test_a_guard_that_does_not_match_prevents_the_deletion(
    ask: Ask, archive: Archive, guard: dict[str, str], field: str
) -> None:
    payload = await delete(ask, sid=KI, **guard)
    message = f"The Interaction {KI} is not under {guard[field]}."
    assert payload == NOTHING_DELETED | {
        "userErrors": [{"code": "NOT_FOUND", "message": message, "field": ["input", field]}]
    }
    assert (await ask("query ($sid: ID!) { interaction(sid: $sid) { sid } }", sid=KI))["data"]["interaction"]
    assert not list(await archive.fetch("SELECT * FROM deletion"))


async def test_guards_that_match_or_are_null_allow_the_deletion(ask: Ask) -> None:
    payload = await delete(ask, sid=KI, serviceSid=bodies.sid("KS", 1), sessionSid=bodies.sid("KC", 1))
    assert payload["deletedInteractionId"] == KI
    payload = await delete(ask, sid=OTHER, serviceSid=None, sessionSid=None, clientMutationId=None)
    assert payload["deletedInteractionId"] == OTHER


@pytest.mark.parametrize(
    "given",
    [{"sid": "KI1"}, {"sid": bodies.sid("KC", 1)}, {"sid": KI, "serviceSid": "x"}, {"sid": KI, "sessionSid": ""}],
)
async def test_a_malformed_sid_is_an_error_and_deletes_nothing(ask: Ask, given: dict[str, str]) -> None:
    answer = await ask(DELETE, input=given)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]
    assert answer["data"] is None
    assert (await ask("{ interactions { totalCount } }"))["data"]["interactions"]["totalCount"] == 3


async def test_two_deletions_in_one_document_happen_one_after_the_other(ask: Ask) -> None:
    answer = await ask(
        """
        mutation ($one: ID!, $other: ID!) {
          one: deleteInteraction(input: {sid: $one}) { ...left }
          other: deleteInteraction(input: {sid: $other}) { ...left }
          again: deleteInteraction(input: {sid: $one}) { deletedInteractionId userErrors { code } }
        }
        fragment left on DeleteInteractionPayload { deletedInteractionId session { interactions { totalCount } } }
        """,
        one=KI,
        other=OTHER,
    )
    assert answer["data"] == {
        "one": {"deletedInteractionId": KI, "session": {"interactions": {"totalCount": 2}}},
        "other": {"deletedInteractionId": OTHER, "session": {"interactions": {"totalCount": 1}}},
        "again": {"deletedInteractionId": None, "userErrors": [{"code": "NOT_FOUND"}]},
    }


async def test_a_deleted_row_that_twilio_still_shows_stays_out(ask: Ask, archive: Archive) -> None:
    await delete(ask, sid=KI)
    await bodies.put(archive, bodies.interaction(1))
    assert (await ask("query ($sid: ID!) { interaction(sid: $sid) { sid } }", sid=KI))["data"] == {"interaction": None}


@pytest.mark.of_a_file
async def test_a_deletion_beside_a_reader_says_so_and_the_server_finishes_it_by_itself(
    database: Path, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sync runs beside this server. The seconds are the most that the response and the erasure may take."""
    monkeypatch.setattr(erasure, "CLEANING_SECONDS", 0.2)
    query = {"query": f'mutation {{ deleteInteraction(input: {{sid: "{KI}"}}) {{ deletedInteractionId erasure }} }}'}

    async with serving(database) as client:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM interaction").fetchall()
            async with asyncio.timeout(15), client.post("/graphql", json=query) as response:
                answer = (await response.json())["data"]["deleteInteraction"]
            assert answer == {"deletedInteractionId": KI, "erasure": "PENDING"}
            (entry,) = await ledger.entries(archive)
            assert entry.state == "erased"
            assert entry.waits_for
            assert SECRET.encode() in held(database)
        async with asyncio.timeout(8):
            while (await ledger.entries(archive))[0].state != "closed":
                await asyncio.sleep(0.05)
        assert SECRET.encode() not in held(database)


async def test_a_deletion_says_whether_its_bytes_are_gone_at_once(ask: Ask, archive: Archive) -> None:
    answer = await ask(DELETE.replace("clientMutationId", "erasure", 1), input={"sid": KI})
    expected = "COMPLETE" if archive.writer.cleans_at_once else "PENDING"
    assert answer["data"]["deleteInteraction"]["erasure"] == expected
    again = await ask(DELETE.replace("clientMutationId", "erasure", 1), input={"sid": KI})
    assert again["data"]["deleteInteraction"]["erasure"] is None


@pytest.mark.of_a_file
async def test_a_deletion_whose_cleaning_fails_is_pending(
    ask: Ask, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is gone, so the payload lists what Twilio keeps; the bytes are erased later."""
    monkeypatch.setattr(erasure, "CLEANING_SECONDS", 0)
    occupied = database.with_name(f"{database.name}-to-clean")
    occupied.mkdir()
    answer = await ask(DELETE.replace("clientMutationId", "erasure", 1), input={"sid": KI})
    occupied.rmdir()
    payload = answer["data"]["deleteInteraction"]
    assert (payload["erasure"], len(payload["remainingResources"])) == ("PENDING", 2)
