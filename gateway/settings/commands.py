"""The settings of the other commands: demo, seed, keys, ledger, status and export."""

from datetime import date
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from gateway.settings.base import DAY, YEARS, Count, Settings
from gateway.settings.databases import ARCHIVE, Database
from gateway.settings.server import Listening
from gateway.settings.sources import PREFIX

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
