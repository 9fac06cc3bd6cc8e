"""Keys: who may ask, kept as hashes alone, so that the file gives no key away.

A key is 256 random bits, so one SHA-256 is enough: slow hashes are there for passwords, which can be guessed. It is
looked up by its hash, whose digits nobody can choose, so the time that takes tells nothing either.
Nothing here moves the archive's data version: no answer changes when a key is made, used or revoked.
"""

import hashlib
import secrets

import msgspec

from store.archive import Archive
from store.errors import KeyNameTaken
from store.ledger import now

PREFIX = "pgk_"
"""What every key starts with, so that people and scanners for leaked secrets know one when they see it."""

COLUMNS = "name, scopes, created_at, expires_at, revoked_at, last_used_at"
INSERT = """
INSERT INTO access_key (name, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO NOTHING
""".strip()
LIST = f"SELECT {COLUMNS} FROM access_key ORDER BY created_at, name"
FIND = f"SELECT {COLUMNS} FROM access_key WHERE hash = ?"
ANY = "SELECT EXISTS (SELECT 1 FROM access_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?))"
REVOKE = "UPDATE access_key SET revoked_at = coalesce(revoked_at, ?) WHERE name = ?"
USED = "UPDATE access_key SET last_used_at = ? WHERE name = ?"


class Key(msgspec.Struct, frozen=True):
    """What is kept of a key, but for its hash; times are written as everywhere in the archive."""

    name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None

    def opens(self, at: str) -> bool:
        """Whether it is neither revoked nor expired at that time."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > at)


async def create(archive: Archive, name: str, scopes: tuple[str, ...], expires_at: str | None) -> str:
    """A new key's text, which is nowhere to be had again. Raises KeyNameTaken; a revoked key keeps its name."""
    text = PREFIX + secrets.token_urlsafe(32)
    async with archive.writer.transaction(moves_data=False) as transaction:
        row = (name, hashed(text), " ".join(scopes), now(), expires_at)
        if not await transaction.execute(INSERT, row):
            raise KeyNameTaken(f"There is, or was, a key named {name}; the ledger tells keys by name. Choose another.")
    return text


async def keys(archive: Archive) -> list[Key]:
    """Every key that was ever made, the oldest first."""
    return [_key(*row) for row in await archive.fetch(LIST)]


async def find(archive: Archive, text: str) -> Key | None:
    """The key with this text, whether it still opens or not; None where there is none."""
    return next((_key(*row) for row in await archive.fetch(FIND, (hashed(text),))), None)


async def has_keys(archive: Archive) -> bool:
    """Whether any key opens now."""
    ((any_key,),) = await archive.fetch(ANY, (now(),))
    return bool(any_key)


async def revoke(archive: Archive, name: str) -> bool:
    """Revokes the key; False where there is none of that name. Revoking twice is harmless."""
    async with archive.writer.transaction(moves_data=False) as transaction:
        return bool(await transaction.execute(REVOKE, (now(), name)))


async def note_use(archive: Archive, name: str) -> None:
    """Notes that the key was used now."""
    async with archive.writer.transaction(moves_data=False) as transaction:
        await transaction.execute(USED, (now(), name))


def hashed(text: str) -> str:
    """What is kept of a key's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def _key(name: str, scopes: str, *times: str | None) -> Key:
    created_at, expires_at, revoked_at, last_used_at = times
    return Key(name, tuple(scopes.split()), created_at or "", expires_at, revoked_at, last_used_at)
