"""A key of an identity provider verifies what it is for, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.auth.authentication import Unauthenticated
from gateway.auth.jwts import JwtVerifier
from identity_provider import EC, RSA, Provider, signed


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    provider = Provider()
    async with provider.serving():
        yield provider


ALL = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")


@pytest.mark.parametrize("algorithm", ALL[:6])
async def test_a_key_that_names_no_algorithm_verifies_each_that_its_type_fits(
    provider: Provider, algorithm: str
) -> None:
    async with aiohttp.ClientSession() as http:
        tokens = JwtVerifier(provider.settings(algorithms=ALL), http)
        access, _ = await tokens.verified(signed(algorithm=algorithm))
        assert access.name == "jwt:back-office"


@pytest.mark.parametrize(
    ("changes", "algorithm", "verifies"),
    [
        ({"use": "sig", "key_ops": ["verify"]}, "RS512", True),
        ({"alg": "RS512"}, "RS512", True),
        ({"alg": "RS512"}, "RS256", False),
        ({"use": "enc"}, "RS256", False),
        ({"use": None, "key_ops": None}, "RS256", True),
        ({"key_ops": ["encrypt", "wrapKey"]}, "RS256", False),
        ({"key_ops": []}, "RS256", False),
        ({"key_ops": "encrypt"}, "RS256", False),
        ({"key_ops": {"verify": True}}, "RS256", False),
        ({"use": "enc", "key_ops": ["verify"]}, "RS256", False),
        ({"use": ["enc"]}, "RS256", False),
        ({"n": 5}, "RS256", False),
        ({"use": "enc", "alg": "RS256"}, "RS256", False),
        ({"alg": "RSA-OAEP"}, "RS256", False),
        ({"alg": "HS256"}, "RS256", False),
        ({"kty": "oct", "k": "c2VjcmV0"}, "RS256", False),
    ],
)
async def test_a_key_verifies_only_the_algorithm_it_is_for(
    provider: Provider, changes: dict[str, Any], algorithm: str, verifies: bool
) -> None:
    provider.keys = [provider.keys[0] | changes]
    async with aiohttp.ClientSession() as http:
        tokens = JwtVerifier(provider.settings(algorithms=ALL), http)
        if verifies:
            await tokens.verified(signed(algorithm=algorithm))
        else:
            with pytest.raises(Unauthenticated):
                await tokens.verified(signed(algorithm=algorithm))


async def test_a_curve_verifies_only_its_own_algorithm(provider: Provider) -> None:
    curve = ec.generate_private_key(ec.SECP384R1())
    provider.keys = [provider.jwk("curve", curve)]
    async with aiohttp.ClientSession() as http:
        tokens = JwtVerifier(provider.settings(algorithms=ALL), http)
        await tokens.verified(signed(curve, "curve", "ES384"))
        with pytest.raises(Unauthenticated):
            await tokens.verified(signed(EC, "curve", "ES256"))


async def test_a_key_for_encryption_beside_the_one_for_signatures_is_ignored(provider: Provider) -> None:
    """Some providers publish both keys under one id, and a token may name no id."""
    provider.keys = [provider.jwk("one", RSA[1]) | {"use": "enc"}, *provider.keys]
    async with aiohttp.ClientSession() as http:
        tokens = JwtVerifier(provider.settings(), http)
        await tokens.verified(signed())
        await tokens.verified(signed(kid=None))


async def test_a_key_that_is_too_short_verifies_nothing(provider: Provider) -> None:
    """RFC 7518 §3.3 requires 2,048 bits."""
    short = rsa.generate_private_key(65_537, 1_024)
    provider.keys = [provider.jwk("short", short)]
    async with aiohttp.ClientSession() as http:
        with pytest.warns(jwt.InsecureKeyLengthWarning):
            token = signed(short, "short")
        with pytest.raises(Unauthenticated):
            await JwtVerifier(provider.settings(), http).verified(token)
