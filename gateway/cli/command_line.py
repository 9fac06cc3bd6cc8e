"""Shared by all commands: options made from settings, and the reading of settings."""

import logging
import os
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, cleandoc, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic_settings import BaseSettings
from typer.core import TyperCommand, TyperGroup, TyperOption

from gateway.cli.messages import as_json, tell
from gateway.observe.logs import LogSettings, set_up
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.base import Settings
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.commands import ExportSettings, SeedSettings, StatusSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import Limits, Protocol, ServeSettings
from gateway.settings.sources import CONFIG, SettingsError, unknown_keys, variable
from gateway.settings.subscriptions import SubscriptionSettings
from gateway.settings.unknown import misspelt

S = TypeVar("S", bound=Settings)

SETTINGS_GROUPS: tuple[type[BaseSettings], ...] = (
    ServeSettings,
    TwilioSettings,
    SyncSettings,
    SubscriptionSettings,
    Limits,
    Protocol,
    AccessSettings,
    JwtSettings,
    CallbackSettings,
    LogSettings,
    SeedSettings,
    StatusSettings,
    ExportSettings,
)
"""Groups of settings that together have every environment variable."""

VALUES = {
    "database": "FILE|URL",
    "documents": "PATH",
    "documents_mode": "MODE",
    "drain": "SECONDS",
    "export_seconds": "SECONDS",
    "host": "ADDRESS",
    "now": "DAY",
    "replica": "URL",
    "service": "SID",
    "sync_every": "SECONDS",
}
"""The placeholders for options' values in --help; that of any other option is ``NUMBER``."""


def _use_config(file: str | None) -> None:
    # By the environment, in which the workers of a server find it too.
    if file is not None:
        os.environ[CONFIG] = str(Path(file).expanduser().absolute())
        if as_json():
            set_up(LogSettings.of({}))


CONFIG_OPTION = Annotated[
    str | None,
    typer.Option(
        "--config",
        is_eager=True,
        callback=_use_config,
        metavar="FILE",
        show_default=False,
        help=f"A TOML file with settings; variables and flags win over it. [dim]\\[env: {CONFIG}][/dim]",
    ),
]


class Command(TyperCommand):
    """A command whose ``--help`` shows no placeholder for the option --help itself, which takes no value."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """The option ``--help``."""
        return _without_value(super().get_help_option(ctx))


class CommandGroup(TyperGroup):
    """The same for a group of commands."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """The option ``--help``."""
        return _without_value(super().get_help_option(ctx))


def add(
    app: typer.Typer, function: Callable[..., None], name: str | None = None, command_class: type[Command] = Command
) -> None:
    """Makes ``function`` a command of ``app``; its help is the docstring, with each paragraph joined into one line."""
    paragraphs = cleandoc(function.__doc__ or "").split("\n\n")
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    app.command(name, cls=command_class, help=text)(_with_config(function))


def flag(settings: type[Settings], name: str) -> Any:
    """The option for the setting ``name``."""
    # Flags are passed on as text. The settings check all of them together and report every problem at once.
    field = settings.model_fields[name]
    default = "needed; " if field.is_required() else f"default: {field.default}; "
    if field.default in (None, []):
        default = ""
    help_text = f"{field.description} [dim]\\[{default}env: {variable(settings, name)}][/dim]"
    spelling = f"--{name.replace('_', '-')}"
    return typer.Option(spelling, help=help_text, show_default=False, metavar=VALUES.get(name, "NUMBER"))


def switch(settings: type[Settings], name: str) -> Any:
    """The option that turns the setting ``name`` on; it takes no value."""
    field = settings.model_fields[name]
    help_text = f"{field.description} [dim]\\[env: {variable(settings, name)}][/dim]"
    return plain_switch(f"--{name.replace('_', '-')}", help_text)


def plain_switch(spelling: str, help_text: str) -> Any:
    """An option that takes no value."""
    return typer.Option(spelling, help=help_text, show_default=False, metavar="")


def all_settings(*readers: Callable[[], Any]) -> list[Any]:
    """The results of ``readers``. On problems, prints a line for every problem of all of them and exits with 2.

    An unknown key of the settings file is such a problem.

    Prints a warning for each environment variable that looks like a misspelt setting.
    """
    problems: list[str] = []
    found: list[Any] = []
    for read in readers:
        try:
            found.append(read())
        except SettingsError as error:
            problems += error.problems
    known = [variable(group, name) for group in SETTINGS_GROUPS for name in group.model_fields]
    try:
        problems += unknown_keys(known)
    except SettingsError as error:
        problems += error.problems
    for problem in dict.fromkeys(problems):
        tell(problem)
    for sentence in misspelt(os.environ, known):
        tell(sentence, logging.WARNING)
    if problems:
        raise typer.Exit(2)
    return found


def settings_of(group: type[S], flags: dict[str, Any]) -> S:
    """The settings of the environment and of ``flags``. On problems, prints a line for each and exits with 2."""
    settings: S = all_settings(lambda: group.of(flags))[0]
    return settings


def _with_config(function: Callable[..., None]) -> Callable[..., None]:
    """``function`` with the option --config, which it isn't passed: the readers of settings look for the file."""

    @wraps(function)
    def command(config: str | None = None, **arguments: Any) -> None:
        function(**arguments)

    found = signature(function)
    option = Parameter("config", Parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=CONFIG_OPTION)
    vars(command)["__signature__"] = found.replace(parameters=[*found.parameters.values(), option])
    command.__annotations__ = {**function.__annotations__, "config": CONFIG_OPTION}
    return command


def _without_value(option: TyperOption | None) -> TyperOption | None:
    if option is not None:
        option.metavar = ""
    return option
