"""Settings of access, which have no flags: keys, tokens, and what browsers may do."""

from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from gateway.settings.base import Settings, separated
from gateway.settings.sources import PREFIX, value_of

LOOPBACK_NAMES = ("127.0.0.1", "::1", "localhost")

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Only asymmetric ones: a key that verifies tokens must not be able to sign them."""


def _host(given: str) -> str:
    if "/" in given or "*" in given:
        raise ValueError("expected host names without scheme, path or *")
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
    """Who has access, and what browsers may do. A setting that is None is on if no key is required."""

    has_flags: ClassVar[bool] = False

    require_key: bool = Field(
        False, description="Require a key on loopback too. Set this behind a proxy on the same machine."
    )
    allowed_hosts: Hosts = Field(
        (),
        description="Host names that are accepted besides loopback names, separated by commas. "
        "Default: all if a key is required, otherwise none.",
    )
    cors_origins: OriginList = Field(
        (),
        description="Origins whose pages may send requests, such as https://console.example.com, separated by commas.",
    )
    introspection: bool | None = Field(
        None,
        description="Allow introspection, and suggest names in errors. Default: on if no key is required.",
    )
    graphiql: bool | None = Field(
        None, description="Show GraphiQL to browsers at /graphql. Default: on if no key is required."
    )
    hsts_seconds: int = Field(
        0,
        ge=0,
        description="The max-age of Strict-Transport-Security; 0 sends no such header. Set it if clients reach "
        "the server only over TLS.",
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

    jwks_url: Annotated[str, AfterValidator(_https)] = Field(description="The https address of the provider's JWK Set.")
    audience: str = Field(min_length=1, description="The audience that a token's aud claim must name.")
    issuer: str = Field(min_length=1, description="The required value of a token's iss claim.")
    scopes_claim: str = Field(
        "scope", min_length=1, description="The claim with the scopes, a string or a list. Unknown scopes are ignored."
    )
    name_claim: str = Field(
        "sub", min_length=1, description="The claim that names the holder in logs and in the ledger, as jwt:NAME."
    )
    algorithms: Annotated[tuple[Algorithm, ...], NoDecode, BeforeValidator(separated)] = Field(
        ("RS256", "ES256", "EdDSA"),
        min_length=1,
        description="The accepted signature algorithms, separated by commas. "
        "RS384, RS512, PS256, PS384, PS512, ES384 and ES512 are possible too.",
    )

    @classmethod
    def of_environment_if_any(cls) -> Self | None:
        """The settings, or None if neither the environment nor the file names a JWK Set. Raises SettingsError."""
        return cls.of({}) if value_of(f"{PREFIX}JWT_JWKS_URL") else None
