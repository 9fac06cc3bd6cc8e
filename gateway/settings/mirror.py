"""Settings of the Twilio account and of the sync."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.settings.base import YEARS, Settings, separated
from gateway.settings.databases import ARCHIVE, Database
from gateway.settings.sources import PREFIX, FileSettings, SettingsError, source_of, value_of
from store.columns import SID_DIGITS

RATE = "Requests per second to each endpoint of each Service; 0 means no limit."
CONCURRENCY = "Concurrent requests to Twilio. Each 429 halves this number, and it then grows again."
ATTEMPTS = "How many times a request is tried before the run gives up."
HOST_LABEL = "^[0-9A-Za-z-]*$"


class TwilioSettings(FileSettings):
    """The Twilio account: its SID, its credentials, and how fast to send requests."""

    model_config = SettingsConfigDict(env_prefix="TWILIO_", extra="ignore", allow_inf_nan=False)

    account_sid: str = Field(pattern=f"^AC{SID_DIGITS}$", description="The account's SID.")
    auth_token: SecretStr | None = Field(
        None, description="The account's auth token. Alternatively, set an API key and its secret."
    )
    api_key: str | None = Field(None, description="An API key's SID.")
    api_secret: SecretStr | None = Field(None, description="The API key's secret.")
    proxy_url: str = Field("https://proxy.twilio.com/v1", description="The address of Twilio's Proxy API.")
    api_url: str = Field(
        "https://api.twilio.com/2010-04-01",
        description="The address of Twilio's 2010 API, where erase --delete-resources deletes Messages and Calls.",
    )
    region: str = Field(
        "",
        pattern=HOST_LABEL,
        description="The Twilio region that handles the requests, such as ie1; us1 if an edge is set.",
    )
    edge: str = Field("", pattern=HOST_LABEL, description="The Twilio edge that the requests go to, such as dublin.")
    rate: float = Field(30, ge=0, le=1_000_000, validation_alias=f"{PREFIX}SYNC_RATE", description=RATE)
    concurrency: int = Field(20, ge=1, le=200, validation_alias=f"{PREFIX}SYNC_CONCURRENCY", description=CONCURRENCY)
    attempts: int = Field(8, ge=1, le=50, validation_alias=f"{PREFIX}SYNC_ATTEMPTS", description=ATTEMPTS)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if not self.auth_token and not (self.api_key and self.api_secret):
            raise ValueError("TWILIO_AUTH_TOKEN, or TWILIO_API_KEY and TWILIO_API_SECRET, must be set")
        for name, given in (("TWILIO_PROXY_URL", self.proxy_url), ("TWILIO_API_URL", self.api_url)):
            address = urlsplit(given)
            if address.scheme != "https" and address.hostname not in ("127.0.0.1", "::1", "localhost"):
                raise ValueError(f"{name} must start with https://, so that the credentials stay secret")
            if (self.region or self.edge) and not _is_twilios(address.hostname):
                raise ValueError(
                    f"TWILIO_REGION and TWILIO_EDGE choose a host of Twilio's, but {name} names another host: "
                    "unset it, or unset both of them"
                )
        return self

    @property
    def base_url(self) -> str:
        """The address of the API, in the region and at the edge that are set."""
        return self.located(self.proxy_url).rstrip("/")

    def located(self, address: str) -> str:
        """``address`` in the region and at the edge that are set, as Twilio's helper libraries place it.

        The host is product.edge.region.twilio.com (twilio-python's ``ClientBase.get_hostname``); one that isn't
        Twilio's stays as it is. Raises ValueError where ``address`` is none.
        """
        parts = urlsplit(address)
        if not (self.region or self.edge) or not _is_twilios(parts.hostname):
            return address
        product, *named, _, _ = str(parts.hostname).split(".")
        edge = self.edge or (named[0] if len(named) == 2 else "")
        region = self.region or (named[-1] if named else "") or (edge and "us1")
        host = ".".join(part for part in (product, edge, region, "twilio.com") if part)
        return urlunsplit(parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host))

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
        """The settings, or None if neither the environment nor the file names an account. Raises SettingsError."""
        return cls.of_environment() if value_of("TWILIO_ACCOUNT_SID") else None

    @classmethod
    def of_environment(cls) -> Self:
        """The settings of the environment and the file. Raises SettingsError with every problem."""
        no_arguments: dict[str, Any] = {}
        try:
            return cls(**no_arguments)
        except ValidationError as error:
            raise SettingsError([_twilio_problem(found) for found in error.errors()]) from error


class SyncSettings(Settings):
    """The settings of ``sync``."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}SYNC_")

    database: Database = Field(
        Path("proxygraph.db"),
        validation_alias=AliasChoices("database", f"{PREFIX}DATABASE"),
        description=ARCHIVE,
    )
    full: bool = Field(False, description="Read every session again, even unchanged ones.")
    service: Annotated[list[str] | None, NoDecode, BeforeValidator(separated)] = Field(
        None,
        description="Sync only this Service, by SID or unique name. For several, repeat the flag, or use commas in the "
        "environment.",
    )
    recheck_hours: float = Field(
        48,
        ge=0,
        le=YEARS * 365 * 24,
        description="Sessions that changed this many hours ago or less are read again each time.",
    )
    keep: bool = Field(False, description="Keep what was deleted at Twilio, and mark it as kept.")
    erase: bool = Field(False, description="Erase what was deleted at Twilio, no matter how much it is.")
    erase_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="The share of all interactions that the runs of 24 hours may erase without --erase.",
    )
    concurrency: int = Field(20, ge=1, le=200, description=CONCURRENCY)
    changes_days: float = Field(
        7,
        ge=0,
        le=YEARS * 365,
        validation_alias=AliasChoices("changes_days", f"{PREFIX}CHANGES_DAYS"),
        description="Days for which the change feed is kept.",
    )

    @model_validator(mode="after")
    def _one_decision(self) -> Self:
        if self.keep and self.erase:
            raise ValueError("Expected either --keep or --erase, but got both: they contradict each other")
        return self


MAY_BE_SECRET = re.compile("[0-9A-Za-z]{32}")
"""The form of auth tokens and API secrets; no SID has it."""
SAFE_TO_SHOW = ("account_sid", "region", "edge", "RATE", "CONCURRENCY", "ATTEMPTS")


def _is_twilios(host: str | None) -> bool:
    return host is not None and host.endswith(".twilio.com")


def _twilio_problem(found: Mapping[str, Any]) -> str:
    message = found["msg"].removeprefix("Value error, ")
    if not found["loc"]:
        return f"{message}."
    name = str(found["loc"][0])
    variable = name if name.isupper() else f"TWILIO_{name.upper()}"
    if found["type"] == "missing":
        return f"{variable} is needed, but was not given."
    if name == "account_sid":
        message = "expected AC and 32 hexadecimal digits"
    if name in ("region", "edge"):
        message = "expected letters, digits and hyphens, as in the names of Twilio's regions and edges"
    return f"{source_of(variable)}: {message[0].lower()}{message[1:]}{_given(name, found['input'])}."


def _given(name: str, value: object) -> str:
    """The given value, if it may be shown: an address may contain a password, and a SID may be a token by mistake."""
    if not name.endswith(SAFE_TO_SHOW):
        return ""
    if MAY_BE_SECRET.fullmatch(str(value)):
        return ", but got 32 letters and digits, which may be a secret and are not shown"
    return f", but got {value!r}"
