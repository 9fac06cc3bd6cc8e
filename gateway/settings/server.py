"""Settings: from the environment (``PROXYGRAPH_…``) and from flags, which win.

pydantic-settings reads and checks them all before anything runs, so that every problem is told at once.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.settings.document_limits import DocumentLimits
from store.archive import SEARCH_SECONDS
from store.sqlite.statements.access_paths import COUNT_CAP

PREFIX = "PROXYGRAPH_"
DAY = 86_400
YEARS = 100
"""How far ahead or back a time may be set: far enough for everybody, and within what dates and timers can hold."""

Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


def _not_empty(text: object) -> object:
    if text == "":
        raise ValueError("expected the name of a file")
    return text


def separated(given: object) -> object:
    """A text's parts between commas; anything else as it is."""
    return [part for part in map(str.strip, given.split(",")) if part] if isinstance(given, str) else given


Database = Annotated[Path, BeforeValidator(_not_empty)]
S = TypeVar("S", bound="Settings")


class SettingsError(Exception):
    """Settings that can't be used: ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What a command is told; each field's description is its flag's help."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, allow_inf_nan=False)
    has_flags: ClassVar[bool] = True

    @classmethod
    def prefix(cls) -> str:
        """What the names of its environment variables start with."""
        return cls.model_config.get("env_prefix", "")

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Self:
        """The settings of the environment, overruled by those of the ``flags`` that are its own and not None.

        Raises SettingsError with every problem there is.
        """
        given = {name: value for name, value in flags.items() if value is not None and name in cls.model_fields}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError([_problem(found, given, cls) for found in error.errors()]) from error


class Listening(Settings):
    """Where a server listens."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="The address to listen on; on any but loopback everybody needs a key."
    )
    port: Port = Field(8000, description="The port to listen on; 0 takes a free one.")


class ServeSettings(Listening):
    """What ``serve`` is told."""

    database: Database = Field(Path("proxygraph.db"), description="The archive's file; created where it is not there.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="How many processes answer requests.")
    drain: float = Field(
        3, ge=0, le=DAY, description="After SIGTERM, seconds with 503 at /readyz before it stops accepting."
    )
    sync_every: float = Field(
        0, ge=0, le=YEARS * 365 * DAY, description="Seconds between syncs while it serves; 0 never syncs."
    )
    sync_full_every: float = Field(
        168, gt=0, le=YEARS * 365 * 24, description="Hours between full syncs while it serves."
    )
    search_seconds: float = Field(
        SEARCH_SECONDS, gt=0, le=DAY, description="Seconds that a search by bodyContains may take; it is stopped then."
    )
    plans: bool = Field(
        True, description="Whether queries are compiled; without, the answers are the same, but slower."
    )
    count_cap: Annotated[int, Field(ge=1, le=2**31 - 2)] = Field(
        COUNT_CAP, description="How far a totalCount is exact; past it, totalCountCapped says that there are more."
    )


Most = Annotated[int, Field(ge=1)]


class Limits(Settings):
    """What a request may be and take, at most; what is larger is refused with an error that says so."""

    max_body: Most = Field(200_000, description="Bytes of a request's body.")
    max_tokens: Most = Field(1_000, description="Tokens of a document, counted before it is parsed.")
    max_depth: Most = Field(16, description="Levels of fields; GraphiQL's introspection has 15.")
    max_aliases: Most = Field(30, description="Aliases, counted wherever their fragment is spread.")
    max_directives: Most = Field(50, description="Directives, counted the same way.")
    max_root_fields: Most = Field(20, description="Fields at the root of an operation.")
    max_repeated_fields: Most = Field(50, description="Fields under a name that their selection set has already.")
    max_page_size: int = Field(
        100,
        ge=1,
        le=100_000,
        description="Rows of a page, and ids of nodes; below 50, every list wants first or last.",
    )
    max_cost: Most = Field(500_000, description="Fields that the answer may have, estimated before anything runs.")
    max_statements: Most = Field(100, description="SQL statements of an operation.")
    max_seconds: float = Field(10, gt=0, le=DAY, description="Seconds that a query may run, before it is interrupted.")
    max_concurrent: Most = Field(
        100, description="Requests at once, running or waiting, in each worker; 503 with Retry-After beyond."
    )
    read_seconds: float = Field(
        10, gt=0, le=DAY, description="Seconds for a client to send its request, and to take each 64 kB of its answer."
    )
    rate: int | None = Field(
        None,
        ge=0,
        description="Requests a minute by one key, or by one address where no key is asked for, in each worker; 429 "
        "with Retry-After beyond; 0 is without limit. Unless told: 60,000 with a key, and without limit where no key "
        "is asked for.",
    )

    @cached_property
    def document(self) -> DocumentLimits:
        """Those of a document by itself."""
        return DocumentLimits(
            self.max_tokens,
            self.max_depth,
            self.max_aliases,
            self.max_directives,
            self.max_root_fields,
            self.max_repeated_fields,
        )


class DocumentsMode(StrEnum):
    """What becomes of documents that are not among the persisted ones."""

    OFF = "off"
    LOG = "log"
    ENFORCE = "enforce"


class Protocol(Settings):
    """How GraphQL is spoken over HTTP."""

    documents: Path | None = Field(
        None, description="Persisted documents: a folder of .graphql files, or Apollo's, Relay's or codegen's manifest."
    )
    documents_mode: DocumentsMode = Field(
        DocumentsMode.OFF,
        description="What other documents are: run (off), run and logged by their hash (log), refused (enforce).",
    )
    legacy_status: bool = Field(
        False,
        description="Answer 400 and 200 where the draft of 2026 has 422 and 294, as older suites expect.",
    )

    @model_validator(mode="after")
    def _something_to_enforce(self) -> Self:
        if self.documents is None and self.documents_mode is not DocumentsMode.OFF:
            raise ValueError("PROXYGRAPH_DOCUMENTS_MODE needs PROXYGRAPH_DOCUMENTS (or --documents)")
        return self


class DemoSettings(Listening):
    """What ``demo`` is told."""

    database: Database = Field(Path("proxygraph-demo.db"), description="The demo's file.")


class SeedSettings(Settings):
    """What ``seed`` is told."""

    database: Database = Field(description="The file to fill; it must be new, or hold nothing.")
    services: Count = Field(20, description="Services of the made-up account.")
    sessions: Count = Field(100, description="Sessions in each of its Services.")
    interactions: Count = Field(100, description="Interactions in each of its Sessions.")
    seed: int = Field(1, description="The same seed and sizes give the same account.")


class KeysSettings(Settings):
    """What ``keys`` and ``ledger`` are told."""

    database: Database = Field(Path("proxygraph.db"), description="The archive's file.")


def _problem(found: Mapping[str, Any], flags: Mapping[str, Any], kind: type[Settings]) -> str:
    if not found["loc"]:
        return f"{found['msg'].removeprefix('Value error, ')}."
    name = str(found["loc"][0])
    variable = name if name.isupper() else f"{kind.prefix()}{name.upper()}"
    flag = f"--{name.replace('_', '-')}"
    source = flag if name in flags else variable
    if found["type"] == "missing":
        if not kind.has_flags:
            return f"{variable} is needed, but was not given."
        return f"{flag} (or {variable}) is needed, but was not given."
    message = found["msg"].removeprefix("Value error, ")
    return f"{source}: {message[0].lower()}{message[1:]}, but got {found['input']!r}."
