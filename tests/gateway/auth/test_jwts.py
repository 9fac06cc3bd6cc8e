"""JWTs of an identity provider on loopback: key rotation, outages, and known attacks."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import bodies
from clock import Clock
from gateway.auth.authentication import Unauthenticated
from gateway.auth.jwts import FRESH_SECONDS, MAX_STALE_SECONDS, RETRY_SECONDS, JwtVerifier, ProviderUnavailable
from gateway_under_test import serving
from identity_provider import AUDIENCE, EC, RSA, Provider, claims, signed
from resolvers.access import Scope
from store.archive import open_archive
from store.engine.database import Database


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode()).decode().rstrip("=")


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    async with provider.serving():
        yield provider


@pytest.fixture
async def clock() -> Clock:
    return Clock()


@pytest.fixture
async def tokens(provider: Provider, clock: Clock) -> AsyncIterator[JwtVerifier]:
    async with aiohttp.ClientSession() as http:
        yield JwtVerifier(provider.settings(), http, clock)


async def test_a_valid_token_has_its_scopes_and_its_subjects_name(tokens: JwtVerifier, provider: Provider) -> None:
    provider.keys.append(provider.jwk("curve", EC))
    for token in (signed(), signed(EC, "curve", "ES256"), signed(aud=["other", AUDIENCE])):
        access, seconds = await tokens.verified(token)
        assert (access.name, access.scopes) == ("jwt:back-office", frozenset({Scope.READ, Scope.READ_CONTENT}))
        assert seconds
        assert 600 < seconds <= 630
    assert provider.asked == 1


async def test_the_scopes_claim_is_a_setting_and_may_be_a_list(provider: Provider) -> None:
    async with aiohttp.ClientSession() as http:
        tokens = JwtVerifier(provider.settings(scopes_claim="permissions", name_claim="azp"), http)
        access, _ = await tokens.verified(signed(azp="back office\n", permissions=["delete", 7], scope="read:content"))
        assert (access.name, access.scopes) == ("jwt:back_office_", frozenset({Scope.READ, Scope.DELETE}))
        for odd in (None, 7, {"read": 1}, "openid"):
            access, _ = await tokens.verified(signed(azp="x", permissions=odd))
            assert access.scopes == frozenset()


PUBLIC = RSA[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def unsigned() -> str:
    return f"{encoded({'alg': 'none', 'kid': 'one'})}.{encoded(claims())}."


def signed_with_the_public_key() -> str:
    said = f"{encoded({'alg': 'HS256', 'kid': 'one'})}.{encoded(claims())}"
    return f"{said}.{encoded(hmac.new(PUBLIC, said.encode(), hashlib.sha256).digest())}"


def signed_with_a_key_of_its_own() -> str:
    return jwt.encode(claims(), RSA[1], "RS256", {"kid": "one", "jwk": Provider.jwk("one", RSA[1])})


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (unsigned(), "Expected a token signed by RS256 or ES256 or EdDSA."),
        (signed_with_the_public_key(), "Expected a token signed by RS256 or ES256 or EdDSA."),
        (signed_with_a_key_of_its_own(), "Expected a token with a valid signature and valid claims, but got another."),
        (signed()[:-8] + "AAAAAAAA", "Expected a token with a valid signature and valid claims, but got another."),
        (
            signed(EC, "one", "ES256"),
            "Expected a token signed by a key that the identity provider publishes, but got another.",
        ),
        (
            signed(kid="other"),
            "Expected a token signed by a key that the identity provider publishes, but got another.",
        ),
        (signed(exp=int(time.time()) - 60), "Expected a valid token, but this one has expired."),
        (
            signed(nbf=int(time.time()) + 600),
            "Expected a token with a valid signature and valid claims, but got another.",
        ),
        (signed(aud="other"), "Expected a token for this audience, but this one is for another."),
        (
            signed(iss="https://evil.example.com/"),
            "Expected a token from this server's identity provider, but got one from another.",
        ),
        (signed(exp=None), "Expected a token with the claim exp, but this one lacks it."),
        (signed(sub=None), "Expected a token with the claim sub, but this one lacks it."),
        ("a.b.c", "Expected a key or a JWT, but this is neither."),
        ("canary", "Expected a key or a JWT, but this is neither."),
        (f"{encoded(b'[' * 20_000)}.e30.", "Expected a key or a JWT, but this is neither."),
    ],
)
async def test_an_invalid_token_is_refused_with_the_reason(tokens: JwtVerifier, token: str, why: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await tokens.verified(token)
    assert str(refused.value) == why
    assert refused.value.status == 401


async def test_a_new_key_is_fetched_when_a_token_names_it_but_not_too_often(
    tokens: JwtVerifier, provider: Provider, clock: Clock
) -> None:
    await tokens.verified(signed())
    provider.keys = [provider.jwk("two", RSA[1])]
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await tokens.verified(signed(RSA[1], "two"))
    assert provider.asked == 1
    clock.now += RETRY_SECONDS
    await tokens.verified(signed(RSA[1], "two"))
    with pytest.raises(Unauthenticated):
        await tokens.verified(signed())
    assert provider.asked == 2


async def test_an_unreachable_provider_is_a_503_until_it_is_back(
    tokens: JwtVerifier, provider: Provider, clock: Clock
) -> None:
    provider.down = True
    with pytest.raises(ProviderUnavailable) as away:
        await tokens.verified(signed())
    assert (away.value.status, away.value.headers) == (503, ((b"retry-after", b"10"),))
    provider.down = False
    clock.now += RETRY_SECONDS
    await tokens.verified(signed())


async def test_the_last_keys_are_used_for_an_hour_while_the_provider_is_unreachable(
    tokens: JwtVerifier, provider: Provider, clock: Clock
) -> None:
    await tokens.verified(signed())
    provider.down = True
    clock.now += MAX_STALE_SECONDS - 1
    await tokens.verified(signed())
    assert tokens._refreshing
    await tokens._refreshing
    assert provider.asked == 2
    clock.now += RETRY_SECONDS
    with pytest.raises(ProviderUnavailable):
        await tokens.verified(signed())


async def test_a_withdrawn_key_is_refused_once_the_set_is_fetched_again(
    tokens: JwtVerifier, provider: Provider, clock: Clock
) -> None:
    await tokens.verified(signed())
    provider.keys = [provider.jwk("two", RSA[1])]
    clock.now += FRESH_SECONDS + 1
    await tokens.verified(signed())
    assert tokens._refreshing
    await tokens._refreshing
    with pytest.raises(Unauthenticated):
        await tokens.verified(signed())


async def test_a_server_accepts_tokens_and_keys_and_the_ledger_has_the_subject(
    database: Database, provider: Provider
) -> None:
    async with open_archive(database) as archive:
        await bodies.put(archive, bodies.service(), bodies.session(), bodies.interaction(1))
        async with serving(database, jwt=provider.settings(), require_key=True) as client:
            query = (
                f'mutation {{ deleteInteraction(input: {{sid: "{bodies.sid("KI", 1)}"}}) {{ deletedInteractionId }} }}'
            )
            found = []
            for scope in ("openid", "read", "delete"):
                headers = {"Authorization": f"Bearer {signed(scope=scope)}"}
                async with client.post("/graphql", json={"query": query}, headers=headers) as response:
                    answer = await response.json()
                    code = answer["errors"][0]["extensions"]["code"] if "errors" in answer else None
                    found.append((response.status, code))
            assert found == [(403, "FORBIDDEN"), (200, "FORBIDDEN"), (200, None)]
            provider.down = True
        assert [tuple(row) for row in await archive.fetch("SELECT requested_by FROM deletion")] == [
            ("jwt:back-office",)
        ]


async def test_while_the_provider_is_unreachable_tokens_get_503_and_keys_still_work(database: Database) -> None:
    provider = Provider()
    async with provider.serving():
        settings = provider.settings()
    async with serving(database, jwt=settings, require_key=True) as client:
        headers = {"Authorization": f"Bearer {signed()}"}
        async with client.post("/graphql", json={"query": "{ __typename }"}, headers=headers) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "10")
            assert (await response.json())["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
