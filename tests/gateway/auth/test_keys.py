"""Keys are shown once and stored as hashes; a server that other machines can reach requires one."""

import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest

from databases import New, held, rows
from running_commands import run
from store import keys
from store.engine.database import Database
from store.engine.protocols import Archive
from store.errors import KeyNameTaken
from store.twilio_mapping import now

LATER, EARLIER = "2999-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z"


async def test_a_key_is_256_bits_behind_a_prefix_and_only_its_hash_is_kept(
    archive: Archive, database: Database
) -> None:
    text = await keys.create(archive, "console", ("read",), None)
    assert text.startswith("pgk_")
    assert len(text) == 4 + 43
    ((hashed,),) = await archive.fetch("SELECT hash FROM access_key")
    assert hashed == hashlib.sha256(text.encode()).hexdigest()
    assert text.encode() not in held(database)


async def test_a_key_is_found_only_by_its_text(archive: Archive) -> None:
    text = await keys.create(archive, "console", ("delete", "read"), LATER)
    found = await keys.find(archive, text)
    assert found
    assert (found.name, found.scopes, found.expires_at, found.last_used_at) == (
        "console",
        ("delete", "read"),
        LATER,
        None,
    )
    assert await keys.find(archive, text[:-1]) is None
    assert await keys.find(archive, hashlib.sha256(text.encode()).hexdigest()) is None


async def test_a_revoked_or_expired_key_is_invalid_and_its_name_stays_taken(archive: Archive) -> None:
    assert not await keys.has_keys(archive)
    revoked = await keys.create(archive, "revoked", ("read",), None)
    assert await keys.has_keys(archive)
    expired = await keys.create(archive, "expired", ("read",), EARLIER)
    assert await keys.revoke(archive, "revoked")
    for text in (revoked, expired):
        found = await keys.find(archive, text)
        assert found
        assert not found.is_valid(now())
    assert not await keys.has_keys(archive)
    with pytest.raises(KeyNameTaken, match="There is, or was, a key named revoked"):
        await keys.create(archive, "revoked", ("read",), None)
    assert not await keys.revoke(archive, "nobody")


async def test_creating_using_and_revoking_a_key_do_not_change_the_data_version(archive: Archive) -> None:
    before = await archive.data_version()
    await keys.create(archive, "console", ("read",), None)
    await keys.note_use(archive, "console")
    await keys.revoke(archive, "console")
    assert await archive.data_version() == before
    (key,) = await keys.keys(archive)
    assert key.revoked_at
    assert key.last_used_at


def test_a_key_is_printed_once_on_a_line_of_its_own(new_database: New) -> None:
    of = new_database()
    database = str(of)
    made = run(
        "keys", "create", "console", "--scope", "read", "--scope", "delete", "--expires", "90d", "--database", database
    )
    assert made.returncode == 0
    (text,) = made.stdout.splitlines()
    assert text.startswith("pgk_")
    assert text not in made.stderr
    listed = run("keys", "list", "--database", database)
    assert listed.stdout.splitlines()[1].split()[:4] == ["console", "delete", "read", "valid"]
    assert text not in listed.stdout
    (key,) = json.loads(run("keys", "list", "--json", "--database", database).stdout)
    assert (key["name"], key["scopes"], key["revoked_at"]) == ("console", ["delete", "read"], None)
    ((expires, created),) = rows(of, "SELECT expires_at, created_at FROM access_key")
    assert (datetime.fromisoformat(expires) - datetime.fromisoformat(created)).days in (89, 90)
    again = run("keys", "create", "console", "--scope", "read", "--database", database)
    assert (again.returncode, again.stdout, len(again.stderr.splitlines())) == (1, "", 1)
    revoked = run("keys", "revoke", "console", "--database", database)
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert "revoked" in run("keys", "list", "--database", database).stdout
    nobody = run("keys", "revoke", "nobody", "--database", database)
    assert (nobody.returncode, nobody.stderr.startswith("There is no key named nobody.")) == (1, True)


def test_every_problem_with_a_key_is_reported_at_once(tmp_path: Path) -> None:
    result = run(
        "keys", "create", "anonymous", "--scope", "write", "--expires", "soon", "--database", str(tmp_path / "a.db")
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "NAME: expected up to 64 letters, digits, dots, dashes and underscores, and neither anonymous nor sync, "
        "but got 'anonymous'.",
        "--scope: expected one of read, read:content, delete, but got 'write'.",
        "--expires: expected a number and h, d or w, such as 90d, but got 'soon'.",
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_server_on_a_public_address_does_not_start_without_keys(command: str, database: Database) -> None:
    result = run(command, "--host", "0.0.0.0", "--port", "0", "--database", str(database))
    assert (result.returncode, result.stdout) == (1, "")
    (sentence,) = result.stderr.splitlines()
    assert sentence.startswith("Other machines can reach a server on 0.0.0.0, so it requires keys")
    assert f"python -m gateway keys create NAME --scope read --database {database}" in sentence


def test_invalid_access_settings_are_all_reported_at_once(tmp_path: Path) -> None:
    result = run(
        "serve",
        "--database",
        str(tmp_path / "archive.db"),
        PROXYGRAPH_CORS_ORIGINS="*",
        PROXYGRAPH_ALLOWED_HOSTS="https://example.com",
        PROXYGRAPH_LOG_LEVEL="TRACE",
        PROXYGRAPH_JWT_JWKS_URL="http://id.example.com/keys",
        PROXYGRAPH_JWT_ALGORITHMS="RS256,HS256",
    )
    assert result.returncode == 2
    reported = {line.split(":")[0].split()[0] for line in result.stderr.splitlines()}
    assert reported == {
        "PROXYGRAPH_CORS_ORIGINS",
        "PROXYGRAPH_ALLOWED_HOSTS",
        "PROXYGRAPH_LOG_LEVEL",
        "PROXYGRAPH_JWT_JWKS_URL",
        "PROXYGRAPH_JWT_ALGORITHMS",
        "PROXYGRAPH_JWT_AUDIENCE",
        "PROXYGRAPH_JWT_ISSUER",
    }
