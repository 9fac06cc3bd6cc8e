"""Authentication: turns the key or token of a request into an Access (RFC 6750: ``Authorization: Bearer …``).

A verified credential is cached by its hash for a few seconds, so a repeated key costs microseconds. A revoked key may
be accepted for as long. After that it is verified again, but doesn't count as a guess: the holder of a valid key is not
locked out by somebody who sends wrong ones from the same address.
"""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from gateway import COMMAND
from gateway.auth.attempts import Attempts
from gateway.auth.locality import is_local
from gateway.http.callers import client_of
from gateway.http.exchange import HttpError
from gateway.http.tasks import ensure_task
from resolvers import access
from resolvers.access import ANYBODY, Access
from store import keys
from store.archive import open_archive
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import StoreError
from store.twilio_mapping import now

CACHE_SECONDS = 5
CACHE_SIZE = 10_000
NOTE_USE_EVERY = timedelta(minutes=1)
CHALLENGE = 'Bearer realm="proxygraph"'

log = logging.getLogger("proxygraph.gateway")


class KeysMissing(Exception):
    """Other machines could reach the server without a key. The message says what to do."""


class Unauthenticated(HttpError):
    """401: a key is required, or the given one is not valid."""

    def __init__(self, message: str, has_credential: bool = True) -> None:
        challenge = f'{CHALLENGE}, error="invalid_token"' if has_credential else CHALLENGE
        super().__init__(401, message, ((b"www-authenticate", challenge.encode()),), code="UNAUTHENTICATED")


class InsufficientScope(HttpError):
    """403: the key or token is valid, but has none of the scopes."""

    def __init__(self, message: str) -> None:
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="read"'
        super().__init__(403, message, ((b"www-authenticate", challenge.encode()),), code="FORBIDDEN")


class Verified(NamedTuple):
    """An access, and for how many more seconds it is valid; None if it doesn't expire."""

    access: Access
    seconds: float | None


class Lease(NamedTuple):
    """An access that is kept: the hashes of its header and of its key (None for a token), and when it expires."""

    access: Access
    credential: bytes
    key: str | None
    expires: float


class TokenVerifier(Protocol):
    """Verifies the tokens of an identity provider."""

    async def verified(self, token: str) -> Verified:
        """The token's access. Raises HttpError: 401 if it isn't valid, 503 if it can't be verified now."""
        ...


