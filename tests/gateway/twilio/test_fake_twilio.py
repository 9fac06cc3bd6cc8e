"""The stand-in for Twilio's API does what Twilio documents, as its own client and its OpenAPI document see it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY

import jsonschema
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from asking_twilio import INTERACTIONS, KC, KI, KP, KS, MANY, PARTICIPANTS, SESSION, SESSIONS, WORLD, Ask, Body, asking
from bodies import ACCOUNT, interaction, participant, service, session, sid
from fake_account import API, DOCUMENT, RESOURCE_TYPES
from fake_twilio import API_KEY, API_SECRET, AUTH_TOKEN, VERBS, FakeTwilio, Faults
from gateway.demo.account import Account

GETS = {
    path.removeprefix("/v1"): item["get"]["responses"]["200"]["content"]["application/json"]
    for path, item in DOCUMENT["paths"].items()
    if "/PhoneNumbers" not in path
}
EXAMPLES = [(path, example["value"]) for path, get in GETS.items() for example in get["examples"].values()]
PATTERNS = {"date-time": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", "uri": r"^https?://\S+$"}
KSA, KCA, KPA = (prefix + "a" * 32 for prefix in ("KS", "KC", "KP"))
SIDS = {"ServiceSid": KSA, "SessionSid": KCA, "ParticipantSid": KPA}
PARENTS = [service(sid=KSA), session(sid=KCA, service_sid=KSA)]
PARENTS += [participant(sid=KPA, service_sid=KSA, session_sid=KCA)]


def json_schema(openapi: Body, name: str = "") -> Body:
    """Converts OpenAPI 3.0 to JSON Schema: references resolved, nullable as null, formats as patterns, nothing unknown.

    A leg's status may be null, as in the document's own examples, though the document doesn't say so.
    """
    if "$ref" in openapi:
        return json_schema(DOCUMENT["components"]["schemas"][openapi["$ref"].rpartition("/")[2]], name)
    schema = dict(openapi)
    if "properties" in schema:
        schema["properties"] = {name: json_schema(given, name) for name, given in schema["properties"].items()}
        schema["additionalProperties"] = False
    if "items" in schema:
        schema["items"] = json_schema(schema["items"])
    if schema.get("format") == "uri-map":
        schema["additionalProperties"] = {"type": "string", "pattern": PATTERNS["uri"]}
    if schema.get("format") in PATTERNS:
        schema["pattern"] = PATTERNS[schema["format"]]
    if schema.pop("nullable", False) or name.endswith("resource_status"):
        schema |= {"type": [schema["type"], "null"]} | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})
    return schema


VALIDATORS = {
    re.sub(r"{\w+}", "{}", path): jsonschema.Draft202012Validator(json_schema(get["schema"]))
    for path, get in GETS.items()
}


Run = Callable[..., Awaitable[Any]]


class Redirected(TwilioHttpClient):  # type: ignore[misc]
    """Twilio's client of HTTP, with the stand-in in place of proxy.twilio.com."""

    base_url = API

    def request(self, method: str, url: str, *rest: Any, **named: Any) -> Response:
        return super().request(method, url.replace(API, self.base_url), *rest, **named)


@pytest.fixture
async def run(fake: FakeTwilio) -> AsyncIterator[Run]:
    """Runs functions of Twilio's own client of Proxy v1, in a thread."""
    http = Redirected(timeout=10)
    http.session.trust_env = False

    async def use(function: Callable[[Any], Any], user: str = ACCOUNT, password: str = AUTH_TOKEN) -> Any:
        return await asyncio.to_thread(function, Client(user, password, ACCOUNT, http_client=http).proxy.v1)

    async with fake.serving() as http.base_url:
        yield use
    http.session.close()


RESOURCES: dict[str, Callable[[Any], Any]] = {
    "KS": lambda proxy: proxy.services,
    "KC": lambda proxy: proxy.services(KS).sessions,
    "KP": lambda proxy: proxy.services(KS).sessions(KC).participants,
    "KI": lambda proxy: proxy.services(KS).sessions(KC).interactions,
}
of_every_kind = pytest.mark.parametrize("prefix", RESOURCES)


@of_every_kind
async def test_twilios_client_lists_what_was_put(prefix: str, run: Run) -> None:
    listed = await run(lambda proxy: [row.sid for row in RESOURCES[prefix](proxy).list()])
    assert listed == [body["sid"] for body in WORLD if body["sid"].startswith(prefix)]


