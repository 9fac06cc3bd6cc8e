"""The clients' errors, as one tree, and the translation of Twilio's error responses into them.

TwilioError                   the message is a whole sentence, without credentials
├── TwilioMissing             404 with Twilio's code 20404: the resource doesn't exist
├── TwilioDenied              20003, 70051, 401, 403: the credentials are wrong, or may not do this
├── TwilioHeld                80615: a legal hold keeps the resource from being deleted
├── TwilioIncomplete          20009: a Message or Call that Twilio can't delete before it is complete
├── TwilioRefused             any other 4xx of Twilio's: a retry would not help
├── TwilioUnavailable         20429, 429, 5xx, no answer, or an invalid one: a retry may help
├── NotTwilio                 an answer that doesn't come from Twilio's API
├── TwilioUntrusted           the certificate of the host, or of a proxy on the way, isn't trusted
├── NetworkUnusable           an environment variable names an unusable proxy or certificate file
├── ForeignAccount            a body of another account than the configured one
└── PageRefused               a next-page address at another host or path, or one that was read already
"""

from typing import Any, NamedTuple

NOT_FOUND, TOO_MANY_REQUESTS, LEGAL_HOLD, NOT_COMPLETE = 20404, 20429, 80615, 20009
"""Twilio's error codes (https://www.twilio.com/docs/api/errors)."""
DENIED = (20003, 70051)
"""Wrong credentials; a restricted key that may not do this."""
TOO_MANY = 429


class Api(NamedTuple):
    """One of Twilio's APIs: its name in errors, and the setting that has its address."""

    name: str
    setting: str

    @property
    def advice(self) -> str:
        """What to check if an answer doesn't come from this API."""
        return f"Check {self.setting}, and any proxy between this machine and Twilio."


PROXY_API = Api("Proxy API", "TWILIO_PROXY_URL")
API_2010 = Api("2010 API", "TWILIO_API_URL")


class TwilioError(Exception):
    """A request to Twilio failed.

    ``processed`` says whether Twilio may nevertheless have processed it, because the answer to this or an earlier
    attempt got lost. ``status`` and ``code`` are those of Twilio's answer, if there was one.
    """

    processed = False
    status: int | None = None
    code: int | None = None


class TwilioMissing(TwilioError):
    """The resource doesn't exist: Twilio's own 404, with its code; a proxy's 404 isn't one."""


class TwilioDenied(TwilioError):
    """The credentials are wrong, or may not do this."""


class TwilioHeld(TwilioError):
    """A legal hold keeps the resource from being deleted."""


class TwilioIncomplete(TwilioError):
    """A Message or Call can't be deleted yet: it isn't complete, or Twilio hasn't finished processing it."""


class TwilioRefused(TwilioError):
    """Twilio refuses the request, and would refuse it again."""


class TwilioUnavailable(TwilioError):
    """Twilio failed to answer this time; a retry may help. ``retry_after`` has its Retry-After in seconds, if any.

    ``is_rate_limited`` says whether the request exceeded a rate limit.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, processed: bool = False, is_rate_limited: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.processed = processed
        self.is_rate_limited = is_rate_limited


class NotTwilio(TwilioError):
    """The answer doesn't come from Twilio's API, but from a gateway, a login page or another API."""


class TwilioUntrusted(TwilioError):
    """The certificate of the host, or of a proxy on the way, isn't trusted."""


class NetworkUnusable(TwilioError):
    """An environment variable names an unusable proxy or certificate file."""


class ForeignAccount(TwilioError):
    """A body belongs to another account than the configured one, so the credentials are those of that account."""


class PageRefused(TwilioError):
    """A next-page address is at another host or path, or was read already."""


def error_of(status: int, body: Any, where: str, retry_after: str | None = None, api: Api = PROXY_API) -> TwilioError:
    """The error for Twilio's answer with ``status`` and the decoded ``body`` (None if it wasn't JSON).

    Twilio's error code takes precedence over the status. ``where`` names the request: verb and path, without host and
    query.
    """
    details = body if isinstance(body, dict) else {}
    code, message = _code(details.get("code")), details.get("message")
    answered = f"{where} was answered {status}"
    if code is not None:
        answered += f" (code {code})"
    if isinstance(message, str) and message:
        answered += f": {message[:200].rstrip('.')}"
    error = _error_for(status, code, answered, retry_after, api)
    error.status, error.code = status, code
    return error


def _error_for(status: int, code: int | None, answered: str, retry_after: str | None, api: Api) -> TwilioError:
    if code == LEGAL_HOLD:
        return TwilioHeld(f"{answered}.")
    if code == NOT_COMPLETE:
        return TwilioIncomplete(f"{answered}.")
    if code == NOT_FOUND and status == 404:
        return TwilioMissing(f"{answered}.")
    if code in DENIED or (code != TOO_MANY_REQUESTS and status in (401, 403)):
        return TwilioDenied(f"{answered}. Check the credentials, and what the key may do.")
    is_rate_limited = code == TOO_MANY_REQUESTS or status == TOO_MANY
    if is_rate_limited or status >= 500:
        return TwilioUnavailable(f"{answered}.", _seconds(retry_after), not is_rate_limited, is_rate_limited)
    if code is None or status == 404 or code == NOT_FOUND or not 400 <= status < 500:
        return NotTwilio(f"{answered}, which is not an answer of Twilio's {api.name}. {api.advice}")
    return TwilioRefused(f"{answered}.")


def _code(given: Any) -> int | None:
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 10:
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) else None


def _seconds(text: str | None) -> float | None:
    try:
        return min(max(float(text or ""), 0.0), 60.0)
    except ValueError:
        return None
