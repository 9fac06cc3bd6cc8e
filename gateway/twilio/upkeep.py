"""What a server with a Twilio account does about deletions by itself."""

import logging

from gateway.background import RoundFailed
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from gateway.twilio.upstream import TwilioUpstream
from resolvers.upstream import finish_deletions
from store.archive import Archive

SECONDS = 30.0
"""From one look for deletions that wait for Twilio to the next."""

log = logging.getLogger("proxygraph.gateway")


class Upkeep:
    """Keeps what was deleted here and what Twilio has of it alike: a background task of a server with an account."""

    def __init__(self, archive: Archive, twilio: Twilio) -> None:
        self._archive, self._twilio = archive, twilio
        self._is_first = True

    async def __call__(self) -> float:
        """Checks once that the account's Proxy API is at the address, and finishes deletions that wait for Twilio.

        The first time also those that were cut off, and those that Twilio refused. Returns the seconds to the next
        look; raises RoundFailed where Twilio keeps it from any of that.
        """
        try:
            await self._twilio.verify()
        except TwilioError as error:
            raise RoundFailed(f"Nothing can be deleted at Twilio now. {error}", SECONDS) from error
        upstream = TwilioUpstream(self._twilio)
        finished, left = await finish_deletions(self._archive, upstream, at_start=self._is_first)
        self._is_first = False
        if finished:
            log.info("Finished %d deletions that had waited for Twilio.", finished)
        if left:
            raise RoundFailed(f"{left:,} deletions wait for Twilio.", SECONDS)
        return SECONDS
