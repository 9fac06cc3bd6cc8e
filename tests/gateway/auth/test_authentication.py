"""Keys over HTTP as RFC 6750 defines them, what each scope allows, and the limit on wrong keys."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import aiohttp
import pytest

import bodies
from clock import Clock
from fake_twilio import FakeTwilio
from gateway.auth.authentication import Authenticator, Unauthenticated
from gateway_under_test import serving
from mirror import account, mirroring, settings_for
from requests_with_keys import QUERY, headers_of
from resolvers.access import Scope
from store import keys
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.twilio_mapping import instant

KI = bodies.sid("KI", 1)
DELETE = {
    "query": "mutation ($sid: ID!) { deleteInteraction(input: {sid: $sid}) { deletedInteractionId } }",
    "variables": {"sid": KI},
}


class Guarded(NamedTuple):
    """A server that requires keys, its archive, and a function that creates a key and returns its headers."""

    client: aiohttp.ClientSession
    archive: Archive

    async def key(self, name: str, *scopes: str, expires_at: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {await keys.create(self.archive, name, scopes, expires_at)}"}

    async def ask(self, request: Any, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        async with self.client.post("/graphql", json=request, headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
async def guarded(database: Database, both_paths: None) -> AsyncIterator[Guarded]:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(), bodies.session(), bodies.participant(1), bodies.interaction(1))
        async with serving(database, require_key=True) as client:
            yield Guarded(client, archive)


async def test_without_a_key_the_answer_is_401_and_says_what_is_needed(guarded: Guarded) -> None:
    async with guarded.client.post("/graphql", json=QUERY) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="proxygraph"'
        (error,) = (await response.json())["errors"]
        assert error["extensions"] == {"code": "UNAUTHENTICATED"}
        assert error["message"] == "Expected a key, as in `Authorization: Bearer pgk_…`, but got none."


@pytest.mark.parametrize("media_type", ["application/json", "application/graphql-response+json"])
async def test_a_refusal_comes_in_the_media_type_that_was_asked_for(guarded: Guarded, media_type: str) -> None:
    useless = await guarded.key("useless")
    for headers, status, code in (({}, 401, "UNAUTHENTICATED"), (useless, 403, "FORBIDDEN")):
        accept = headers | {"Accept": media_type}
        for request in (
            guarded.client.post("/graphql", json=QUERY, headers=accept),
            guarded.client.get("/graphql", params=QUERY, headers=accept),
        ):
            async with request as response:
                assert (response.status, response.content_type) == (status, media_type)
                assert response.headers["WWW-Authenticate"].startswith("Bearer ")
                answer = await response.json()
                assert (set(answer), answer["errors"][0]["extensions"]) == ({"errors"}, {"code": code})


@pytest.mark.parametrize("shown", ["Bearer pgk_nobody", "Bearer", "Basic YTpi", "pgk_nobody", "Bearer \xff"])
async def test_an_unknown_key_is_an_invalid_token(guarded: Guarded, shown: str) -> None:
    async with guarded.client.post("/graphql", json=QUERY, headers={"Authorization": shown}) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="proxygraph", error="invalid_token"'
        assert (await response.json())["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize("scope", list(Scope))
async def test_every_scope_allows_reading(guarded: Guarded, scope: Scope) -> None:
    status, answer = await guarded.ask(QUERY, await guarded.key("console", scope))
    assert (status, answer) == (200, {"data": {"services": {"totalCount": 1}}})


async def test_an_expired_and_a_revoked_key_are_refused_with_the_reason(guarded: Guarded) -> None:
    expired = await guarded.key("expired", "read", expires_at="2026-01-01T00:00:00.000Z")
    revoked = await guarded.key("revoked", "read")
    await keys.revoke(guarded.archive, "revoked")
    for headers, why in ((expired, "has expired"), (revoked, "was revoked")):
        status, answer = await guarded.ask(QUERY, headers)
        assert status == 401
        assert answer["errors"][0]["message"] == f"Expected a valid key, but this one {why}."


async def test_probes_need_no_key_and_metrics_do(guarded: Guarded) -> None:
    found = {}
    for path in ("/livez", "/readyz", "/metrics"):
        async with guarded.client.get(path) as response:
            found[path] = response.status
    assert found == {"/livez": 200, "/readyz": 200, "/metrics": 401}
    async with guarded.client.get("/metrics", headers=await guarded.key("prometheus", "read")) as response:
        assert response.status == 200


async def test_a_keys_scopes_apply_on_loopback_too(database: Database) -> None:
    async with open_archive(database) as archive, serving(database) as client:
        open_to_all = Guarded(client, archive)
        assert (await open_to_all.ask(QUERY, {}))[0] == 200
        assert (await open_to_all.ask(QUERY, {"Authorization": "Bearer pgk_nobody"}))[0] == 401
        _, answer = await open_to_all.ask(DELETE, await open_to_all.key("console", "read"))
        assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}


@pytest.mark.usefixtures("both_paths")
async def test_without_the_scope_a_deletion_is_forbidden_and_nothing_happens_here_or_at_twilio(
    database: Database,
) -> None:
    fake = FakeTwilio()
    account(fake, services=1, sessions=1)
    request = {"query": DELETE["query"], "variables": {"sid": bodies.sid("KI", 1000)}}
    async with mirroring(database, fake) as mirror:
        await mirror.sync()
        before = Counter(fake.requests)
        async with serving(database, twilio=settings_for(fake), require_key=True) as client:
            guarded = Guarded(client, mirror.archive)
            status, answer = await guarded.ask(request, await guarded.key("console", "read:content"))
            assert (status, answer["data"]) == (200, None)
            (error,) = answer["errors"]
            assert error["extensions"] == {"code": "FORBIDDEN"}
            assert error["message"] == (
                "Expected a key with the scope delete for deleteInteraction, but got a key without it."
            )
            assert set(fake.requests - before) <= {"GET /Services"}  # Serving looks once whether Twilio is there.
            await mirror.assert_equal()
            assert await mirror.ledger() == {}
            await guarded.ask(request, await guarded.key("erasure-desk", "delete"))
            assert bodies.sid("KI", 1000) not in fake
            assert await mirror.ledger() == {bodies.sid("KI", 1000): "erasure-desk"}


async def test_a_repeated_key_is_not_looked_up_and_a_revoked_one_fails_after_five_seconds(archive: Archive) -> None:
    clock = Clock()
    authenticator = Authenticator(archive, True, clock=clock)
    text = await keys.create(archive, "console", ("read",), None)
    first = await authenticator.access({}, headers_of(text))
    await keys.revoke(archive, "console")
    clock.now += 4.9
    assert await authenticator.access({}, headers_of(text)) is first
    clock.now += 0.2
    with pytest.raises(Unauthenticated):
        await authenticator.access({}, headers_of(text))
    await authenticator.wait_for_notes()


async def test_the_cache_entry_expires_with_the_key(archive: Archive) -> None:
    clock = Clock()
    authenticator = Authenticator(archive, True, clock=clock)
    ends = datetime.now(UTC) + timedelta(seconds=4)
    text = await keys.create(archive, "console", ("read",), instant(ends.isoformat()))
    first = await authenticator.access({}, headers_of(text))
    await authenticator.wait_for_notes()
    async with archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE access_key SET expires_at = '2026-01-01T00:00:00.000Z'")
    assert await authenticator.access({}, headers_of(text)) is first
    clock.now += 4
    with pytest.raises(Unauthenticated):
        await authenticator.access({}, headers_of(text))


async def test_the_last_use_is_stored_at_most_once_a_minute(archive: Archive) -> None:
    clock = Clock()
    authenticator = Authenticator(archive, True, clock=clock)
    text = await keys.create(archive, "console", ("read",), None)

    async def use() -> str | None:
        clock.now += 10
        await authenticator.access({}, headers_of(text))
        await authenticator.wait_for_notes()
        (key,) = await keys.keys(archive)
        return key.last_used_at

    first = await use()
    assert first
    assert await use() == first
    async with archive.writer.transaction() as transaction:
        await transaction.execute("UPDATE access_key SET last_used_at = '2026-01-01T00:00:00.000Z'")
    assert str(await use()) >= first
