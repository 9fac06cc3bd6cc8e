"""``python -m gateway export``: writes a list of the API to a file or a pipe.

Exit codes: 0 done, 1 failed, 2 invalid options or settings, 130 stopped by Ctrl-C, 141 the pipe's reader closed it.
"""

import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.main import get_command

from gateway.cli.command_line import Command, all_settings, flag
from gateway.cli.messages import err, out, sentences, tell
from gateway.observe.logs import LogSettings
from gateway.settings.commands import ExportSettings

if TYPE_CHECKING:
    from gateway.export.filter_options import FilterOption
    from gateway.export.run import ExportProgress, ExportRequest

STOPPED, PIPE_CLOSED = 130, 141
LOG_EVERY_SECONDS = 10.0
IDENTIFIERS = ("--identifier", "--proxy-identifier")
PLACEHOLDERS = {"ID": "SID", "DateTime": "TIME", "String": "TEXT", "Boolean": "true|false"}

ONLY_OF_THE_API = {
    " It needs a key with the scope read:content.": "",
    "One value or a list of up to 50: t": "Up to 50: t",
    "; null for none.": ".",
}


class ExportCommand(Command):
    """A command that also has an option for each filter of the API; the schema is only loaded when it is needed."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The function's parameters, then the filters, then --help."""
        *own, help_option = super().get_params(ctx)
        return [*own, *_filter_parameters().values(), help_option]

    def invoke(self, ctx: Any) -> Any:
        """Runs the function; the filters are in the context's ``obj``."""
        ctx.obj = {spelling: ctx.params.pop(each.name) or () for spelling, each in _filter_parameters().items()}
        return super().invoke(ctx)


def export(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="LIST", help="interactions, sessions, participants or services.", show_default="interactions"
        ),
    ] = "interactions",
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FILE", help="The file to write or replace, or - for standard output."),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="jsonl, csv or parquet. Default: by the file's ending, otherwise jsonl."
        ),
    ] = None,
    database: Annotated[str | None, flag(ExportSettings, "database")] = None,
    export_seconds: Annotated[str | None, flag(ExportSettings, "export_seconds")] = None,
) -> None:
    """Export interactions, or another list, as JSON Lines, CSV or Parquet.

    It exports the rows that meet all filters, which are the same as the API's; no access key is needed. Repeat an
    option to give several values. The file appears only when it is complete, and only its owner can read it.

    In CSV, null is an empty field, an empty text is "", and a text that a spreadsheet would evaluate has an apostrophe
    in front. If your Excel separates fields by semicolons, import the file by Data, From Text/CSV.

    Exit codes: 0 done, 1 failed, 2 invalid options or settings, 130 stopped, 141 the pipe's reader closed it.
    """
    settings, _ = all_settings(
        lambda: ExportSettings.of({"database": database, "export_seconds": export_seconds}), lambda: LogSettings.of({})
    )
    request = _request_of(settings, name, to, format, context.obj)
    from gateway.export.destinations import STDOUT, CannotWrite, PipeClosed
    from gateway.export.run import RowsErased, export

    begun = time.monotonic()
    try:
        with sentences(CannotWrite, RowsErased), _progress_shown(name) as show:
            exported = export(request, show)
    except PipeClosed:
        raise typer.Exit(PIPE_CLOSED) from None
    except KeyboardInterrupt:
        tell("Stopped." if request.to == STDOUT else "Stopped; no file was written.")
        raise typer.Exit(STOPPED) from None
    place = "standard output" if request.to == STDOUT else request.to
    seconds = time.monotonic() - begun
    message = f"Exported {exported.rows:,} {name} to {place}: {exported.size:,} bytes in {seconds:,.1f} seconds."
    tell(message, logging.INFO, err if request.to == STDOUT else out)


