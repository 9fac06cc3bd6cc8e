"""Twilio as the deletion sees it."""

from gateway.twilio.client import Twilio
from gateway.twilio.errors import NotTwilio, TwilioError, TwilioHeld, TwilioMissing, TwilioUnavailable
from resolvers.upstream import Answer, Outcome


class TwilioUpstream:
    """Deletes at Twilio, and says in the resolvers' words what came of it."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    async def delete_interaction(self, service_sid: str, session_sid: str, sid: str) -> Answer:
        """See resolvers.upstream.Upstream."""
        session = "Services", service_sid, "Sessions", session_sid
        try:
            await self._twilio.verify()
            return await self._deleted(session, sid)
        except (NotTwilio, TwilioMissing) as error:
            return Answer(Outcome.UNAVAILABLE, f"{error} Nothing was deleted.")
        except TwilioHeld as error:
            return Answer(Outcome.HELD, f"A legal hold at Twilio keeps it, so it stays here too. {error}")
        except TwilioUnavailable as error:
            if error.processed:
                later = "Whether it was deleted there is not known; it is finished as soon as Twilio can be asked."
                return Answer(Outcome.UNCERTAIN, f"{error} {later} Try again.")
            return Answer(Outcome.UNAVAILABLE, f"{error} Nothing was deleted. Try again.")
        except TwilioError as error:
            return Answer(Outcome.REFUSED, f"Twilio won't delete it, so it stays here too. {error}")

    async def _deleted(self, session: tuple[str, ...], sid: str) -> Answer:
        try:
            await self._twilio.delete(*session, "Interactions", sid)
        except TwilioMissing:
            await self._twilio.demand_standing(*session)
        return Answer(Outcome.GONE)
