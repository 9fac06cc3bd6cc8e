"""Settings of Twilio's callbacks."""

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from gateway.settings.base import Settings
from gateway.settings.mirror import TwilioSettings

CALLBACK_PATH = "/callbacks/twilio"


EXPECTED = "expected an address such as https://proxygraph.example.com, without a user name, a query or a #"


def _public_url(given: str) -> str:
    if not given:
        return given
    try:
        address = urlsplit(given)
        port = address.port  # It raises a ValueError where it is none.
    except ValueError as error:
        raise ValueError(EXPECTED) from error
    if address.scheme not in ("http", "https") or not address.hostname or port == 0 or set(given) & set("@?#"):
        raise ValueError(EXPECTED)
    return given.rstrip("/").removesuffix(CALLBACK_PATH)


class CallbackSettings(Settings):
    """Where Twilio posts its callbacks to, and how it signs them."""

    has_flags: ClassVar[bool] = False

    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        "",
        description="The address at which Twilio reaches this server, such as https://proxygraph.example.com. If it is "
        f"set, Twilio's callbacks are taken at {CALLBACK_PATH} below it.",
    )
    callbacks_secret: SecretStr | None = Field(
        None,
        description="The secret of the shared key that Twilio signs callbacks with (HMAC_SHA256), if there is one. "
        "Default: it signs them with the account's auth token.",
    )

    callbacks_token: SecretStr | None = Field(
        None,
        description="Another auth token of the account by which callbacks may be signed. Set it while you change the "
        "token: Twilio signs with the primary one, up to the moment in which you promote the secondary one.",
    )

    def reason_off(self, twilio: TwilioSettings | None) -> str | None:
        """Why no callbacks are taken though a public URL is set, as a sentence; None if they are, or none is set."""
        if not self.public_url:
            return None
        if twilio is None:
            return (
                "No callbacks are taken: PROXYGRAPH_PUBLIC_URL is set, but no Twilio account is. Set "
                "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN."
            )
        if not twilio.auth_token and not self.callbacks_token and not self.callbacks_secret:
            return (
                "No callbacks are taken: Twilio signs them with the account's auth token, which the secret of an API "
                "key can't replace. Set TWILIO_AUTH_TOKEN too, or PROXYGRAPH_CALLBACKS_TOKEN."
            )
        return None

    @property
    def callback_url(self) -> str:
        """The address for a Service's CallbackUrl."""
        return f"{self.public_url}{CALLBACK_PATH}"