class Authenticator:
    """Accepts keys, tokens if there is a verifier for them, and requests with neither if no key is required."""

    def __init__(
        self,
        archive: Archive,
        key_required: bool,
        tokens: TokenVerifier | None = None,
        clock: Callable[[], float] = time.monotonic,
        rate: int | None = None,
    ) -> None:
        """``rate`` is the configured limit of requests a minute, if there is one."""
        self._archive, self.key_required, self._token_verifier, self._clock = archive, key_required, tokens, clock
        self._attempts = Attempts(rate, clock)
        self._cache: dict[bytes, tuple[Access, float, float]] = {}
        """By hash: an access, until when it is cached, and when it expires."""
        self._use_notes: set[asyncio.Task[None]] = set()

    async def access(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Access:
        """The access of the caller who sent the request with this ASGI scope and these headers.

        Raises HttpError: 401, 403, 429 after many wrong keys, or 503 if the identity provider is unavailable.
        """
        credential = headers.get(b"authorization")
        if not credential:
            self._check_keyless_access(scope, headers)
            return ANYBODY
        digest = hashlib.sha256(credential).digest()
        cached = self._cache.get(digest)
        if cached and self._clock() < cached[1]:
            return cached[0]
        was_valid = digest in self._cache
        attempt = await self._attempts.begin(client_of(scope), was_valid)
        wrong = False
        try:
            cached = self._cache.get(digest)
            if cached and self._clock() < cached[1]:  # Meanwhile, another request with the same key was verified.
                return cached[0]
            found, seconds = await self._verified(credential)
        except Unauthenticated:
            wrong = True
            self._cache.pop(digest, None)
            raise
        except asyncio.CancelledError:  # A guess counts even if the client disconnects.
            wrong = not was_valid
            raise
        finally:
            self._attempts.end(attempt, wrong)
        if not found.scopes:
            raise InsufficientScope(
                "Expected a key or token with the scope read, read:content or delete, but it has none."
            )
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        expires = self._clock() + (math.inf if seconds is None else seconds)
        self._cache[digest] = found, min(self._clock() + CACHE_SECONDS, expires), expires
        return found

    async def lease(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Lease:
        """Like ``access``, for what outlasts a request, such as a subscription: says how long it is valid."""
        found = await self.access(scope, headers)
        credential = headers.get(b"authorization")
        if not credential:
            return Lease(found, b"", None, math.inf)
        digest, text = hashlib.sha256(credential).digest(), _text_of(credential)
        _, _, expires = self._cache[digest]
        return Lease(found, digest, keys.hashed(text) if text.startswith(keys.PREFIX) else None, expires)

    def expired(self, leases: Collection[Lease]) -> set[Lease]:
        """Those leases whose time is over, which needs no look at the archive."""
        moment = self._clock()
        return {lease for lease in leases if lease.expires <= moment}

    async def ended(self, leases: Collection[Lease]) -> set[Lease]:
        """Those leases whose key was revoked, or that have expired; ``access`` no longer accepts them either."""
        hashes = {lease.key for lease in leases if lease.key}
        invalid = await keys.invalid(self._archive, hashes) if hashes else set()
        ended = {lease for lease in leases if lease.key in invalid} | self.expired(leases)
        for lease in ended:
            self._cache.pop(lease.credential, None)
        return ended

    def _check_keyless_access(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> None:
        if self.key_required:
            raise Unauthenticated(
                "Expected a key, as in `Authorization: Bearer pgk_…`, but got none.", has_credential=False
            )
        if not is_local(scope, headers):
            raise HttpError(
                403,
                "Expected a request from this machine, since this server requires no key, but got one that was "
                "forwarded from another. Behind a proxy, set PROXYGRAPH_REQUIRE_KEY=true and create keys.",
                code="FORBIDDEN",
            )

    async def wait_for_notes(self) -> None:
        """Waits until every use of a key is stored."""
        await asyncio.gather(*self._use_notes)

    async def _verified(self, credential: bytes) -> Verified:
        text = _text_of(credential)
        if not text:
            raise Unauthenticated("Expected `Authorization: Bearer` and a key, but got another kind of credential.")
        if self._token_verifier and not text.startswith(keys.PREFIX):
            await ensure_task()
            return await self._token_verifier.verified(text)
        key = await keys.find(self._archive, text)
        if key is None:
            raise Unauthenticated("Expected a key of this archive, but got an unknown one.")
        if not key.is_valid(now()):
            raise Unauthenticated(
                f"Expected a valid key, but this one {'was revoked' if key.revoked_at else 'has expired'}."
            )
        moment = datetime.now(UTC)
        used = datetime.fromisoformat(key.last_used_at) if key.last_used_at else None
        if used is None or moment - used > NOTE_USE_EVERY:
            self._note(key.name)
        left = (datetime.fromisoformat(key.expires_at) - moment).total_seconds() if key.expires_at else None
        return Verified(access.granted(key.name, key.scopes), left)

    def _note(self, name: str) -> None:
        task = asyncio.create_task(self._write_note(name))
        self._use_notes.add(task)
        task.add_done_callback(self._use_notes.discard)

    async def _write_note(self, name: str) -> None:
        try:
            await keys.note_use(self._archive, name)
        except Exception as error:  # The next use will be stored instead; no request waits for this one.
            reason = error if isinstance(error, StoreError) else type(error).__name__
            log.warning("The last use of a key was not stored: %s", reason)


def _text_of(credential: bytes) -> str:
    """The key or token; empty for a credential of another scheme."""
    scheme, _, given = credential.partition(b" ")
    return given.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""


async def demand_keys(database: Database, host: str) -> None:
    """Raises KeysMissing if the archive has no valid key, so that everybody who reaches ``host`` could read it."""
    async with open_archive(database, check_for_damage=False) as archive:
        if not await keys.has_keys(archive):
            raise KeysMissing(
                f"Other machines can reach a server on {host}, so it requires keys, but {database} has no valid one. "
                f"Create one: {COMMAND} keys create NAME --scope read --database {database}; or configure an "
                "identity provider (PROXYGRAPH_JWT_JWKS_URL); or listen on 127.0.0.1."
            )
