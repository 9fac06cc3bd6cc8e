"""A body of Twilio's REST API becomes a record that the archive can rely on."""

import json
from typing import Any

import msgspec
import pytest

import bodies
from checkout import DATA
from store import twilio_mapping
from store.errors import BodyRejected
from store.interactions import Interaction, contents
from store.services import Service
from store.sessions import Session

EXAMPLES = json.loads((DATA / "twilio_examples.json").read_text("utf-8"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_no_property_of_twilios_examples_is_lost(example: str) -> None:
    body = EXAMPLES[example]
    kept: Any = bodies.record(body)
    extra = json.loads(kept.extra or "{}")
    for name, given in body.items():
        if name in twilio_mapping.LEFT_OUT or given is None:
            continue
        found = getattr(kept, name, extra.get(name))
        if name.startswith("date_"):
            given = given.replace("Z", ".000Z")
        elif name.endswith("_type"):
            given = given.lower()
        assert found == given, name


@pytest.mark.parametrize("kind", bodies.RECORD_TYPES.values())
def test_null_in_every_property_that_may_be_null_is_kept_as_null(kind: Any) -> None:
    parents = {name: "XX2" for name in ("account_sid", "service_sid", "session_sid") if name in kind.__struct_fields__}
    body = dict.fromkeys(kind.__struct_fields__) | {"sid": "XX1"} | parents
    kept = twilio_mapping.record(kind, body)
    needed = {"sid", "date_created", "date_updated", "type", *parents}
    assert {name for name in kind.__struct_fields__ if getattr(kept, name) is not None} <= needed


@pytest.mark.parametrize("given", [None, "", "KS9", "ks9"])
def test_the_parents_come_from_the_path_unless_the_body_contradicts_it(given: str | None) -> None:
    kept = twilio_mapping.record(Session, bodies.session(1) | {"service_sid": given}, service_sid="KS9")
    assert kept.service_sid == (given or "KS9")


def test_a_body_that_contradicts_its_path_is_refused() -> None:
    with pytest.raises(BodyRejected, match="Expected a Session with the service_sid KS9, but its body gives 'KS1'"):
        twilio_mapping.record(Session, bodies.session(1) | {"service_sid": "KS1"}, service_sid="KS9")


def test_the_account_of_a_row_comes_only_from_its_body() -> None:
    with pytest.raises(BodyRejected, match=f"with the account_sid AC9, but its body gives '{bodies.ACCOUNT}'"):
        twilio_mapping.record(Session, bodies.session(1), account_sid="AC9")


@pytest.mark.parametrize("missing", ["sid", "session_sid", "account_sid"])
def test_a_body_without_its_sid_or_a_parent_is_refused(missing: str) -> None:
    with pytest.raises(BodyRejected, match=f"Each Interaction needs its {missing}, but the body has None."):
        twilio_mapping.record(Interaction, bodies.interaction() | {missing: None})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2015-07-30T20:00:00Z", "2015-07-30T20:00:00.000Z"),
        ("2015-07-30T20:00:00.5Z", "2015-07-30T20:00:00.500Z"),
        ("2015-07-30T20:00:00.123456Z", "2015-07-30T20:00:00.123Z"),
        ("2015-07-30T22:00:00+02:00", "2015-07-30T20:00:00.000Z"),
        ("2015-07-30T20:00:00", "2015-07-30T20:00:00.000Z"),
    ],
)
def test_times_are_kept_in_utc_with_a_fixed_width(given: str, kept: str) -> None:
    assert twilio_mapping.record(Service, bodies.service(date_created=given)).date_created == kept


def test_a_date_that_is_missing_is_taken_from_the_other() -> None:
    kept = twilio_mapping.record(Service, bodies.service(date_created=None))
    assert kept.date_created == kept.date_updated


def test_an_invalid_date_is_kept_in_extra() -> None:
    kept = twilio_mapping.record(Session, bodies.session(date_ended="yesterday"))
    assert (kept.date_ended, json.loads(kept.extra or "")) == (None, {"date_ended": "yesterday"})


def test_enum_values_are_compared_case_insensitively() -> None:
    kept = twilio_mapping.record(Interaction, bodies.interaction(type="Voice", inbound_resource_type="Call"))
    assert (kept.type, kept.inbound_resource_type) == ("voice", "call")


def test_an_unknown_enum_value_is_counted_logged_once_and_kept_in_extra(caplog: pytest.LogCaptureFixture) -> None:
    twilio_mapping.unknown_values.clear()
    for _ in range(3):
        kept = twilio_mapping.record(Interaction, bodies.interaction(outbound_resource_status="Partially-Delivered"))
    assert twilio_mapping.unknown_values == {("outbound_resource_status", "partially-delivered"): 3}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert kept.outbound_resource_status == "unknown"
    assert json.loads(kept.extra or "") == {"outbound_resource_status": "Partially-Delivered"}


def test_unknown_properties_are_kept() -> None:
    kept = twilio_mapping.record(Service, bodies.service(colour={"name": "blue"}, nothing=None))
    assert json.loads(kept.extra or "") == {"colour": {"name": "blue"}}


@pytest.mark.parametrize("ttl", [2**31, "many", True, 1.5])
def test_a_number_too_large_for_graphql_is_kept_in_extra(ttl: Any) -> None:
    kept = twilio_mapping.record(Session, bodies.session(ttl=ttl))
    assert (kept.ttl, json.loads(kept.extra or "")) == (None, {"ttl": ttl})


@pytest.mark.parametrize(
    ("data", "body", "seconds"),
    [
        ('{"body": "hello"}', "hello", None),
        ('{"body": ""}', "", None),
        ('{"body": 5}', None, None),
        ('{"body": "{\\"body\\": 1}"}', '{"body": 1}', None),
        ('{"duration": "37"}', None, 37),
        ('{"duration": 37}', None, 37),
        ('{"duration": "-1"}', None, None),
        ('{"duration": "99999999999"}', None, None),
        ('{"duration": true}', None, None),
        ("{}", None, None),
        ("[1]", None, None),
        ("not JSON", None, None),
        ("", None, None),
        (None, None, None),
        ("[" * 100_000, None, None),
    ],
)
def test_data_gives_a_text_or_a_length_or_nothing(data: str | None, body: str | None, seconds: int | None) -> None:
    assert contents(data) == (body, seconds)


def test_a_lone_surrogate_becomes_a_replacement_character() -> None:
    kept = twilio_mapping.record(
        Interaction, bodies.interaction(data='{"body": "a\\ud83d b \\ud83d\\ude00"}', url="x\ud800")
    )
    assert (kept.url, kept.body) == ("x\ufffd", "a\ufffd b \U0001f600")


def test_a_nul_becomes_a_replacement_character_in_every_column_and_stays_escaped_in_json() -> None:
    sids = {"outbound_resource_sid": "MM\0", "inbound_participant_sid": "\0"}
    given = bodies.interaction(data='{"body": "a\\u0000b"}', url="x\0", unheard_of="y\0") | sids
    kept = twilio_mapping.record(Interaction, given)
    assert (kept.url, kept.body, kept.outbound_resource_sid) == ("x\ufffd", "a\ufffdb", "MM\ufffd")
    assert (kept.data, kept.extra) == ('{"body": "a\\u0000b"}', '{"unheard_of":"y\\u0000"}')
    assert twilio_mapping.record(Interaction, given | {"sid": "KI\0"}).sid == "KI\ufffd"
    assert not [value for value in msgspec.structs.astuple(kept) if "\0" in str(value)]
