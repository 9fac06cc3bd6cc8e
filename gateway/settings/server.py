"""The settings of a server: where it listens, what it serves, its limits, and GraphQL over HTTP."""

from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.settings.base import DAY, YEARS, Most, Port, Settings
from gateway.settings.databases import ARCHIVE, Database, ReplicaAddresses
from gateway.settings.document_limits import DocumentLimits
from store.archive import SEARCH_SECONDS
from store.engine.database import Replicas
from store.queries.pages import COUNT_CAP


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
