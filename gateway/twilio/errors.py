"""Everything that can go wrong with Twilio, as one tree, and the one place where its answers become ours.

TwilioError                   its text is one whole sentence, without credentials
├── TwilioMissing             404: there is no such resource, or not any more
├── TwilioDenied              401, 403: the credentials are wrong, or may not do this
├── TwilioHeld                80615: a legal hold keeps the resource from being deleted
├── TwilioRefused             any other 4xx: asking again would not help
├── TwilioUnavailable         429, 5xx, no answer, or none that makes sense: asking again may help
└── PageRefused               a next-page address that leads elsewhere, or in circles
"""

from typing import Any

LEGAL_HOLD = 80615
TOO_MANY = 429


class TwilioError(Exception):
    """What Twilio, or the way to it, did not do."""


class TwilioMissing(TwilioError):
    """There is no such resource, or not any more."""


class TwilioDenied(TwilioError):
    """The credentials are wrong, or may not do this."""


class TwilioHeld(TwilioError):
    """A legal hold keeps the resource from being deleted."""


class TwilioRefused(TwilioError):
    """Twilio won't do this, however often it is asked."""


class TwilioUnavailable(TwilioError):
    """Twilio did not do this now; ``retry_after`` has its own word on when, in seconds, if it gave one.

    ``processed`` says whether it may have done it all the same: the answer got lost on its way.
    """

    def __init__(self, message: str, retry_after: float | None = None, processed: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.processed = processed


class PageRefused(TwilioError):
    """A next-page address that leads elsewhere, or in circles."""


def error_of(status: int, body: Any, where: str, retry_after: str | None = None) -> TwilioError:
    """Twilio's answer with ``status`` and a decoded ``body`` (None where it was no JSON), as one of ours.

    ``where`` names what was asked: verb and path, no host and no query.
    """
    said = body if isinstance(body, dict) else {}
    code, message = said.get("code"), said.get("message")
    answered = f"{where} was answered {status}"
    if code is not None:
        answered += f" (code {code})"
    if isinstance(message, str) and message:
        answered += f": {message[:200].rstrip('.')}"
    if status == 404:
        return TwilioMissing(f"{answered}.")
    if status in (401, 403):
        return TwilioDenied(f"{answered}. Check the credentials, and what the key may do.")
    if code == LEGAL_HOLD:
        return TwilioHeld(f"{answered}.")
    if status == TOO_MANY or status >= 500:
        return TwilioUnavailable(f"{answered}.", _seconds(retry_after), processed=status >= 500)
    return TwilioRefused(f"{answered}.")


def _seconds(text: str | None) -> float | None:
    try:
        return min(max(float(text or ""), 0.0), 60.0)
    except ValueError:
        return None
