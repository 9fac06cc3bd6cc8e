"""``python -m gateway keys``: creates, lists and revokes the keys of an archive, even while it is served.

A running server picks up changes within a few seconds (see gateway/auth/authentication.py).
"""

import asyncio
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from gateway import COMMAND
from gateway.cli.command_line import CommandGroup, add, flag, plain_switch, settings_of
from gateway.cli.messages import fail, out, sentences, tell
from gateway.cli.tables import show
from gateway.settings.commands import KeysSettings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED_NAMES = ("anonymous", "sync")
LIFETIME = re.compile(r"([1-9]\d{0,4})([hdw])")
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}

Database = Annotated[str | None, flag(KeysSettings, "database")]
Name = Annotated[
    str, typer.Argument(help="Letters, digits, dots, dashes and underscores; logs and the ledger show it.")
]
AsJson = Annotated[bool, plain_switch("--json", "Print a JSON array, for machines.")]

keys = typer.Typer(
    cls=CommandGroup,
    help="Create, list and revoke the keys of an archive. A running server picks up changes within 5 seconds.",
    no_args_is_help=True,
)


def create(
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="read: read everything except content; read:content: read content too (data, body, identifier); "
            "delete: deleteInteraction, and read everything except content. Repeat the option for several scopes.",
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option(metavar="LIFETIME", help="When the key expires, such as 12h, 90d or 8w. Default: never."),
    ] = None,
    database: Database = None,
) -> None:
    """Create a key. It is printed once, on a line of its own, and can't be shown again."""
    settings = settings_of(KeysSettings, {"database": database})
    problems = _problems(name, scope, expires)
    for problem in problems:
        tell(problem)
    if problems:
        raise typer.Exit(2)
    expires_at = _moment(expires) if expires else None
    from store import keys as rows
    from store.archive import open_archive

    async def created() -> str:
        async with open_archive(settings.database, check_for_damage=False) as archive:
            if archive.created:
                tell(f"Created {settings.database}, a new and empty archive.", logging.INFO)
            return await rows.create(archive, name, tuple(sorted(set(scope))), expires_at)

    with sentences():
        text = asyncio.run(created())
        tell(f"The key {name} is shown only now. Send it as `Authorization: Bearer …`.", logging.INFO)
        typer.echo(text)


def list_(database: Database = None, as_json: AsJson = False) -> None:
    """List the keys: names, scopes, expiry and last use, but not the keys themselves."""
    settings = settings_of(KeysSettings, {"database": database})
    import msgspec

    from store import keys as rows
    from store.archive import read_archive
    from store.twilio_mapping import now

    async def all_keys() -> list[rows.Key]:
        async with read_archive(settings.database) as archive:
            return await rows.keys(archive)

    with sentences():
        found = asyncio.run(all_keys())
        if as_json:
            typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
            return
        if not found:
            tell("There are no keys.", logging.INFO, out)
            return
        rows_shown = []
        for key in found:
            state = "revoked" if key.revoked_at else "valid" if key.is_valid(now()) else "expired"
            times = (key.created_at, key.expires_at or "never", key.last_used_at or "never")
            rows_shown.append((key.name, " ".join(key.scopes), state, *times))
        show(out, ("Name", "Scopes", "State", "Created", "Expires", "Last used"), rows_shown)


def revoke(name: Name, database: Database = None) -> None:
    """Revoke a key for good. Its name can't be used again, since the deletion ledger refers to keys by name."""
    settings = settings_of(KeysSettings, {"database": database})
    from store import keys as rows
    from store.archive import open_archive

    async def revoked() -> bool:
        async with open_archive(settings.database, check_for_damage=False, create=False) as archive:
            return await rows.revoke(archive, name)

    with sentences():
        if not asyncio.run(revoked()):
            fail(f"There is no key named {name}. `{COMMAND} keys list` shows the keys there are.")
        tell(f"Revoked {name}. A running server accepts it for at most 5 more seconds.", logging.INFO)


add(keys, create)
add(keys, list_, "list")
add(keys, revoke)


def _problems(name: str, scopes: list[str], expires: str | None) -> list[str]:
    from resolvers.access import Scope

    problems = []
    if not NAME.fullmatch(name) or name in RESERVED_NAMES:
        problems.append(
            "NAME: expected up to 64 letters, digits, dots, dashes and underscores, and neither "
            f"{' nor '.join(RESERVED_NAMES)}, but got {name!r}."
        )
    known = [str(scope) for scope in Scope]
    problems += [
        f"--scope: expected one of {', '.join(known)}, but got {given!r}." for given in scopes if given not in known
    ]
    if expires is not None and not LIFETIME.fullmatch(expires):
        problems.append(f"--expires: expected a number and h, d or w, such as 90d, but got {expires!r}.")
    return problems


def _moment(expires: str) -> str:
    from store.twilio_mapping import instant

    number, unit = expires[:-1], expires[-1]
    return instant((datetime.now(UTC) + int(number) * UNITS[unit]).isoformat())
