"""Settings: from flags, the environment (``PROXYGRAPH_…``) and a file (sources.py).

pydantic-settings reads and checks all of them before anything runs, so a command reports every problem at once.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from gateway.settings.databases import ARCHIVE, Database, ReplicaAddresses
from gateway.settings.document_limits import DocumentLimits
from gateway.settings.sources import PREFIX as PREFIX
from gateway.settings.sources import FileSettings, source_of, variable
from gateway.settings.sources import SettingsError as SettingsError
from store.archive import SEARCH_SECONDS
from store.engine.database import AddressRefused, Replicas
from store.queries.pages import COUNT_CAP

DAY = 86_400
YEARS = 100
"""The longest time that a setting may name; dates and timers can hold it."""

Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


def separated(given: object) -> object:
    """Splits a string at its commas; returns anything else unchanged."""
    return [part for part in map(str.strip, given.split(",")) if part] if isinstance(given, str) else given


S = TypeVar("S", bound="Settings")


class Settings(FileSettings):
    """A group of settings; each field's description is also its flag's help text."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, allow_inf_nan=False)
    has_flags: ClassVar[bool] = True

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Self:
        """The settings of the file, the environment and ``flags``: the latter win. Flags that are None, or of other
        groups, are ignored.

        Raises SettingsError with every problem.
        """
        given = {name: value for name, value in flags.items() if value is not None and name in cls.model_fields}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError([_problem(found, given, cls) for found in error.errors()]) from error


class Listening(Settings):
    """Where a server listens."""

    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="The address to listen on. On any address but loopback, every client needs a key.",
    )
    port: Port = Field(8000, description="The port to listen on; 0 picks a free one.")