@of_every_kind
async def test_twilios_client_fetches_the_values_put(prefix: str, run: Run) -> None:
    fetched = await run(lambda proxy: RESOURCES[prefix](proxy)(sid(prefix, 1)).fetch())
    body = next(body for body in WORLD if body["sid"] == sid(prefix, 1))
    assert not [name for name, value in body.items() if "date" not in name and getattr(fetched, name) != value]


async def test_twilios_client_fetches_a_session_by_its_unique_name(run: Run) -> None:
    assert (await run(lambda proxy: proxy.services(KS).sessions("session-1").fetch())).sid == KC


async def test_twilios_client_streams_over_the_pages(fake: FakeTwilio, run: Run) -> None:
    fake.put(*MANY)
    streamed = await run(lambda proxy: [row.sid for row in RESOURCES["KI"](proxy).stream(page_size=41)])
    assert (streamed, fake.total_requests) == ([body["sid"] for body in MANY[2:]], 5)


@of_every_kind
async def test_twilios_client_deletes_once_and_is_refused_the_second_time(prefix: str, run: Run) -> None:
    assert await run(lambda proxy: RESOURCES[prefix](proxy)(sid(prefix, 1)).delete()) is True
    with pytest.raises(TwilioRestException) as refused:
        await run(lambda proxy: RESOURCES[prefix](proxy)(sid(prefix, 1)).delete())
    assert (refused.value.status, refused.value.code) == (404, 20404)


async def test_twilios_client_is_refused_with_20003_when_its_token_is_wrong(run: Run) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await run(lambda proxy: proxy.services(KS).fetch(), password="wrong")
    assert (refused.value.status, refused.value.code) == (401, 20003)


async def test_twilios_client_fails_to_list_under_a_missing_parent(run: Run) -> None:
    with pytest.raises(TwilioException, match="Unable to fetch page"):
        await run(lambda proxy: proxy.services(sid("KS", 9)).sessions.list())


async def test_an_api_key_is_accepted_too(run: Run) -> None:
    assert len(await run(lambda proxy: proxy.services.list(), API_KEY, API_SECRET)) == 1


@pytest.mark.parametrize(("path", "example"), EXAMPLES)
async def test_the_examples_of_the_document_are_returned_exactly(path: str, example: Body) -> None:
    fake, item = FakeTwilio(), path.endswith("{Sid}")
    async with asking(fake, *PARENTS[: path.count("{") - item], *([example] if item else [])) as ask:
        answered = json.dumps((await ask(path.format_map(SIDS | {"Sid": example.get("sid")}))).body)
    assert json.loads(answered.replace(fake.base_url, API)) == example


async def everything(ask: Ask) -> AsyncIterator[tuple[str, Body]]:
    """The body of every list and of everything in one, with its endpoint."""
    lists = [("/Services", "/Services")]
    for endpoint, path in lists:
        yield endpoint, (page := (await ask(path)).body)
        for row in page[page["meta"]["key"]]:
            yield f"{endpoint}/{{}}", (await ask(f"{path}/{row['sid']}")).body
            parts = [name.removeprefix(f"{endpoint}/{{}}/") for name in VERBS]
            lists += [(f"{endpoint}/{{}}/{part}", f"{path}/{row['sid']}/{part}") for part in parts if "/" not in part]


ODD = {"": "", "nulls": "", "fractions": "", "odd_case": "enum", "unknown_words": "enum"}
ODD["unknown_properties"] = "additionalProperties"


@pytest.mark.parametrize("oddity", ODD)
async def test_every_answer_matches_the_document_except_for_its_deviation(oddity: str) -> None:
    faults: Body = {oddity: True} if oddity else {}
    account, seen, breaches = Account(1, 1, 4, 40), set[str](), set[str]()
    bodies = [body for talk in account.conversations() for body in (talk[0], *talk[1], *talk[2])]
    async with asking(FakeTwilio(faults=Faults(**faults)), *account.services, *bodies) as ask:
        async for endpoint, body in everything(ask):
            seen.add(endpoint)
            breaches |= {error.validator for error in VALIDATORS[endpoint].iter_errors(body)}
    assert (seen, breaches) == (set(VERBS), {ODD[oddity]} - {""})


