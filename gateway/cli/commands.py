"""The commands of ``proxygraph``, which is ``python -m gateway`` in a checkout.

Exit codes: 0 done, 1 failed (a sentence on stderr says why), 2 invalid settings (a line for each problem).
"""

import asyncio
import logging
import socket
from ipaddress import ip_address
from typing import Annotated, Any

import typer

from gateway import COMMAND, __version__
from gateway.cli.backup_command import backup
from gateway.cli.command_line import CommandGroup, add, all_settings, flag, plain_switch, settings_of, switch
from gateway.cli.copies.copy_command import copy
from gateway.cli.erase_command import erase
from gateway.cli.export_command import ExportCommand, export
from gateway.cli.keys_command import keys
from gateway.cli.ledger_command import ledger
from gateway.cli.messages import as_json, err, fail, out, sentences, tell
from gateway.cli.restore_command import restore
from gateway.cli.status_command import status
from gateway.cli.twilio.callbacks_command import callbacks
from gateway.observe.logs import LogSettings
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.commands import DemoSettings, SeedSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import Limits, Protocol, ServeSettings
from gateway.settings.subscriptions import SubscriptionSettings
from store.engine.database import Database, text_with_password

ORDER = """
demo serve sync callbacks keys erase ledger status backup restore export copy schema seed
"""


class Commands(CommandGroup):
    """All commands; ``--help`` lists them in the order in which somebody meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        names: list[str] = super().list_commands(ctx)
        places = {name: place for place, name in enumerate(ORDER.split())}
        return sorted(names, key=lambda name: places[name])


commands = typer.Typer(
    cls=Commands,
    help="Proxygraph: a GraphQL gateway to, and an archive of, the conversations of Twilio Proxy.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

WITHOUT_FLAGS = (
    lambda: AccessSettings.of({}),
    JwtSettings.of_environment_if_any,
    lambda: LogSettings.of({}),
    lambda: Limits.of({}),
    lambda: SubscriptionSettings.of({}),
)
"""Readers of the settings without flags that every server has."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"Proxygraph {__version__}")
        raise typer.Exit


@commands.callback()
def proxygraph(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, metavar="", help="Print the version."),
    ] = False,
) -> None:
    """The options that come before any command; typer calls ``_print_version`` for the only one."""


def demo(
    database: Annotated[str | None, flag(DemoSettings, "database")] = None,
    now: Annotated[str | None, flag(DemoSettings, "now")] = None,
    host: Annotated[str | None, flag(DemoSettings, "host")] = None,
    port: Annotated[str | None, flag(DemoSettings, "port")] = None,
) -> None:
    """Try Proxygraph without a Twilio account.

    The first time it fills a database with made-up conversations. Then it serves them and prints the address.
    """
    flags = locals()
    settings, _, access, jwt, *_ = all_settings(lambda: DemoSettings.of(flags), lambda: Protocol.of({}), *WITHOUT_FLAGS)
    from gateway.auth.authentication import KeysMissing
    from gateway.demo.seeding import DEMO, demo_archive
    from gateway.server import serve
    from gateway.workers import PortTaken, listen

    with sentences(PortTaken, KeysMissing), listen(settings.host, settings.port) as listener:
        filled = asyncio.run(demo_archive(settings.database, DEMO._replace(day=settings.now)))
        key_required = _key_required(listener, settings, access, jwt)
        address = _address(listener.getsockname())
        state = "just filled" if filled else "as it was left"
        if as_json():
            tell(f"Proxygraph demo over {settings.database} ({state}) at {address}/graphql.", logging.INFO, out)
        else:
            _introduce(address, settings.database, state, access.model_copy(update={"require_key": key_required}))
        configured = {"database": text_with_password(settings.database), "require_key": str(key_required)}
        raise typer.Exit(serve(configured, listener, 1, note_level=logging.DEBUG))


