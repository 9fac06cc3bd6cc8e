"""Twilio as the deletion sees it, and what a server does about deletions by itself."""

import logging

from gateway.background import RoundFailed
from gateway.twilio.client import Twilio
from gateway.twilio.errors import NotTwilio, TwilioError, TwilioHeld, TwilioMissing, TwilioUnavailable
from resolvers.upstream import Answer, Outcome, finish_deletions
from store.archive import Archive

SECONDS = 30.0
"""From one look for deletions that wait for Twilio to the next."""

log = logging.getLogger("proxygraph.gateway")


class TwilioUpstream:
    """Deletes at Twilio, and says in the resolvers' words what came of it."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

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
                await self._twilio.demand_standing(*session)
            except TwilioError as error:
                return _uncertain(error) if missing.processed else _not_done(error)
        except TwilioError as error:
            may_be_done = error.processed and not isinstance(error, TwilioHeld)
            return _uncertain(error) if may_be_done else _not_done(error)
        return Answer(Outcome.GONE)


async def keep_up(archive: Archive, twilio: Twilio) -> float:
    """Checks once that the account's Proxy API is at the address, and finishes deletions that wait for Twilio.

    Returns the seconds to the next look; raises RoundFailed where Twilio keeps it from either.
    """
    try:
        await twilio.verify()
    except TwilioError as error:
        raise RoundFailed(f"Nothing can be deleted at Twilio now. {error}", SECONDS) from error
    finished, left = await finish_deletions(archive, TwilioUpstream(twilio))
    if finished:
        log.info("Finished %d deletions that had waited for Twilio.", finished)
    if left:
        raise RoundFailed(f"{left:,} deletions wait for Twilio.", SECONDS)
    return SECONDS


def _uncertain(error: TwilioError) -> Answer:
    later = "Whether it was deleted there is not known; it is finished as soon as Twilio can be asked."
    return Answer(Outcome.UNCERTAIN, f"{error} {later} Try again.")


def _not_done(error: TwilioError) -> Answer:
    if isinstance(error, TwilioHeld):
        return Answer(Outcome.HELD, f"A legal hold at Twilio keeps it, so it stays here too. {error}")
    if isinstance(error, TwilioUnavailable):
        return Answer(Outcome.UNAVAILABLE, f"{error} Nothing was deleted. Try again.")
    if isinstance(error, (NotTwilio, TwilioMissing)):
        return Answer(Outcome.UNAVAILABLE, f"{error} Nothing was deleted.")
    return Answer(Outcome.REFUSED, f"Twilio won't delete it, so it stays here too. {error}")
