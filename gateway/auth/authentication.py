"""Authentication: the key or the token of a request becomes an Access (RFC 6750: ``Authorization: Bearer …``).

What was verified is remembered for a few seconds, by the hash of what was shown, so a repeated key costs
microseconds; for so long a revoked one may still be let in.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from gateway.auth.attempts import Attempts
from gateway.auth.locality import is_local
from gateway.http.callers import client_of
from gateway.http.exchange import HttpError
from gateway.http.tasks import own_task
from resolvers import access
from resolvers.access import ANYBODY, Access
from store import keys
from store.archive import Archive, open_archive
from store.errors import StoreError
from store.ledger import now

REMEMBERED_SECONDS = 5
MOST_REMEMBERED = 10_000
USE_NOTED_EVERY = timedelta(minutes=1)
CHALLENGE = 'Bearer realm="proxygraph"'

log = logging.getLogger("proxygraph.gateway")


class KeysMissing(Exception):
    """The server would be open to others than this machine; its text is a sentence that says what to do."""


class Unauthenticated(HttpError):
    """401: a key is needed, or the one that was shown is no good."""

    def __init__(self, message: str, shown: bool = True) -> None:
        challenge = f'{CHALLENGE}, error="invalid_token"' if shown else CHALLENGE
        super().__init__(401, message, ((b"www-authenticate", challenge.encode()),), code="UNAUTHENTICATED")


class Forbidden(HttpError):
    """403: the key is good, but for nothing here."""

    def __init__(self, message: str) -> None:
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="read"'
        super().__init__(403, message, ((b"www-authenticate", challenge.encode()),), code="FORBIDDEN")


class Verified(NamedTuple):
    """An access, and for how many seconds more it holds (None: without end)."""

    access: Access
    seconds: float | None


class Tokens(Protocol):
    """Whoever verifies the tokens of an identity provider."""

    async def verified(self, token: str) -> Verified:
        """What the token gives. Raises HttpError: 401 where it is no good, 503 where that can't be found out."""
        ...


class Authenticator:
    """Lets requests in by key, by token where ``tokens`` verifies them, and without either where none is required."""

    def __init__(
        self,
        archive: Archive,
        key_required: bool,
        tokens: Tokens | None = None,
        clock: Callable[[], float] = time.monotonic,
        rate: int | None = None,
    ) -> None:
        """``rate`` is the number of requests a minute that is set for every caller, if one is."""
        self._archive, self._key_required, self._tokens, self._clock = archive, key_required, tokens, clock
        self._attempts = Attempts(rate, clock)
        self._remembered: dict[bytes, tuple[Access, float]] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def access(self, scope: Mapping[str, Any], given: Mapping[bytes, bytes]) -> Access:
        """Who sent the request with this ASGI scope and these headers.

        Raises HttpError: 401, 403, 429 after many wrong keys, or 503 where an identity provider is needed and away.
        """
        shown = given.get(b"authorization")
        if not shown:
            self._demand_keyless(scope, given)
            return ANYBODY
        digest = hashlib.sha256(shown).digest()
        remembered = self._remembered.get(digest)
        if remembered and self._clock() < remembered[1]:
            return remembered[0]
        client = client_of(scope)
        self._attempts.begin(client)
        try:
            found, seconds = await self._verified(shown)
        except HttpError as error:
            if error.status == 503:
                self._attempts.take_back(client)
            raise
        self._attempts.take_back(client)
        if not found.scopes:
            raise Forbidden("Expected a key or token with the scope read, read:content or delete, but it has none.")
        if len(self._remembered) >= MOST_REMEMBERED:
            self._remembered.clear()
        until = self._clock() + min(REMEMBERED_SECONDS, REMEMBERED_SECONDS if seconds is None else seconds)
        self._remembered[digest] = found, until
        return found

    def _demand_keyless(self, scope: Mapping[str, Any], given: Mapping[bytes, bytes]) -> None:
        if self._key_required:
            raise Unauthenticated("Expected a key, as in `Authorization: Bearer pgk_…`, but got none.", shown=False)
        if not is_local(scope, given):
            raise HttpError(
                403,
                "Expected a request from this machine, for this server asks nobody for a key, but got one that was "
                "forwarded from elsewhere. Set PROXYGRAPH_REQUIRE_KEY=true behind a proxy, and make keys.",
                code="FORBIDDEN",
            )

    async def settle(self) -> None:
        """Waits until every use is noted."""
        await asyncio.gather(*self._notes)

    async def _verified(self, shown: bytes) -> Verified:
        scheme, _, credential = shown.partition(b" ")
        text = credential.strip().decode("latin-1")
        if scheme.lower() != b"bearer" or not text:
            raise Unauthenticated("Expected `Authorization: Bearer` and a key, but got another kind of credential.")
        if self._tokens and not text.startswith(keys.PREFIX):
            await own_task()
            return await self._tokens.verified(text)
        key = await keys.find(self._archive, text)
        if key is None:
            raise Unauthenticated("Expected a key that was made here, but this one is not known.")
        if not key.opens(now()):
            raise Unauthenticated(
                f"Expected a key that still opens, but this one {'was revoked' if key.revoked_at else 'has expired'}."
            )
        moment = datetime.now(UTC)
        used = datetime.fromisoformat(key.last_used_at) if key.last_used_at else None
        if used is None or moment - used > USE_NOTED_EVERY:
            self._note(key.name)
        left = (datetime.fromisoformat(key.expires_at) - moment).total_seconds() if key.expires_at else None
        return Verified(access.granted(key.name, key.scopes), left)

    def _note(self, name: str) -> None:
        task = asyncio.create_task(self._write_note(name))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write_note(self, name: str) -> None:
        try:
            await keys.note_use(self._archive, name)
        except Exception as error:  # The next use will be noted; nobody waits for this one.
            reason = error if isinstance(error, StoreError) else type(error).__name__
            log.warning("The use of a key was not noted: %s", reason)


async def demand_keys(database: Path, host: str) -> None:
    """Raises KeysMissing where no key opens the archive, which ``host`` would then show to everybody."""
    async with open_archive(database, look_for_damage=False) as archive:
        if not await keys.has_keys(archive):
            raise KeysMissing(
                f"A server on {host} can be reached by others, and wants a key of everybody, but {database} has none. "
                f"Make one: python -m gateway keys create NAME --scope read --database {database}; or name an identity "
                "provider (PROXYGRAPH_JWT_JWKS_URL); or listen on 127.0.0.1."
            )
