"""What all commands share: flags that are settings, problems told a line each, exit codes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import typer
from pydantic import AliasChoices
from pydantic_settings import BaseSettings
from rich.console import Console

from gateway.settings.server import Settings, SettingsError
from store.errors import StoreError

S = TypeVar("S", bound=Settings)

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def flag(settings: type[Settings], name: str) -> Any:
    """The option that gives the setting ``name``."""
    # Flags come in as text: the settings check them all together, and tell every problem at once.
    field = settings.model_fields[name]
    default = "needed; " if field.is_required() else f"default: {field.default}; "
    if field.default in (None, []):
        default = ""
    help_text = f"{field.description} [dim]\\[{default}env: {variable(settings, name)}][/dim]"
    spelling = f"--{name.replace('_', '-')}"
    return typer.Option(spelling, help=help_text, show_default=False, metavar=name.upper())


def switch(settings: type[Settings], name: str) -> Any:
    """The option without a value that turns the setting ``name`` on."""
    field = settings.model_fields[name]
    help_text = f"{field.description} [dim]\\[env: {variable(settings, name)}][/dim]"
    return typer.Option(f"--{name.replace('_', '-')}", help=help_text, show_default=False)


def variable(settings: type[BaseSettings], name: str) -> str:
    """The environment variable of the setting ``name``."""
    alias = settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[-1])
    return alias if isinstance(alias, str) else f"{settings.model_config.get('env_prefix', '')}{name.upper()}"


def all_settings(*readers: Callable[[], Any]) -> list[Any]:
    """What each of ``readers`` reads; exits with 2, and a line for every problem of all of them."""
    problems: list[str] = []
    found: list[Any] = []
    for read in readers:
        try:
            found.append(read())
        except SettingsError as error:
            problems += error.problems
    for problem in problems:
        err.print(problem, markup=False)
    if problems:
        raise typer.Exit(2)
    return found


def settings_of(kind: type[S], flags: dict[str, Any]) -> S:
    """The settings of the environment and of ``flags``; exits with 2, and a line for every problem."""
    settings: S = all_settings(lambda: kind.of(flags))[0]
    return settings


@contextmanager
def sentences(*others: type[Exception]) -> Iterator[None]:
    """Tells what the store, or one of ``others``, refuses as its sentence, with exit code 1."""
    told: tuple[type[Exception], ...] = (StoreError, *others)
    try:
        yield
    except told as error:
        fail(str(error))


def fail(sentence: str) -> None:
    """Tells it on stderr and exits with 1."""
    err.print(sentence, markup=False)
    raise typer.Exit(1)
