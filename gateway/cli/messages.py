"""The messages of commands: sentences for people or, if logs are JSON, one JSON object per line."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

import typer
from rich.console import Console

from gateway.observe.logs import JsonLines, LogSettings
from gateway.settings.sources import SettingsError
from store.errors import StoreError

# Messages quote names of files and keys, so rich must not interpret anything in them as markup or as an emoji.
out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

LOGGER = "proxygraph.command"


def as_json() -> bool:
    """Whether ``PROXYGRAPH_LOG_FORMAT`` is json. Ignores an invalid value, which the command reports itself."""
    try:
        return LogSettings.of({}).log_format == "json"
    except SettingsError:
        return False


def tell(sentence: str, level: int = logging.ERROR, console: Console = err) -> None:
    """Prints ``sentence``; if logs are JSON, as a log line of ``level``."""
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
    """If the block raises a StoreError or one of ``others``, prints its message and exits with 1."""
    expected: tuple[type[Exception], ...] = (StoreError, *others)
    try:
        yield
    except expected as error:
        fail(str(error))


def whole_writes(stream: TextIO) -> TextIO:
    """``stream``, or where it is unbuffered, the same with a buffer that is emptied at each line's end.

    With PYTHONUNBUFFERED, as in the container, Python hands a text to the system once, and what the system does not
    take is lost without an error: a write to a pipe may be cut by a signal (io.RawIOBase.write, "may be less than the
    length"). A buffered writer writes the rest.
    """
    raw = getattr(stream, "buffer", None)
    if not isinstance(raw, io.RawIOBase):
        return stream
    return io.TextIOWrapper(io.BufferedWriter(raw), stream.encoding, stream.errors, line_buffering=True)
