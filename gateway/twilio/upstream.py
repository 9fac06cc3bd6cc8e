"""Deletes Interactions at Twilio: implements resolvers.upstream.Upstream."""

from gateway.twilio.client import Twilio
from gateway.twilio.errors import NotTwilio, TwilioError, TwilioHeld, TwilioMissing, TwilioUnavailable
from resolvers.upstream import Answer, TwilioOutcome


class TwilioUpstream:
    """Deletes at Twilio, and translates the answer into a TwilioOutcome."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    @property
    def account_sid(self) -> str:
        """See resolvers.upstream.Upstream."""
        return self._twilio.account_sid

    async def delete_interaction(self, service_sid: str, session_sid: str, sid: str) -> Answer:
        """See resolvers.upstream.Upstream."""
        session = "Services", service_sid, "Sessions", session_sid
        try:
            await self._twilio.verify()
        except TwilioError as error:
            return _not_done(error)
        try:
            await self._twilio.delete(*session, "Interactions", sid)
        except TwilioMissing as missing:
            try:
                is_gone = await self._twilio.is_gone(*session, "Interactions", sid)
            except TwilioError as error:
                return _uncertain(error) if missing.processed else _not_done(error)
            return (
                Answer(TwilioOutcome.ALREADY_GONE)
                if is_gone
                else _not_done(TwilioUnavailable(f"{missing} But it is still there."))
            )
        except TwilioError as error:
            may_be_done = error.processed and not isinstance(error, TwilioHeld)
            return _uncertain(error) if may_be_done else _not_done(error)
        return Answer(TwilioOutcome.DELETED)


def _uncertain(error: TwilioError) -> Answer:
    later = "It is unknown whether Twilio deleted it; this is settled as soon as Twilio can be reached."
    return Answer(TwilioOutcome.UNCERTAIN, f"{error} {later} Try again.")


def _not_done(error: TwilioError) -> Answer:
    if isinstance(error, TwilioHeld):
        return Answer(TwilioOutcome.LEGAL_HOLD, f"A legal hold at Twilio keeps it, so it stays here too. {error}")
    if isinstance(error, TwilioUnavailable):
        return Answer(TwilioOutcome.UNAVAILABLE, f"{error} Nothing was deleted. Try again.")
    if isinstance(error, (NotTwilio, TwilioMissing)):
        return Answer(TwilioOutcome.UNAVAILABLE, f"{error} Nothing was deleted.")
    return Answer(TwilioOutcome.REFUSED, f"Twilio won't delete it, so it stays here too. {error}")