class ServeSettings(Listening):
    """The settings of ``serve``."""

    database: Database = Field(Path("proxygraph.db"), description=f"{ARCHIVE} A missing file is created.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="The number of processes that answer requests.")
    drain: float = Field(
        3,
        ge=0,
        le=DAY,
        description="Seconds after SIGTERM in which /readyz answers 503 but requests are still accepted.",
    )
    sync_every: float = Field(
        0, ge=0, le=YEARS * 365 * DAY, description="Seconds between syncs while serving; 0 never syncs."
    )
    sync_full_every: float = Field(
        168, gt=0, le=YEARS * 365 * 24, description="Hours between full syncs while serving."
    )
    search_seconds: float = Field(
        SEARCH_SECONDS, gt=0, le=DAY, description="Seconds after which a search by bodyContains is stopped."
    )
    replica: ReplicaAddresses = Field(
        None,
        description="A standby of the database, by its URL, for reads. For several, repeat the flag, or use commas in "
        "the environment.",
    )
    replica_lag: float = Field(
        1, gt=0, le=DAY, description="Seconds behind the primary after which a standby is left out of reads."
    )
    plans: bool = Field(True, description="Compile queries into plans. If off, the responses are the same but slower.")
    changes_days: float = Field(
        7, ge=0, le=YEARS * 365, description="Days for which the change feed is kept; a cursor older than that expires."
    )
    count_cap: Annotated[int, Field(ge=1, le=2**31 - 2)] = Field(
        COUNT_CAP, description="The highest exact totalCount; if there are more rows, totalCountCapped is true."
    )

    @property
    def replicas(self) -> Replicas:
        """The standbys for reads."""
        return Replicas(self.replica or (), self.replica_lag)

    @model_validator(mode="after")
    def _replicas_of_a_server(self) -> Self:
        if self.replica and isinstance(self.database, Path):
            raise ValueError("--replica needs a database of PostgreSQL, but PROXYGRAPH_DATABASE names a file")
        return self


Most = Annotated[int, Field(ge=1)]


class Limits(Settings):
    """The limits of a request; a request over one gets an error that names it."""

    max_body: Most = Field(200_000, description="The bytes of a request's body.")
    max_tokens: Most = Field(1_000, description="The tokens of a document, counted before parsing.")
    max_depth: Most = Field(16, description="The depth of fields; GraphiQL's introspection query has 15 levels.")
    max_aliases: Most = Field(
        30, description="The aliases of an operation; those of a fragment count each time it is spread."
    )
    max_directives: Most = Field(50, description="The directives of an operation, counted the same way.")
    max_root_fields: Most = Field(20, description="The fields at the root of an operation.")
    max_repeated_fields: Most = Field(
        50, description="Fields whose response name occurs earlier in the same selection set."
    )
    max_page_size: int = Field(
        100,
        ge=1,
        le=100_000,
        description="The rows of a page, and the ids of nodes. Below 50, every list needs first or last.",
    )
    max_cost: Most = Field(500_000, description="The fields of the response, estimated before the operation runs.")
    max_statements: Most = Field(100, description="The SQL statements of an operation.")
    max_seconds: float = Field(10, gt=0, le=DAY, description="Seconds after which a query is interrupted.")
    max_concurrent: Most = Field(
        100, description="Concurrent requests in each worker, running or waiting. More get 503 with Retry-After."
    )
    read_seconds: float = Field(
        10,
        gt=0,
        le=DAY,
        description="Seconds in which a client must send its request, and read each 64 kB of the response.",
    )
    rate: int | None = Field(
        None,
        ge=0,
        description="Requests per minute in each worker, by one key, or by one address if no key is required. "
        "More get 429 "
        "with Retry-After; 0 means no limit. Default: 60,000 with a key, and no limit if no key is required.",
    )

    @cached_property
    def document(self) -> DocumentLimits:
        """The limits of a document by itself."""
        return DocumentLimits(
            self.max_tokens,
            self.max_depth,
            self.max_aliases,
            self.max_directives,
            self.max_root_fields,
            self.max_repeated_fields,
        )


class DocumentsMode(StrEnum):
    """What happens to documents that aren't persisted."""

    OFF = "off"
    LOG = "log"
    ENFORCE = "enforce"


class Protocol(Settings):
    """Settings of GraphQL over HTTP."""

    documents: Path | None = Field(
        None, description="Persisted documents: a folder of .graphql files, or a manifest of Apollo, Relay or codegen."
    )
    documents_mode: DocumentsMode = Field(
        DocumentsMode.OFF,
        description="What happens to documents that aren't persisted: off runs them, log runs them and logs "
        "their hash, enforce refuses them.",
    )
    legacy_status: bool = Field(
        False,
        description="Answer 400 and 200 instead of the 2026 draft's 422 and 294, as older test suites expect.",
    )

    @model_validator(mode="after")
    def _something_to_enforce(self) -> Self:
        if self.documents is None and self.documents_mode is not DocumentsMode.OFF:
            raise ValueError("PROXYGRAPH_DOCUMENTS_MODE needs PROXYGRAPH_DOCUMENTS (or --documents)")
        return self


NOW = Field(
    None,
    description="The day before which the conversations end, such as 2026-01-20; without it, today in UTC.",
)


class DemoSettings(Listening):
    """The settings of ``demo``."""

    database: Database = Field(Path("proxygraph-demo.db"), description="The demo's archive, a file or a database.")
    now: date | None = NOW


class SeedSettings(Settings):
    """The settings of ``seed``."""

    database: Database = Field(description=f"{ARCHIVE} It must be new or empty.")
    services: Count = Field(20, description="The number of Services.")
    sessions: Count = Field(100, description="The number of Sessions in each Service.")
    interactions: Count = Field(100, description="The number of Interactions in each Session.")
    seed: int = Field(1, description="The seed of the random data; the same seed and sizes give the same account.")
    now: date | None = NOW


class KeysSettings(Settings):
    """The settings of ``keys`` and ``ledger``."""

    database: Database = Field(Path("proxygraph.db"), description=ARCHIVE)


class StatusSettings(Settings):
    """The settings of ``status``."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}STATUS_")

    database: Database = Field(
        Path("proxygraph.db"),
        validation_alias=AliasChoices("database", f"{PREFIX}DATABASE"),
        description=ARCHIVE,
    )
    stale_hours: float = Field(
        24, gt=0, le=YEARS * 365 * 24, description="Hours without a complete sync after which an archive is stale."
    )
    key_days: float = Field(
        14, ge=0, le=YEARS * 365, description="Days before and after a key's expiry in which it is shown."
    )


class ExportSettings(KeysSettings):
    """The settings of ``export``."""

    export_seconds: float = Field(
        600,
        gt=0,
        le=DAY,
        description="Seconds after which an export is stopped, since an erasure meanwhile stays pending.",
    )


def _problem(found: Mapping[str, Any], flags: Mapping[str, Any], kind: type[Settings]) -> str:
    if not found["loc"]:
        return f"{found['msg'].removeprefix('Value error, ')}."
    name = str(found["loc"][0])
    named = variable(kind, name) if name in kind.model_fields else name
    flag = f"--{name.replace('_', '-')}"
    source = flag if name in flags else source_of(named)
    if found["type"] == "missing":
        if not kind.has_flags:
            return f"{named} is needed, but was not given."
        return f"{flag} (or {named}) is needed, but was not given."
    message = found["msg"].removeprefix("Value error, ")
    if isinstance(found.get("ctx", {}).get("error"), AddressRefused):  # It says what it got, without a password.
        return f"{source}: {message[0].lower()}{message[1:]}"
    shown = "" if _is_secret(kind, name) else f", but got {found['input']!r}"
    return f"{source}: {message[0].lower()}{message[1:]}{shown}."


def _is_secret(kind: type[Settings], name: str) -> bool:
    """Whether the setting's value is a secret; in a file it may have the wrong type, and may still not be shown."""
    return name in kind.model_fields and "Secret" in str(kind.model_fields[name].annotation)