def serve(
    database: Annotated[str | None, flag(ServeSettings, "database")] = None,
    host: Annotated[str | None, flag(ServeSettings, "host")] = None,
    port: Annotated[str | None, flag(ServeSettings, "port")] = None,
    workers: Annotated[str | None, flag(ServeSettings, "workers")] = None,
    replica: Annotated[list[str] | None, flag(ServeSettings, "replica")] = None,
    sync_every: Annotated[str | None, flag(ServeSettings, "sync_every")] = None,
    drain: Annotated[str | None, flag(ServeSettings, "drain")] = None,
    documents: Annotated[str | None, flag(Protocol, "documents")] = None,
    documents_mode: Annotated[str | None, flag(Protocol, "documents_mode")] = None,
    legacy_status: Annotated[bool | None, switch(Protocol, "legacy_status")] = None,
) -> None:
    """Serve an archive as GraphQL.

    A missing file, or an empty database of PostgreSQL, becomes an empty archive. If the environment names a Twilio
    account (see sync --help), deleteInteraction deletes at Twilio too, and --sync-every keeps the archive up to date.
    """
    flags = {**locals(), "replica": replica or None}
    settings, protocol, twilio, callback_settings, access, jwt, *_ = all_settings(
        lambda: ServeSettings.of(flags),
        lambda: Protocol.of(flags),
        TwilioSettings.of_environment_if_any,
        lambda: CallbackSettings.of({}),
        *WITHOUT_FLAGS,
    )
    if settings.sync_every and twilio is None:
        fail("--sync-every needs a Twilio account, but TWILIO_ACCOUNT_SID is not set. Set it (see sync --help).", 2)
    from gateway.auth.authentication import KeysMissing
    from gateway.demo.seeding import checked_archive
    from gateway.endpoint.persisted import DocumentsUnusable, read_manifest
    from gateway.server import serve
    from gateway.workers import PortTaken, listen

    refusals = (PortTaken, KeysMissing, DocumentsUnusable)
    with sentences(*refusals), listen(settings.host, settings.port, settings.workers > 1) as listener:
        if protocol.documents:
            read_manifest(protocol.documents)
        created = asyncio.run(checked_archive(settings.database, twilio.account_sid if twilio else None))
        key_required = _key_required(listener, settings, access, jwt)
        reason = callback_settings.reason_off(twilio)
        if reason:
            tell(reason, logging.WARNING)
        new = " (new, and empty)" if created else ""
        open_to = "to holders of a key" if key_required else "to this machine"
        end = "" if as_json() else " Press Ctrl-C to stop."
        tell(
            f"Serving {settings.database}{new} at {_address(listener.getsockname())}/graphql, open {open_to}.{end}",
            logging.INFO,
            out,
        )
        if callback_settings.public_url and not reason:
            tell(f"Taking Twilio's callbacks at {callback_settings.callback_url}.", logging.INFO, out)
        environment = {name: str(getattr(settings, name)) for name in ("drain", "sync_every", "sync_full_every")}
        environment["database"] = text_with_password(settings.database)
        environment["replica"] = ",".join(map(text_with_password, settings.replicas.addresses))
        environment |= {name: str(value) for name, value in protocol if value is not None}
        environment["require_key"] = str(key_required)
        raise typer.Exit(serve(environment, listener, settings.workers))


def sync(
    database: Annotated[str | None, flag(SyncSettings, "database")] = None,
    full: Annotated[bool | None, switch(SyncSettings, "full")] = None,
    service: Annotated[list[str] | None, flag(SyncSettings, "service")] = None,
    keep: Annotated[bool | None, switch(SyncSettings, "keep")] = None,
    erase: Annotated[bool | None, switch(SyncSettings, "erase")] = None,
    json_only: Annotated[bool, plain_switch("--json", "Print nothing but a summary, as JSON.")] = False,
) -> None:
    """Mirror a Twilio account's Proxy into the archive.

    Set TWILIO_ACCOUNT_SID, and either TWILIO_AUTH_TOKEN or both TWILIO_API_KEY and TWILIO_API_SECRET. You can stop it
    at any time; the next run continues.

    A session that can't be read is left out, and each run tries it again. Nothing is erased if this machine's clock and
    Twilio's differ by more than 5 minutes. A run with --service doesn't count as a sync of the account.

    Requests use HTTPS_PROXY, ALL_PROXY and NO_PROXY, and a company's certificates in REQUESTS_CA_BUNDLE,
    CURL_CA_BUNDLE or SSL_CERT_FILE.

    Exit codes: 0 complete, 1 failed or something was left out, 2 invalid settings, 3 it would erase too much, 4 another
    sync is running, 130 stopped.
    """
    flags = {"database": database, "full": full, "service": service or None, "keep": keep, "erase": erase}
    settings, twilio, _ = all_settings(
        lambda: SyncSettings.of(flags), TwilioSettings.of_environment, lambda: LogSettings.of({})
    )
    from gateway.cli.twilio.sync_command import run

    raise typer.Exit(run(settings, twilio, json_only, out, err))


