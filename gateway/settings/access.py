"""Settings of who gets in, from the environment alone: keys, tokens, and what browsers may do."""

import os
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.settings.server import PREFIX, Settings, separated

LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Asymmetric ones alone: what verifies a token must not be able to make one."""


def _host(given: str) -> str:
    if "/" in given or "*" in given:
        raise ValueError("expected names of hosts, without scheme, path or *")
    return given.lower()


def _origin(given: str) -> str:
    address = urlsplit(given)
    if not address.scheme or not address.netloc or given != f"{address.scheme}://{address.netloc}":
        raise ValueError("expected origins, such as https://console.example.com, without a path or *")
    return given.lower()


def _https(given: str) -> str:
    address = urlsplit(given)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOOPBACK_NAMES):
        raise ValueError("expected an address that starts with https://")
    return given


Hosts = Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(separated)]
OriginList = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(separated)]


class AccessSettings(Settings):
    """Who gets in, and what browsers may do. Where a setting is None, it is on just where no key is needed."""

    has_flags: ClassVar[bool] = False

    require_key: bool = Field(
        False, description="Whether a key is needed on loopback too, as behind a proxy on this machine."
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Names in Host that are answered, beside the loopback's; with commas. "
        "Unless told: all where a key is needed, no others where not.",
    )
    cors_origins: OriginList = Field(
        (), description="Origins whose pages may ask, such as https://console.example.com; with commas."
    )
    introspection: bool | None = Field(
        None,
        description="Whether the schema may be asked for, and errors suggest names. "
        "Unless told: where no key is needed.",
    )
    graphiql: bool | None = Field(
        None, description="Whether /graphql shows GraphiQL to a browser. Unless told: where no key is needed."
    )
    hsts_seconds: int = Field(
        0, ge=0, description="For how long browsers are to insist on TLS; for servers that are reached by TLS alone."
    )

    @property
    def shows_schema(self) -> bool:
        """Whether introspection is on."""
        return not self.require_key if self.introspection is None else self.introspection

    @property
    def shows_graphiql(self) -> bool:
        """Whether GraphiQL is on."""
        return not self.require_key if self.graphiql is None else self.graphiql


class JwtSettings(Settings):
    """An identity provider whose tokens are accepted beside keys (RFC 7519, RFC 8725)."""

    model_config = SettingsConfigDict(env_prefix=f"{PREFIX}JWT_")
    has_flags: ClassVar[bool] = False

    jwks_url: Annotated[str, AfterValidator(_https)] = Field(description="Where the provider's JWK Set is; https.")
    audience: str = Field(min_length=1, description="What a token's aud has to be, or hold.")
    issuer: str = Field(min_length=1, description="What a token's iss has to be.")
    scopes_claim: str = Field(
        "scope", min_length=1, description="The claim with the scopes, a text or a list; other words in it are ignored."
    )
    name_claim: str = Field(
        "sub", min_length=1, description="The claim that logs and the ledger call the holder by, as jwt:NAME."
    )
    algorithms: Annotated[tuple[Algorithm, ...], NoDecode, BeforeValidator(separated)] = Field(
        ("RS256", "ES256", "EdDSA"),
        min_length=1,
        description="Signatures that are accepted, with commas; "
        "also RS384, RS512, PS256, PS384, PS512, ES384 and ES512.",
    )

    @classmethod
    def of_environment_if_any(cls) -> Self | None:
        """The settings of the environment, or None where it names no JWK Set. Raises SettingsError."""
        return cls.of({}) if os.environ.get(f"{PREFIX}JWT_JWKS_URL") else None
