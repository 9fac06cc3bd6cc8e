"""The commands: ``python -m gateway demo``, ``serve``, ``sync``, ``seed``, ``keys``, ``ledger`` and ``schema``.

Exit codes: 0 done, 1 could not be done (one sentence on stderr says why), 2 wrong settings (a line for each).
"""

import asyncio
import socket
from ipaddress import ip_address
from typing import Annotated, Any

import typer

from gateway.cli.command_line import all_settings, err, fail, flag, out, sentences, settings_of, switch
from gateway.cli.keys_command import keys
from gateway.cli.ledger_command import ledger
from gateway.observe.logs import LogSettings
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import DemoSettings, Limits, Protocol, SeedSettings, ServeSettings

commands = typer.Typer(
    help="Proxygraph: a GraphQL gateway to, and an archive of, the conversations of Twilio Proxy.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


commands.add_typer(keys, name="keys")

WITHOUT_FLAGS = (
    lambda: AccessSettings.of({}),
    JwtSettings.of_environment_if_any,
    lambda: LogSettings.of({}),
    lambda: Limits.of({}),
)
"""The settings of every server that have no flags."""


@commands.command()
def demo(
    database: Annotated[str | None, flag(DemoSettings, "database")] = None,
    host: Annotated[str | None, flag(DemoSettings, "host")] = None,
    port: Annotated[str | None, flag(DemoSettings, "port")] = None,
) -> None:
    """Try Proxygraph without a Twilio account.

    Fills a database with made-up conversations (the first time), serves it, and says where to look.
    """
    flags = locals()
    settings, _, access, jwt, *_ = all_settings(lambda: DemoSettings.of(flags), lambda: Protocol.of({}), *WITHOUT_FLAGS)
    from rich.syntax import Syntax

    from gateway.auth.authentication import KeysMissing
    from gateway.demo.seeding import DEMO, demo_archive
    from gateway.graphiql import FIRST_QUERY, NOT_BUILT
    from gateway.server import PortTaken, listen, serve

    with sentences(PortTaken, KeysMissing):
        listener = listen(settings.host, settings.port)
        filled = asyncio.run(demo_archive(settings.database, DEMO))
        key_required = _key_required(listener, settings, access, jwt)
        address = _address(listener.getsockname())
        out.print(
            f"[bold]Proxygraph demo[/bold] over {settings.database} ({'just filled' if filled else 'as it was left'})"
        )
        out.print(f"  GraphQL endpoint  {address}/graphql  (POST, JSON)")
        if access.model_copy(update={"require_key": key_required}).shows_graphiql:
            out.print(f"  GraphiQL          {address}/graphql  (open it in a browser)")
            if NOT_BUILT:
                out.print(f"  GraphiQL is loaded from a CDN: {NOT_BUILT}")
        out.print("\nA first query to try:\n")
        out.print(Syntax(FIRST_QUERY, "graphql", theme="ansi_dark", background_color="default"))
        out.print("Press Ctrl-C to stop.")
        raise typer.Exit(serve({"database": str(settings.database), "require_key": str(key_required)}, listener, 1))


@commands.command()
def serve(
    database: Annotated[str | None, flag(ServeSettings, "database")] = None,
    host: Annotated[str | None, flag(ServeSettings, "host")] = None,
    port: Annotated[str | None, flag(ServeSettings, "port")] = None,
    workers: Annotated[str | None, flag(ServeSettings, "workers")] = None,
    sync_every: Annotated[str | None, flag(ServeSettings, "sync_every")] = None,
    drain: Annotated[str | None, flag(ServeSettings, "drain")] = None,
    documents: Annotated[str | None, flag(Protocol, "documents")] = None,
    documents_mode: Annotated[str | None, flag(Protocol, "documents_mode")] = None,
    legacy_status: Annotated[bool | None, switch(Protocol, "legacy_status")] = None,
) -> None:
    """Serve an archive as GraphQL.

    A file that is not there yet is created, empty. Where the environment names a Twilio account (see sync --help),
    deleteInteraction deletes there too, and --sync-every keeps the archive fresh.
    """
    flags = locals()
    settings, protocol, twilio, access, jwt, *_ = all_settings(
        lambda: ServeSettings.of(flags),
        lambda: Protocol.of(flags),
        TwilioSettings.of_environment_if_any,
        *WITHOUT_FLAGS,
    )
    if settings.sync_every and twilio is None:
        err.print("--sync-every needs a Twilio account: TWILIO_ACCOUNT_SID is not set.")
        raise typer.Exit(2)
    from gateway.auth.authentication import KeysMissing
    from gateway.demo.seeding import checked_archive
    from gateway.endpoint.persisted import DocumentsUnusable, listed_in
    from gateway.server import PortTaken, listen, serve

    with sentences(PortTaken, KeysMissing, DocumentsUnusable):
        listener = listen(settings.host, settings.port)
        if protocol.documents:
            listed_in(protocol.documents)
        created = asyncio.run(checked_archive(settings.database))
        key_required = _key_required(listener, settings, access, jwt)
        out.print(f"Serving {settings.database}{' (new, and empty)' if created else ''}")
        open_to = "to who has a key" if key_required else "to this machine"
        out.print(f"at {_address(listener.getsockname())}/graphql, open {open_to}. Ctrl-C stops it.")
        environment = {
            name: str(getattr(settings, name)) for name in ("database", "drain", "sync_every", "sync_full_every")
        }
        environment |= {name: str(value) for name, value in protocol if value is not None}
        environment["require_key"] = str(key_required)
        raise typer.Exit(serve(environment, listener, settings.workers))


@commands.command()
def sync(
    database: Annotated[str | None, flag(SyncSettings, "database")] = None,
    full: Annotated[bool | None, switch(SyncSettings, "full")] = None,
    service: Annotated[list[str] | None, flag(SyncSettings, "service")] = None,
    keep: Annotated[bool | None, switch(SyncSettings, "keep")] = None,
    erase: Annotated[bool | None, switch(SyncSettings, "erase")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but a summary, as JSON.")] = False,
) -> None:
    """Mirror a Twilio account's Proxy into the archive.

    The account is that of TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET. Stop it
    anywhere; the next run goes on. Exit codes: 0 complete, 1 failed, 2 wrong settings, 3 it would erase too much,
    4 another sync is running, 130 stopped.
    """
    flags = {"database": database, "full": full, "service": service or None, "keep": keep, "erase": erase}
    settings, twilio, _ = all_settings(
        lambda: SyncSettings.of(flags), TwilioSettings.of_environment, lambda: LogSettings.of({})
    )
    from gateway.cli.sync_command import run

    raise typer.Exit(run(settings, twilio, as_json, out, err))


@commands.command()
def seed(
    database: Annotated[str | None, flag(SeedSettings, "database")] = None,
    services: Annotated[str | None, flag(SeedSettings, "services")] = None,
    sessions: Annotated[str | None, flag(SeedSettings, "sessions")] = None,
    interactions: Annotated[str | None, flag(SeedSettings, "interactions")] = None,
    seed: Annotated[str | None, flag(SeedSettings, "seed")] = None,
) -> None:
    """Fill a new database with a made-up account, as large as you like.

    Everything in it is invented: phone numbers of the range kept for fiction, roles for names.
    """
    settings = settings_of(SeedSettings, locals())
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gateway.demo.seeding import Seed, seed_archive

    wanted = Seed(settings.seed, settings.services, settings.sessions, settings.interactions)
    total = settings.services * settings.sessions * settings.interactions
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with sentences(), Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        task = progress.add_task("Interactions", total=total)
        filled = asyncio.run(seed_archive(settings.database, wanted, lambda added: progress.advance(task, added)))
    if filled:
        out.print(
            f"Filled {settings.database} with {settings.services:,} Services, "
            f"{settings.services * settings.sessions:,} Sessions and {total:,} Interactions. "
            f"Serve it: python -m gateway serve --database {settings.database}"
        )
    else:
        out.print(f"{settings.database} holds just this account already; nothing was changed.")


commands.command()(ledger)


@commands.command()
def schema(
    check: Annotated[
        bool, typer.Option("--check", help="Print nothing; fail where schema/schema.graphql differs.")
    ] = False,
) -> None:
    """Print the schema in GraphQL's schema definition language."""
    from schema.build import SDL_FILE, printed

    if not check:
        typer.echo(printed(), nl=False)
    elif not SDL_FILE.exists() or SDL_FILE.read_text("utf-8") != printed():
        fail(
            "schema/schema.graphql differs from the schema. Write it anew: "
            "python -m gateway schema > schema/schema.graphql"
        )


def _key_required(
    listener: socket.socket, settings: ServeSettings | DemoSettings, access: AccessSettings, jwt: JwtSettings | None
) -> bool:
    """Whether everybody has to show a key. Raises KeysMissing where then nobody could get in."""
    from gateway.auth.authentication import demand_keys

    if ip_address(listener.getsockname()[0]).is_loopback:
        return access.require_key
    if jwt is None:
        asyncio.run(demand_keys(settings.database, settings.host))
    return True


def _address(name: Any) -> str:
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