def _request_of(
    settings: ExportSettings, name: str, to: str | None, format: str | None, given: Mapping[str, Sequence[str]]
) -> "ExportRequest":
    """The export that the options ask for; exits with 2, and a line for each problem."""
    from gateway.export.destinations import STDOUT, is_terminal
    from gateway.export.filter_options import InvalidOptions, selection_of
    from gateway.export.formats import Format, format_of, missing_library
    from gateway.export.resources import resources
    from gateway.export.run import ExportRequest

    problems = []
    resource, chosen, selection = resources().get(name), format_of(format, to), None
    if not to:
        problems.append("--to is missing. Give the file to write, or - for standard output.")
    if chosen is None:
        problems.append(f"--format: expected one of {', '.join(Format)}, but got {format!r}.")
    elif sentence := missing_library(chosen):
        problems.append(sentence)
    elif chosen is Format.PARQUET and is_terminal(to or STDOUT):
        problems.append("--to: expected a file, because a terminal can't show Parquet, but got -.")
    if resource is None:
        problems.append(f"LIST: expected one of {', '.join(sorted(resources()))}, but got {name!r}.")
    else:
        try:
            selection = selection_of(resource, _with_normalized_identifiers(given))
        except InvalidOptions as error:
            problems += error.problems
    for problem in problems:
        tell(problem)
    if problems or resource is None or chosen is None or selection is None:
        raise typer.Exit(2)
    return ExportRequest(settings.database, resource, *selection, chosen, str(to), settings.export_seconds)


def _with_normalized_identifiers(given: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The same options, with identifiers in Twilio's form; shows on stderr how each was understood."""
    from gateway.twilio.identifiers import understood

    found = dict(given)
    for spelling in IDENTIFIERS:
        identifiers = [understood(text) for text in given.get(spelling, ()) if text.strip()]
        for identifier in identifiers:
            tell(identifier.sentence, logging.INFO)
        if len(identifiers) == len(given.get(spelling, ())):  # An empty one is reported as a problem.
            found[spelling] = [identifier.value for identifier in identifiers]
    return found


@cache
def _filter_parameters() -> Mapping[str, Any]:
    """The options of all lists by their spelling, made by typer from a function's parameters."""
    from gateway.export.filter_options import ORDER_BY, all_options, orders

    options: dict[str, tuple[str, str, str | None]] = {
        spelling: (_of_an_option(option.description), _placeholder(option), f"Filters of {_listed(names)}")
        for spelling, (option, names) in all_options().items()
    }
    options[ORDER_BY] = (f"The order: {', '.join(orders())}. Default: DATE_CREATED_ASC.", "ORDER", None)

    def given(**_: list[str] | None) -> None:
        """Gets its signature below."""

    parameters = {
        spelling[2:].replace("-", "_"): typer.Option(
            spelling, help=escape(description), metavar=metavar, rich_help_panel=panel, show_default=False
        )
        for spelling, (description, metavar, panel) in options.items()
    }
    kind = inspect.Parameter.KEYWORD_ONLY
    signature = [
        inspect.Parameter(name, kind, default=None, annotation=Annotated[list[str] | None, option])
        for name, option in parameters.items()
    ]
    given.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    given.__annotations__ = {each.name: each.annotation for each in signature}
    scratch = typer.Typer(add_completion=False)
    scratch.command()(given)
    made = {each.name: each for each in get_command(scratch).params}
    return {spelling: made[name] for spelling, name in zip(options, parameters, strict=True)}


def _of_an_option(description: str) -> str:
    """The description of an API's filter, as it is for an option: which needs no key, is repeated, and has no null."""
    for of_the_api, of_an_option in ONLY_OF_THE_API.items():
        description = description.replace(of_the_api, of_an_option)
    return description


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _placeholder(option: "FilterOption") -> str:
    return PLACEHOLDERS.get(option.kind.name, "WORD")


@contextmanager
def _progress_shown(name: str) -> Iterator[Callable[["ExportProgress"], None]]:
    """Shows the progress on stderr: a bar in a terminal, elsewhere a line every few seconds."""
    if not err.is_terminal:
        yield _ProgressLines(name)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(name.capitalize(), total=None)
        yield lambda exported: progress.update(task, completed=exported.rows, total=exported.total)


class _ProgressLines:
    """Writes a line about the progress every few seconds."""

    def __init__(self, name: str) -> None:
        self._name, self._next = name, time.monotonic() + LOG_EVERY_SECONDS

    def __call__(self, exported: "ExportProgress") -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOG_EVERY_SECONDS
        of = f" of {exported.total:,}" if exported.total is not None else ""
        tell(f"Exporting: {exported.rows:,}{of} {self._name}.", logging.INFO)