def seed(
    database: Annotated[str | None, flag(SeedSettings, "database")] = None,
    services: Annotated[str | None, flag(SeedSettings, "services")] = None,
    sessions: Annotated[str | None, flag(SeedSettings, "sessions")] = None,
    interactions: Annotated[str | None, flag(SeedSettings, "interactions")] = None,
    seed: Annotated[str | None, flag(SeedSettings, "seed")] = None,
    now: Annotated[str | None, flag(SeedSettings, "now")] = None,
) -> None:
    """Fill a new database with a made-up account of any size.

    All its data is invented. The phone numbers are from the range reserved for fiction, and names are roles.
    """
    settings = settings_of(SeedSettings, locals())
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gateway.demo.seeding import Seed, seed_archive

    wanted = Seed(settings.seed, settings.services, settings.sessions, settings.interactions, day=settings.now)
    total = settings.services * settings.sessions * settings.interactions
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with sentences(), Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("Interactions", total=total)
        filled = asyncio.run(seed_archive(settings.database, wanted, lambda added: progress.advance(task, added)))
    message = f"{settings.database} already has exactly this account; nothing was changed."
    if filled:
        message = (
            f"Filled {settings.database} with {settings.services:,} Services, "
            f"{settings.services * settings.sessions:,} Sessions and {total:,} Interactions. "
            f"Serve it: {COMMAND} serve --database {settings.database}"
        )
    tell(message, logging.INFO, out)


def schema(
    check: Annotated[
        bool, plain_switch("--check", "Print nothing, and fail if schema/schema.graphql differs.")
    ] = False,
) -> None:
    """Print the schema in GraphQL's schema definition language."""
    from schema.build import SDL_FILE, printed

    if not check:
        typer.echo(printed(), nl=False)
    elif not SDL_FILE.exists() or SDL_FILE.read_text("utf-8") != printed():
        fail(f"schema/schema.graphql differs from the schema. Write it again: {COMMAND} schema > schema/schema.graphql")


for command in (demo, serve, sync, erase, ledger, status, backup, restore, copy, schema, seed):
    add(commands, command)
add(commands, export, command_class=ExportCommand)
commands.add_typer(keys, name="keys")
commands.add_typer(callbacks, name="callbacks")


def _introduce(address: str, database: Database, state: str, access: AccessSettings) -> None:
    """Prints what the demo serves, and its address on the last line."""
    from rich.text import Text

    from gateway.graphiql import NOT_BUILT

    out.print(Text.assemble(("Proxygraph demo", "bold"), f" over {database} ({state}). Press Ctrl-C to stop."))
    if access.shows_graphiql and NOT_BUILT:
        out.print(f"GraphiQL is loaded from a CDN: {NOT_BUILT}")
    out.print("Open this address in a browser:" if access.shows_graphiql else "Post GraphQL to this address:")
    out.print(f"{address}/graphql")


def _key_required(
    listener: socket.socket, settings: ServeSettings | DemoSettings, access: AccessSettings, jwt: JwtSettings | None
) -> bool:
    """Whether every client needs a key. Raises KeysMissing if one is needed and there is none."""
    from gateway.auth.authentication import demand_keys

    if ip_address(listener.getsockname()[0]).is_loopback:
        return access.require_key
    if jwt is None:
        asyncio.run(demand_keys(settings.database, settings.host))
    return True


def _address(name: Any) -> str:
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
