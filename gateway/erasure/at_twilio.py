"""Twilio's side of an erasure: deletes Interactions, removes Participants, and checks what Twilio still has.

If Twilio answers 404 for a Session whose Service exists, and shows none of its contents, everything in it is gone too,
so its Interactions aren't requested one by one. Each run checks that again.
"""

import asyncio
from typing import NamedTuple

from gateway.twilio.client import Twilio
from gateway.twilio.errors import TwilioError, TwilioMissing
from gateway.twilio.upstream import TwilioUpstream
from resolvers.upstream import Answer, TwilioOutcome
from store.enums import SessionStatus
from store.erasure.ledger import TwilioAddress

ENDED = (SessionStatus.CLOSED, SessionStatus.FAILED)


class SessionAtTwilio(NamedTuple):
    """What Twilio has of a Session: nothing, or its status and when it ended, if it did."""

    is_gone: bool
    status: str = ""
    ended: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether the Session may still carry messages and calls."""
        return not self.is_gone and self.status.lower() not in ENDED


class ErasureUpstream(TwilioUpstream):
    """Deletes at Twilio for an erasure."""

    def __init__(self, twilio: Twilio) -> None:
        super().__init__(twilio)
        self._client = twilio
        self._sessions: dict[str, asyncio.Task[SessionAtTwilio]] = {}

    async def with_its_session(self, address: TwilioAddress) -> Answer | None:
        """The answer for an Interaction whose Session is gone at Twilio; None if it must be requested itself."""
        if address.account_sid.lower() != self.account_sid.lower():
            return None
        try:
            session = await self.session(address.service_sid, address.session_sid)
        except TwilioError:
            return None
        return Answer(TwilioOutcome.ALREADY_GONE) if session.is_gone else None

    async def session(self, service_sid: str, session_sid: str) -> SessionAtTwilio:
        """What Twilio has of the Session; fetched once, unless that fails. Raises a TwilioError."""
        if session_sid not in self._sessions:
            self._sessions[session_sid] = asyncio.create_task(self._fetch_session(service_sid, session_sid))
        try:
            return await asyncio.shield(self._sessions[session_sid])
        except TwilioError:
            self._sessions.pop(session_sid, None)
            raise

    async def remove_participant(self, service_sid: str, session_sid: str, sid: str) -> None:
        """Removes the Participant from its Session, where it stays with a date_deleted. Raises a TwilioError."""
        path = ("Services", service_sid, "Sessions", session_sid, "Participants", sid)
        try:
            await self._client.delete(*path)
        except TwilioMissing as missing:  # Twilio also answers 404 for a Participant that was removed before.
            body = await self._client.fetch(*path)
            if not body.get("date_deleted"):
                raise missing

    async def _fetch_session(self, service_sid: str, session_sid: str) -> SessionAtTwilio:
        path = ("Services", service_sid, "Sessions", session_sid)
        try:
            body = await self._client.fetch(*path)
        except TwilioMissing:
            await self._client.check_ancestor_exists(*path[:2])
            await self._client.check_nothing_below(*path)
            return SessionAtTwilio(is_gone=True)
        return SessionAtTwilio(False, str(body.get("status") or ""), body.get("date_ended"))
