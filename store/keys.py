"""Keys of clients. Only their hashes are stored, so nobody can read a key from the file.

A key is 256 random bits, so one SHA-256 is enough: slow hashes are for passwords, which can be guessed. A key is looked
up by its hash. Nobody can choose a hash's digits, so the duration of the lookup reveals nothing about a key.

Creating, using or revoking a key doesn't change the archive's data version, because it changes no answer.
"""

import hashlib
import secrets
from collections.abc import Iterable

import msgspec

from store.engine.protocols import Archive, Readable
from store.engine.sql import Statement
from store.errors import KeyNameTaken
from store.twilio_mapping import now

PREFIX = "pgk_"
"""The prefix of every key, by which people and secret scanners recognise one."""

COLUMNS = "name, scopes, created_at, expires_at, revoked_at, last_used_at"
INSERT = """
INSERT INTO access_key (name, hash, scopes, created_at, expires_at) VALUES (:name, :hash, :scopes, :at, :expires_at)
ON CONFLICT (name) DO NOTHING
""".strip()
LIST = f"SELECT {COLUMNS} FROM access_key ORDER BY created_at, name"
FIND = f"SELECT {COLUMNS} FROM access_key WHERE hash = :hash"
ANY = "SELECT EXISTS (SELECT 1 FROM access_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :at))"
INVALID = Statement(
    lambda dialect: f"""
SELECT value FROM ({dialect.values(":hashes")}) AS asked LEFT JOIN access_key ON hash = value
WHERE name IS NULL OR revoked_at IS NOT NULL OR expires_at <= :at
""".strip()
)
REVOKE = "UPDATE access_key SET revoked_at = coalesce(revoked_at, :at) WHERE name = :name"
USED = "UPDATE access_key SET last_used_at = :at WHERE name = :name"


class Key(msgspec.Struct, frozen=True):
    """The stored properties of a key, without its hash. Times are ISO 8601 in UTC."""

    name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None

    def is_valid(self, at: str) -> bool:
        """Whether the key is neither revoked nor expired at the time ``at``."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


async def create(archive: Archive, name: str, scopes: tuple[str, ...], expires_at: str | None) -> str:
    """Creates a key and returns its text, which can't be retrieved later.

    Raises KeyNameTaken if the archive has, or had, a key with this name.
    """
    text = PREFIX + secrets.token_urlsafe(32)
    async with archive.writer.transaction() as transaction:
        row = {"name": name, "hash": hashed(text), "scopes": " ".join(scopes), "at": now(), "expires_at": expires_at}
        if not await transaction.execute(INSERT, row):
            raise KeyNameTaken(
                f"There is, or was, a key named {name}, and the ledger refers to keys by name. Choose another name."
            )
    return text


async def keys(archive: Readable) -> list[Key]:
    """All keys ever created, oldest first."""
    return [_key(*row) for row in await archive.fetch(LIST)]


async def find(archive: Archive, text: str) -> Key | None:
    """The key with this text, even if it is revoked or expired; None if there is none."""
    return next((_key(*row) for row in await archive.fetch(FIND, {"hash": hashed(text)})), None)


async def invalid(archive: Readable, hashes: Iterable[str]) -> set[str]:
    """Those of the hashes whose key is unknown, revoked or expired."""
    wanted = msgspec.json.encode(list(hashes)).decode()
    return {digest for (digest,) in await archive.fetch(INVALID, {"hashes": wanted, "at": now()})}


async def has_keys(archive: Readable) -> bool:
    """Whether any key is valid now."""
    ((any_key,),) = await archive.fetch(ANY, {"at": now()})
    return bool(any_key)


async def revoke(archive: Archive, name: str) -> bool:
    """Revokes the key; returns False if there is none with this name. Revoking twice is harmless."""
    async with archive.writer.transaction() as transaction:
        return bool(await transaction.execute(REVOKE, {"at": now(), "name": name}))


async def note_use(archive: Archive, name: str) -> None:
    """Stores the current time as the key's last use."""
    async with archive.writer.transaction() as transaction:
        await transaction.execute(USED, {"at": now(), "name": name})


def hashed(text: str) -> str:
    """The stored hash of a key's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(name: str, scopes: str, *times: str | None) -> Key:
    created_at, expires_at, revoked_at, last_used_at = times
    return Key(name, tuple(scopes.split()), created_at or "", expires_at, revoked_at, last_used_at)
