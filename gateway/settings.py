"""Settings: from the environment (``PROXYGRAPH_…``) and from flags, which win.

pydantic-settings reads and checks them all before anything runs, so that every problem is told at once.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.document_limits import DocumentLimits
from store.archive import SEARCH_SECONDS
from store.lists import COUNT_CAP

PREFIX = "PROXYGRAPH_"

RATE = "Requests a second for each endpoint and Service; 0 is without limit."
CONCURRENCY = "Requests to Twilio under way at once; halved by each 429, and let grow again."
ATTEMPTS = "How often a request is tried before the run gives up."

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

    model_config = SettingsConfigDict(env_prefix=PREFIX)
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
    drain: float = Field(3, ge=0, description="Seconds from SIGTERM, when /readyz says 503, to the end of accepting.")
    sync_every: float = Field(0, ge=0, description="Seconds from one sync to the next while it serves; 0 is never.")
    sync_full_every: float = Field(168, gt=0, description="Hours from one full sync to the next while it serves.")
    search_seconds: float = Field(
        SEARCH_SECONDS, gt=0, description="Seconds that a search by bodyContains may take; it is stopped then."
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
    max_seconds: float = Field(10, gt=0, description="Seconds that a query may run; SQLite is interrupted then.")
    max_concurrent: Most = Field(
        100, description="Requests at once, running or waiting, in each worker; 503 with Retry-After beyond."
    )
    read_seconds: float = Field(
        10, gt=0, description="Seconds for a client to send its request, and to take each 64 kB of its answer."
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


class TwilioSettings(BaseSettings):
    """The Twilio account: whose it is, how to get in, and how hard to knock."""

    model_config = SettingsConfigDict(env_prefix="TWILIO_", extra="ignore")

    account_sid: str = Field(pattern="^AC[0-9a-fA-F]{32}$", description="The account's SID.")
    auth_token: SecretStr | None = Field(None, description="The account's auth token; or else an API key.")
    api_key: str | None = Field(None, description="An API key's SID.")
    api_secret: SecretStr | None = Field(None, description="The API key's secret.")
    proxy_url: str = Field("https://proxy.twilio.com/v1", description="Where Twilio's Proxy API is.")
    rate: float = Field(30, ge=0, validation_alias=f"{PREFIX}SYNC_RATE", description=RATE)
    concurrency: int = Field(20, ge=1, le=200, validation_alias=f"{PREFIX}SYNC_CONCURRENCY", description=CONCURRENCY)
    attempts: int = Field(8, ge=1, le=50, validation_alias=f"{PREFIX}SYNC_ATTEMPTS", description=ATTEMPTS)

    @model_validator(mode="after")
    def _way_in(self) -> Self:
        if not self.auth_token and not (self.api_key and self.api_secret):
            raise ValueError("TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET, are needed")
        address = urlsplit(self.proxy_url)
        if address.scheme != "https" and address.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("TWILIO_PROXY_URL has to be https, so that the credentials stay secret")
        return self

    @property
    def username(self) -> str:
        """The name in HTTP Basic."""
        return self.api_key or self.account_sid if self.api_secret else self.account_sid

    @property
    def password(self) -> SecretStr:
        """The password in HTTP Basic."""
        return self.api_secret if self.api_key and self.api_secret else self.auth_token or SecretStr("")

    @classmethod
    def of_environment_if_any(cls) -> Self | None:
        """The same, or None where the environment names no account."""
        return cls.of_environment() if os.environ.get("TWILIO_ACCOUNT_SID") else None

    @classmethod
    def of_environment(cls) -> Self:
        """The settings of the environment; raises SettingsError with every problem there is."""
        nothing_by_hand: dict[str, Any] = {}
        try:
            return cls(**nothing_by_hand)
        except ValidationError as error:
            raise SettingsError([_twilio_problem(found) for found in error.errors()]) from error


class SyncSettings(Settings):
    """What ``sync`` is told."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SYNC_")

    database: Database = Field(
        Path("proxygraph.db"),
        validation_alias=AliasChoices("database", f"{PREFIX}DATABASE"),
        description="The archive's file.",
    )
    full: bool = Field(False, description="Read every session again, also those that look as they did.")
    service: Annotated[list[str], NoDecode, BeforeValidator(separated)] = Field(
        [], description="Only this Service (KS…); as a flag several times, in the environment with commas."
    )
    recheck_hours: float = Field(48, ge=0, description="Sessions that moved in these last hours are always read again.")
    keep: bool = Field(False, description="Keep, and mark as archived, what was deleted at Twilio.")
    erase: bool = Field(False, description="Erase what was deleted at Twilio, however much it is.")
    erase_share: float = Field(
        0.01, ge=0, le=1, description="The share of the interactions that one run may erase without --erase."
    )
    concurrency: int = Field(20, ge=1, le=200, description=CONCURRENCY)


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


def _twilio_problem(found: Mapping[str, Any]) -> str:
    # What came is not told: it may be a secret.
    message = found["msg"].removeprefix("Value error, ")
    if not found["loc"]:
        return f"{message}."
    name = str(found["loc"][0])
    name = name if name.isupper() else f"TWILIO_{name.upper()}"
    return f"{name} is needed, but was not given." if found["type"] == "missing" else f"{name}: {message}."
