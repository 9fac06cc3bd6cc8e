"""The commands: ``python -m gateway demo``, ``serve``, ``sync``, ``seed`` and ``schema``.

Exit codes: 0 done, 1 could not be done (one sentence on stderr says why), 2 wrong settings (a line for each).
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer
from pydantic import AliasChoices
from rich.console import Console

from gateway.settings import (
    DemoSettings,
    Limits,
    Protocol,
    SeedSettings,
    ServeSettings,
    Settings,
    SettingsError,
    SyncSettings,
    TwilioSettings,
)
from store.errors import StoreError

S = TypeVar("S", bound=Settings)

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

commands = typer.Typer(
    help="Proxygraph: a GraphQL gateway to, and an archive of, the conversations of Twilio Proxy.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _flag(settings: type[Settings], name: str) -> Any:
    # Flags come in as text: the settings check them all together, and tell every problem at once.
    field = settings.model_fields[name]
    default = "needed" if field.is_required() else f"default: {field.default}"
    help_text = f"{field.description} [dim]\\[{default}; env: {_variable(settings, name)}][/dim]"
    flag = f"--{name.replace('_', '-')}"
    return typer.Option(flag, help=help_text, show_default=False, metavar=name.upper())


def _switch(settings: type[Settings], name: str) -> Any:
    field = settings.model_fields[name]
    help_text = f"{field.description} [dim]\\[env: {_variable(settings, name)}][/dim]"
    return typer.Option(f"--{name.replace('_', '-')}", help=help_text, show_default=False)


def _variable(settings: type[Settings], name: str) -> str:
    alias = settings.model_fields[name].validation_alias
    return str(alias.choices[-1]) if isinstance(alias, AliasChoices) else f"{settings.prefix()}{name.upper()}"


@commands.command()
def demo(
    database: Annotated[str | None, _flag(DemoSettings, "database")] = None,
    host: Annotated[str | None, _flag(DemoSettings, "host")] = None,
    port: Annotated[str | None, _flag(DemoSettings, "port")] = None,
) -> None:
    """Try Proxygraph without a Twilio account.

    Fills a database with made-up conversations (the first time), serves it, and says where to look.
    """
    flags = locals()
    settings, *_ = _all_settings(lambda: DemoSettings.of(flags), lambda: Protocol.of({}), lambda: Limits.of({}))
    from rich.syntax import Syntax

    from gateway.graphiql import FIRST_QUERY
    from gateway.seeding import DEMO, demo_archive
    from gateway.server import listen, serve

    with _sentences():
        listener = listen(settings.host, settings.port)
        filled = asyncio.run(demo_archive(settings.database, DEMO))
        address = _address(listener.getsockname())
        out.print(
            f"[bold]Proxygraph demo[/bold] over {settings.database} ({'just filled' if filled else 'as it was left'})"
        )
        out.print(f"  GraphQL endpoint  {address}/graphql  (POST, JSON)")
        out.print(f"  GraphiQL          {address}/graphql  (open it in a browser)")
        out.print("\nA first query to paste into GraphiQL:\n")
        out.print(Syntax(FIRST_QUERY, "graphql", theme="ansi_dark", background_color="default"))
        out.print("Press Ctrl-C to stop.")
        raise typer.Exit(serve({"database": str(settings.database)}, listener, workers=1))


@commands.command()
def serve(
    database: Annotated[str | None, _flag(ServeSettings, "database")] = None,
    host: Annotated[str | None, _flag(ServeSettings, "host")] = None,
    port: Annotated[str | None, _flag(ServeSettings, "port")] = None,
    workers: Annotated[str | None, _flag(ServeSettings, "workers")] = None,
    sync_every: Annotated[str | None, _flag(ServeSettings, "sync_every")] = None,
    drain: Annotated[str | None, _flag(ServeSettings, "drain")] = None,
    documents: Annotated[str | None, _flag(Protocol, "documents")] = None,
    documents_mode: Annotated[str | None, _flag(Protocol, "documents_mode")] = None,
    legacy_status: Annotated[bool | None, _switch(Protocol, "legacy_status")] = None,
) -> None:
    """Serve an archive as GraphQL.

    A file that is not there yet is created, empty. Where the environment names a Twilio account (see sync --help),
    deleteInteraction deletes there too, and --sync-every keeps the archive fresh.
    """
    flags = locals()
    settings, protocol, twilio, _ = _all_settings(
        lambda: ServeSettings.of(flags),
        lambda: Protocol.of(flags),
        TwilioSettings.of_environment_if_any,
        lambda: Limits.of({}),
    )
    if settings.sync_every and twilio is None:
        err.print("--sync-every needs a Twilio account: TWILIO_ACCOUNT_SID is not set.")
        raise typer.Exit(2)
    from gateway.persisted import listed_in
    from gateway.seeding import checked_archive
    from gateway.server import listen, serve

    with _sentences():
        listener = listen(settings.host, settings.port)
        if protocol.documents:
            listed_in(protocol.documents)
        created = asyncio.run(checked_archive(settings.database))
        out.print(f"Serving {settings.database}{' (new, and empty)' if created else ''}")
        out.print(f"at {_address(listener.getsockname())}/graphql, which shows GraphiQL to a browser. Ctrl-C stops it.")
        environment = {
            name: str(getattr(settings, name)) for name in ("database", "drain", "sync_every", "sync_full_every")
        }
        environment |= {name: str(value) for name, value in protocol if value is not None}
        raise typer.Exit(serve(environment, listener, settings.workers))


@commands.command()
def sync(
    database: Annotated[str | None, _flag(SyncSettings, "database")] = None,
    full: Annotated[bool | None, _switch(SyncSettings, "full")] = None,
    service: Annotated[list[str] | None, _flag(SyncSettings, "service")] = None,
    keep: Annotated[bool | None, _switch(SyncSettings, "keep")] = None,
    erase: Annotated[bool | None, _switch(SyncSettings, "erase")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print nothing but a summary, as JSON.")] = False,
) -> None:
    """Mirror a Twilio account's Proxy into the archive.

    The account is that of TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET. Stop it
    anywhere; the next run goes on. Exit codes: 0 complete, 1 failed, 2 wrong settings, 3 it would erase too much,
    4 another sync is running, 130 stopped.
    """
    flags = {"database": database, "full": full, "service": service or None, "keep": keep, "erase": erase}
    settings, twilio = _all_settings(lambda: SyncSettings.of(flags), TwilioSettings.of_environment)
    from gateway.sync_command import run

    raise typer.Exit(run(settings, twilio, as_json, out, err))


@commands.command()
def seed(
    database: Annotated[str | None, _flag(SeedSettings, "database")] = None,
    services: Annotated[str | None, _flag(SeedSettings, "services")] = None,
    sessions: Annotated[str | None, _flag(SeedSettings, "sessions")] = None,
    interactions: Annotated[str | None, _flag(SeedSettings, "interactions")] = None,
    seed: Annotated[str | None, _flag(SeedSettings, "seed")] = None,
) -> None:
    """Fill a new database with a made-up account, as large as you like.

    Everything in it is invented: phone numbers of the range kept for fiction, roles for names.
    """
    settings = _settings(SeedSettings, locals())
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gateway.seeding import Seed, seed_archive

    wanted = Seed(settings.seed, settings.services, settings.sessions, settings.interactions)
    total = settings.services * settings.sessions * settings.interactions
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with _sentences(), Progress(*columns, console=err, disable=not err.is_terminal) as progress:
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
        _fail(
            "schema/schema.graphql differs from the schema. Write it anew: "
            "python -m gateway schema > schema/schema.graphql"
        )


def _all_settings(*readings: Callable[[], Any]) -> tuple[Any, ...]:
    problems: list[str] = []
    found: list[Any] = []
    for read in readings:
        try:
            found.append(read())
        except SettingsError as error:
            problems += error.problems
    if problems:
        for problem in problems:
            err.print(problem, markup=False)
        raise typer.Exit(2)
    return tuple(found)


def _settings(kind: type[S], flags: dict[str, Any]) -> S:
    try:
        return kind.of(flags)
    except SettingsError as error:
        for problem in error.problems:
            err.print(problem, markup=False)
        raise typer.Exit(2) from error


@contextmanager
def _sentences() -> Iterator[None]:
    from gateway.persisted import DocumentsUnusable
    from gateway.server import PortTaken

    try:
        yield
    except (StoreError, PortTaken, DocumentsUnusable) as error:
        _fail(str(error))


def _fail(sentence: str) -> None:
    err.print(sentence, markup=False)
    raise typer.Exit(1)


def _address(name: Any) -> str:
    host, port = name[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
