"""POST /callbacks/twilio: takes the posts of a Service's CallbackUrl.

Nothing is read or written before the signature is checked. What a callback says is committed before the answer, which
is 204. Another body that Twilio signed, such as that of an OutOfSessionCallbackUrl, is answered 204 too, and counted.
"""

import logging
from enum import StrEnum

from gateway.callbacks.batches import Batches
from gateway.callbacks.forms import FORM, InvalidForm, interaction_of, parse
from gateway.callbacks.signatures import SETTINGS_HEADER, SIGNATURE_HEADER, Signatures
from gateway.http.exchange import COMMON_HEADERS, Exchange, HttpError
from gateway.observe.metrics import CALLBACKS
from gateway.settings.callbacks import CALLBACK_PATH, CallbackSettings
from gateway.settings.mirror import TwilioSettings
from store.callbacks.inbox import CallbackOutcome
from store.engine.protocols import Archive
from store.errors import StoreError

RETRY_SECONDS = b"1"

log = logging.getLogger("proxygraph.callbacks")


class Refusal(StrEnum):
    """Outcomes of requests that are refused: nothing of them is stored."""

    UNSIGNED = "unsigned"
    OTHER_BODY = "other_body"
    OTHER_ACCOUNT = "other_account"
    FAILED = "failed"


for outcome in (*CallbackOutcome, *Refusal):
    CALLBACKS.labels(outcome)


class CallbackEndpoint:
    """The endpoint, over one archive, for callbacks of one account."""

    def __init__(self, archive: Archive, account_sid: str, signatures: Signatures, max_body: int) -> None:
        self._account_sid, self._signatures, self._max_body = account_sid.lower(), signatures, max_body
        self._batches = Batches(archive)

    async def __call__(self, exchange: Exchange) -> None:
        """Responds to one request.

        Raises HttpError: 403 without a valid signature or for another account, 405, 413, 503 if it can't be stored.
        """
        if exchange.method != "POST":
            raise HttpError(405, f"Expected POST, but got {exchange.method}.", ((b"allow", b"POST"),))
        CALLBACKS.labels(await self._outcome(exchange)).inc()
        await exchange.respond(204, None, b"", COMMON_HEADERS)

    async def finish(self) -> None:
        """Waits until every callback that was taken is stored."""
        await self._batches.finish()

    async def _outcome(self, exchange: Exchange) -> CallbackOutcome | Refusal:
        form = await self._signed_form(exchange)
        interaction = interaction_of(form) if form else None
        if interaction is None:
            return Refusal.OTHER_BODY
        if interaction.account_sid.lower() != self._account_sid:
            raise _refused(
                Refusal.OTHER_ACCOUNT, "Expected a callback of this server's account, but it is another one's."
            )
        try:
            return await self._batches.store(interaction)
        except StoreError as error:
            log.warning("A callback could not be stored; the next sync reads what it said. %s", error)
            CALLBACKS.labels(Refusal.FAILED).inc()
            raise HttpError(
                503,
                "The archive can't be written now. Send it again.",
                ((b"retry-after", RETRY_SECONDS),),
                code="UNAVAILABLE",
            ) from error

    async def _signed_form(self, exchange: Exchange) -> dict[str, list[str]] | None:
        """The form of a request that Twilio signed, or None if its body is none. Raises HttpError 403 or 413."""
        body = await exchange.body(self._max_body)
        is_form = exchange.header(b"content-type").split(b";")[0].strip().lower() == FORM
        signature, settings = exchange.header(SIGNATURE_HEADER), exchange.header(SETTINGS_HEADER)
        query = exchange.scope["query_string"].decode("utf-8", "replace")
        try:
            form = parse(body) if is_form else None
            if signature and self._signatures.is_valid(CALLBACK_PATH, query, form, body, signature, settings):
                return form
        except InvalidForm:
            pass
        raise _refused(
            Refusal.UNSIGNED,
            "Expected Twilio's signature of this request in X-Twilio-Signature, but it has none or another. It is that "
            "of the address in PROXYGRAPH_PUBLIC_URL, by the account's auth token.",
        )


def endpoint_of(
    archive: Archive, settings: CallbackSettings, twilio: TwilioSettings, max_body: int
) -> CallbackEndpoint | None:
    """The endpoint, or None if no public URL is set, or if signatures can't be checked."""
    if not settings.public_url or settings.reason_off(twilio):
        return None
    secret = settings.callbacks_secret.get_secret_value() if settings.callbacks_secret else None
    tokens = [token.get_secret_value() for token in (twilio.auth_token, settings.callbacks_token) if token]
    return CallbackEndpoint(archive, twilio.account_sid, Signatures(settings.public_url, tokens, secret), max_body)


def _refused(outcome: Refusal, sentence: str) -> HttpError:
    CALLBACKS.labels(outcome).inc()
    return HttpError(403, sentence, code="FORBIDDEN")
