"""Settings of the mirror: the Twilio account, and what a sync does."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway.settings.server import PREFIX, YEARS, Database, Settings, SettingsError, separated

RATE = "Requests a second for each endpoint and Service; 0 is without limit."
CONCURRENCY = "Requests to Twilio under way at once; halved by each 429, and let grow again."
ATTEMPTS = "How often a request is tried before the run gives up."


class TwilioSettings(BaseSettings):
    """The Twilio account: whose it is, how to get in, and how hard to knock."""

    model_config = SettingsConfigDict(env_prefix="TWILIO_", extra="ignore", allow_inf_nan=False)

    account_sid: str = Field(pattern="^AC[0-9a-fA-F]{32}$", description="The account's SID.")
    auth_token: SecretStr | None = Field(None, description="The account's auth token; or else an API key.")
    api_key: str | None = Field(None, description="An API key's SID.")
    api_secret: SecretStr | None = Field(None, description="The API key's secret.")
    proxy_url: str = Field("https://proxy.twilio.com/v1", description="Where Twilio's Proxy API is.")
    rate: float = Field(30, ge=0, le=1_000_000, validation_alias=f"{PREFIX}SYNC_RATE", description=RATE)
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
    recheck_hours: float = Field(
        48, ge=0, le=YEARS * 365 * 24, description="Sessions that moved in these last hours are always read again."
    )
    keep: bool = Field(False, description="Keep, and mark as archived, what was deleted at Twilio.")
    erase: bool = Field(False, description="Erase what was deleted at Twilio, however much it is.")
    erase_share: float = Field(
        0.01, ge=0, le=1, description="The share of the interactions that one run may erase without --erase."
    )
    concurrency: int = Field(20, ge=1, le=200, description=CONCURRENCY)


MAY_BE_SECRET = re.compile("[0-9A-Za-z]{32}")
"""What an auth token and an API key's secret look like, and no SID does."""
SHOWN = ("account_sid", "RATE", "CONCURRENCY", "ATTEMPTS")


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
    return f"{variable}: {message[0].lower()}{message[1:]}{_given(name, found['input'])}."


def _given(name: str, value: object) -> str:
    """What came, where it can be shown: addresses may have a password in them, and a SID may be a token by mistake."""
    if not name.endswith(SHOWN):
        return ""
    if MAY_BE_SECRET.fullmatch(str(value)):
        return ", but got 32 letters and digits, which may be a secret and are not shown"
    return f", but got {value!r}"
