"""One odd thing stops one thing: a session that can't be read is left out of the run, and the rest goes on.

Only what is odd by itself is left out. When something fails, the Service above it is asked for; where that fails too,
the fault is not the session's, and the run fails.
"""

from contextlib import suppress

from gateway.sync.write_buffer import Batches
from gateway.twilio.client import Twilio
from gateway.twilio.errors import (
    NotTwilio,
    PageRefused,
    TwilioDenied,
    TwilioError,
    TwilioMissing,
    TwilioRefused,
    TwilioUnavailable,
)
from store.sync.runs import Progress

ODD = (TwilioRefused, TwilioDenied, TwilioUnavailable, NotTwilio, PageRefused)
"""What may be the fault of one resource alone."""
IN_A_ROW = 100
"""So many failures without a success between them are no oddity: the run fails."""


class LeftOut:
    """What one run has left out so far, by SID."""

    def __init__(self, twilio: Twilio, batches: Batches, progress: Progress) -> None:
        self._twilio, self._batches, self._progress = twilio, batches, progress
        self._in_a_row = 0
        self._successes = 0
        self.errors: dict[str, tuple[str, TwilioError]] = {}
        """The SID of its Service, and what was answered."""

    def succeeded(self) -> None:
        """Notes that a session could be read."""
        self._in_a_row = 0
        self._successes += 1

    async def add_session(self, service_sid: str, sid: str, error: TwilioError) -> None:
        """Leaves the session out; raises what its Service is answered with, or ``error``, where more is at fault."""
        self._in_a_row += 1
        if self._in_a_row >= IN_A_ROW:
            raise error
        with suppress(TwilioMissing):  # A Service that has gone meanwhile is no fault of the credentials'.
            await self._twilio.fetch("Services", service_sid)
        self._note(service_sid, sid, error)
        await self._batches.add([], unread=sid)

    def add_service(self, sid: str, error: TwilioError) -> None:
        """Leaves the Service's listing out; the list of Services has just been read."""
        self._note(sid, sid, error)

    def demand_some_success(self) -> None:
        """Raises the first error where several sessions were tried, and none of them could be read."""
        sessions = [error for sid, (service_sid, error) in self.errors.items() if sid != service_sid]
        if len(sessions) > 1 and not self._successes:
            raise sessions[0]

    def demand_none(self) -> None:
        """Raises an error of the first one's class, which names all that was left out, if anything was."""
        if not self.errors:
            return
        first = self._first()
        named = ", ".join(sorted(self.errors)[:20]) + (", …" if len(self.errors) > 20 else "")
        resources = "1 resource" if len(self.errors) == 1 else f"{len(self.errors):,} resources"
        raise type(first)(
            f"{resources} could not be read, and the next run will try again: {named}. The first answer: {first}"
        )

    def _first(self) -> TwilioError:
        return next(iter(self.errors.values()))[1]

    def _note(self, service_sid: str, sid: str, error: TwilioError) -> None:
        self.errors[sid] = (service_sid, error)
        self._progress.left_out = len(self.errors)
