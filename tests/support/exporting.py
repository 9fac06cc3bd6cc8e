"""Exports as tests run them: in this process, into a file."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from gateway.export.filter_options import selection_of
from gateway.export.formats import Format
from gateway.export.resources import resources
from gateway.export.run import ExportProgress, ExportRequest, export
from store.engine.database import Database

Show = Callable[[ExportProgress], None]


def wanted(
    database: Database,
    to: Path,
    name: str = "interactions",
    given: Mapping[str, Sequence[str]] = MappingProxyType({}),
    seconds: float = 600,
) -> ExportRequest:
    """The export that the command would run; the format is that of the file's name."""
    resource = resources()[name]
    return ExportRequest(database, resource, *selection_of(resource, given), Format(to.suffix[1:]), str(to), seconds)


def exported(
    database: Database,
    to: Path,
    name: str = "interactions",
    given: Mapping[str, Sequence[str]] = MappingProxyType({}),
    show: Show = lambda _: None,
) -> bytes:
    """The file's content."""
    export(wanted(database, to, name, given), show)
    return to.read_bytes()
