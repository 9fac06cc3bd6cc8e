"""Verifies JWTs of an identity provider with its published keys (RFC 7519, 7517, 8725).

PyJWT does the cryptography. Its own client of JWK Sets would block the event loop, so this module fetches the set:
again in the background when it is ten minutes old, and when a token names a key that is not in it, since providers
rotate keys without notice. If a provider can't be reached, its last set is used for an hour.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import jwt

from gateway.auth.authentication import Unauthenticated, Verified
from gateway.auth.jwk_set import JwkSet
from gateway.http.exchange import HttpError
from gateway.settings.access import JwtSettings
from resolvers.access import granted

TIMEOUT = aiohttp.ClientTimeout(total=5)
MAX_JWK_SET_BYTES = 1_000_000
FRESH_SECONDS = 600.0
MAX_STALE_SECONDS = 3_600.0
RETRY_SECONDS = 10.0
"""The shortest time between two fetches, so that tokens with made-up key ids don't overload the provider."""

LEEWAY_SECONDS = 30
MAX_NAME_LENGTH = 64
UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9._:@|/+-]")

log = logging.getLogger("proxygraph.gateway")


class ProviderUnavailable(HttpError):
    """503: the token can't be verified, since the provider's keys can't be fetched."""

    def __init__(self) -> None:
        message = "The identity provider's keys can't be fetched, so no token can be verified. Try again."
        super().__init__(503, message, ((b"retry-after", b"%d" % RETRY_SECONDS),), code="UNAVAILABLE")


class JwtVerifier:
    """Verifies tokens as the settings say."""

    def __init__(
        self, settings: JwtSettings, http: aiohttp.ClientSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings, self._http, self._clock = settings, http, clock
        self._keys = JwkSet(b'{"keys":[]}')
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def verified(self, token: str) -> Verified:
        """The token's access, and until when. Raises HttpError: 401 if it isn't valid, 503 without keys."""
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            raise Unauthenticated("Expected a key or a JWT, but this is neither.") from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._settings.algorithms or not isinstance(kid, str | None):
            raise Unauthenticated(f"Expected a token signed by {' or '.join(self._settings.algorithms)}.")
        try:
            key = await self._key(kid, algorithm)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=LEEWAY_SECONDS,
                options={
                    "require": ["exp", "aud", "iss", self._settings.name_claim],
                    "enforce_minimum_key_length": True,  # RFC 7518 §3.3: RSA keys have 2048 bits or more.
                },
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(_reason(error)) from error
        given = claims.get(self._settings.scopes_claim, ())
        scopes = given.split() if isinstance(given, str) else given if isinstance(given, list) else ()
        name = UNSAFE_IN_NAME.sub("_", str(claims[self._settings.name_claim]))[:MAX_NAME_LENGTH]
        access = granted(f"jwt:{name}", [scope for scope in scopes if isinstance(scope, str)])
        return Verified(access, int(claims["exp"]) + LEEWAY_SECONDS - time.time())

    async def _key(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        age = self._clock() - self._fetched_at
        if age > MAX_STALE_SECONDS or self._keys.find(kid, algorithm) is None:
            await self._fetch()
        elif age > FRESH_SECONDS and not self._fetching.locked():
            self._refreshing = asyncio.create_task(self._fetch())
        if self._clock() - self._fetched_at > MAX_STALE_SECONDS:
            raise ProviderUnavailable
        found = self._keys.find(kid, algorithm)
        if found is None:
            raise Unauthenticated(
                "Expected a token signed by a key that the identity provider publishes, but got another."
            )
        return found

    async def _fetch(self) -> None:
        async with self._fetching:
            if self._clock() - self._tried_at < RETRY_SECONDS:
                return
            self._tried_at = self._clock()
            try:
                found = JwkSet(await self._download())
            except Exception as error:  # The provider may answer anything.
                log.warning("The identity provider's keys can't be fetched (%s).", type(error).__name__)
                return
            self._keys = found
            self._fetched_at = self._clock()

    async def _download(self) -> bytes:
        async with self._http.get(self._settings.jwks_url, timeout=TIMEOUT, allow_redirects=False) as response:
            response.raise_for_status()
            body = b""
            async for chunk in response.content.iter_chunked(65_536):
                body += chunk
                if len(body) > MAX_JWK_SET_BYTES:
                    raise ValueError("a JWK Set is never so large")
            return body


def _reason(error: jwt.PyJWTError) -> str:
    # The message contains no claims, since they may be personal.
    if isinstance(error, jwt.ExpiredSignatureError):
        return "Expected a valid token, but this one has expired."
    if isinstance(error, jwt.InvalidAudienceError):
        return "Expected a token for this audience, but this one is for another."
    if isinstance(error, jwt.InvalidIssuerError):
        return "Expected a token from this server's identity provider, but got one from another."
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"Expected a token with the claim {error.claim}, but this one lacks it."
    return "Expected a token with a valid signature and valid claims, but got another."