async def test_a_page_has_its_address_and_those_of_the_next_and_the_previous(ask: Ask, fake: FakeTwilio) -> None:
    fake.put(*MANY)
    first = (await ask(f"{INTERACTIONS}?PageSize=70")).body["meta"]
    second = (await ask(first["next_page_url"])).body["meta"]
    last = (await ask(second["next_page_url"])).body["meta"]
    url = f"{fake.base_url}{INTERACTIONS}?PageSize=70&Page="
    assert first["url"] == first["first_page_url"] == second["first_page_url"] == url + "0"
    assert second == second | {"key": "interactions", "page": 1, "page_size": 70, "url": first["next_page_url"]}
    assert second["next_page_url"].startswith(f"{url}2&PageToken=")
    assert (second["previous_page_url"], last["previous_page_url"]) == (f"{url}0", second["url"])
    assert (first["previous_page_url"], last["next_page_url"]) == (None, None)


@pytest.mark.parametrize(("asked", "got"), [("", 50), ("?PageSize=7", 7), ("?PageSize=500", 100)])
async def test_a_page_has_50_rows_or_as_many_as_asked_up_to_100(
    asked: str, got: int, ask: Ask, fake: FakeTwilio
) -> None:
    fake.put(*MANY)
    page = (await ask(INTERACTIONS + asked)).body
    assert (len(page["interactions"]), page["meta"]["page_size"]) == (got, got)


REFUSALS = [
    ("GET", f"{SESSIONS}?Page=1", 400, 70002),
    ("GET", f"{SESSIONS}?Page=1&PageToken=nonsense", 400, 21481),
    ("GET", f"{SESSIONS}?Page=1&PageToken=PT{'0' * 24}", 400, 21481),
    ("GET", f"{SESSIONS}?PageSize=0", 400, 80701),
    ("GET", f"{SESSIONS}?Page=-1", 400, 80701),
    ("GET", f"/Services/{sid('KS', 9)}/Sessions", 404, 20404),
    ("GET", f"{SESSIONS}/no-such-name", 404, 20404),
    ("GET", f"/Services/{sid('KS', 9)}/Sessions/{KC}", 404, 20404),
    ("DELETE", f"{SESSIONS}/session-1", 404, 20404),
    ("GET", "/Nothing", 404, 20404),
    ("GET", "/../v2/Services", 404, 20404),
    ("POST", SESSIONS, 405, 20004),
    ("DELETE", f"{PARTICIPANTS}/{KP}/MessageInteractions/{KI}", 405, 20004),
]


@pytest.mark.parametrize(("verb", "path", "status", "code"), REFUSALS)
async def test_a_refusal_has_its_status_and_code(verb: str, path: str, status: int, code: int, ask: Ask) -> None:
    answer = await ask(path, verb)
    expected = {"code": code, "message": ANY, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    assert answer[:2] == (status, expected | {"status": status})


async def test_a_token_is_of_its_list_only(ask: Ask, fake: FakeTwilio) -> None:
    fake.put(*MANY)
    url = (await ask(INTERACTIONS)).body["meta"]["next_page_url"]
    assert (await ask(url.replace("Interactions", "Participants"))).body["code"] == 21481


async def test_another_host_is_not_found(ask: Ask) -> None:
    assert (await ask(SESSIONS, headers={"Host": "proxy.twilio.com"})).status == 404


async def test_a_session_is_found_by_a_unique_name_that_needs_quoting(ask: Ask, fake: FakeTwilio) -> None:
    fake.put(session(2, unique_name="Order #1/2"))
    assert (await ask(f"{SESSIONS}/Order%20%231%2F2")).body["sid"] == sid("KC", 2)


@pytest.mark.parametrize(("path", "left"), [(SESSION, [KS]), (f"/Services/{KS}", [])])
async def test_a_deletion_deletes_everything_below(path: str, left: list[str], ask: Ask, fake: FakeTwilio) -> None:
    assert (await ask(path, "DELETE")).status == 204
    assert [sid for prefix in RESOURCE_TYPES for sid in fake.sids(prefix)] == left


async def test_a_removed_participant_stays_with_the_date(ask: Ask, fake: FakeTwilio) -> None:
    fake.clock = lambda: datetime(2026, 5, 1, tzinfo=UTC)
    assert (await ask(f"{PARTICIPANTS}/{KP}", "DELETE"))[:2] == (200, "")
    assert (await ask(PARTICIPANTS)).body["participants"][0]["date_deleted"] == "2026-05-01T00:00:00Z"


async def test_a_one_sided_message_is_a_message_interaction_of_its_receiver(ask: Ask, fake: FakeTwilio) -> None:
    fake.put(interaction(3, inbound_participant_sid=None, inbound_resource_sid=None))
    pages = [(await ask(f"{PARTICIPANTS}/{sid('KP', number)}/MessageInteractions")).body for number in (1, 2)]
    assert [[row["sid"] for row in page["interactions"]] for page in pages] == [[], [sid("KI", 3)]]
