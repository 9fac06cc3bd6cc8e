"""The background task that finishes deletions that are pending at Twilio."""

import logging

from gateway.background import RoundFailed
from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError
from gateway.twilio.record_deletions import finish_records
from gateway.twilio.upstream import TwilioUpstream
from resolvers.upstream import finish_deletions
from store.engine.protocols import Archive

SECONDS = 30.0
"""The pause between two rounds."""

log = logging.getLogger("proxygraph.gateway")


class PendingDeletions:
    """Finishes pending deletions: one call is one round of the background task."""

    def __init__(self, archive: Archive, twilio: Twilio) -> None:
        self._archive, self._twilio = archive, twilio
        self._is_first = True

    async def __call__(self) -> float:
        """Verifies the address and the account once, then finishes deletions that are pending at Twilio.

        The first round also finishes interrupted deletions, and retries those that Twilio refused. Message and Call
        records that are still to be deleted are tried too, at most every ten minutes. Returns the seconds
        to the next round; raises RoundFailed if Twilio can't be reached or a deletion is still pending.
        """
        try:
            await self._twilio.verify()
        except TwilioError as error:
            raise RoundFailed(f"Nothing can be deleted at Twilio now. {error}", SECONDS) from error
        upstream, at_start = TwilioUpstream(self._twilio), self._is_first
        finished, left = await finish_deletions(self._archive, upstream, at_start)
        self._is_first = False
        if finished:
            log.info("Finished %d deletions that were pending at Twilio.", finished)
        if left:
            raise RoundFailed(f"{left:,} deletions are still pending at Twilio.", SECONDS)
        try:
            records = await finish_records(self._archive, self._twilio.records, at_start)
        except TwilioError as error:
            raise RoundFailed(f"No Message or Call record can be deleted at Twilio now. {error}", SECONDS) from error
        if records.gone:
            log.info("%d Message and Call records that were to be deleted are gone at Twilio.", records.gone)
        return SECONDS
