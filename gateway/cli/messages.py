"""What a command says: sentences for people, or, with JSON logs, a JSON object on each line."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console

from gateway.observe.logs import JsonLines, LogSettings
from gateway.settings.server import SettingsError
from store.errors import StoreError

# Sentences quote file names and key names, so nothing in them is read as markup or as the name of an emoji.
out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

LOGGER = "proxygraph.command"


def as_json() -> bool:
    """Whether ``PROXYGRAPH_LOG_FORMAT`` asks for JSON; a wrong value is told by the command that reads the settings."""
    try:
        return LogSettings.of({}).log_format == "json"
    except SettingsError:
        return False


def tell(sentence: str, level: int = logging.ERROR, console: Console = err) -> None:
    """Prints ``sentence``, with JSON logs as a log line of ``level``."""
    if as_json():
        line = JsonLines().format(logging.LogRecord(LOGGER, level, "", 0, sentence, None, None))
        print(line, file=console.file, flush=True)
    else:
        console.print(sentence)


def fail(sentence: str, code: int = 1) -> NoReturn:
    """Prints ``sentence`` on stderr and exits with ``code``."""
    tell(sentence)
    raise typer.Exit(code)


@contextmanager
def sentences(*others: type[Exception]) -> Iterator[None]:
    """Prints what the store, or one of ``others``, refuses, as its sentence, and exits with 1."""
    refusals: tuple[type[Exception], ...] = (StoreError, *others)
    try:
        yield
    except refusals as error:
        fail(str(error))
