"""Resources that a run leaves out: a Session or Service that can't be read doesn't stop the others.

When a Session fails, its Service is fetched. If that fails too, the cause isn't the Session, so the whole run fails.
"""

from contextlib import suppress

from gateway.sync.write_buffer import WriteBuffer
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
from store.sync.runs import RunCounts

RESOURCE_ERRORS = (TwilioRefused, TwilioDenied, TwilioUnavailable, NotTwilio, PageRefused)
"""Errors that may concern a single resource only."""
MAX_CONSECUTIVE_FAILURES = 100
"""After this many failures without a success between them the run fails."""


class LeftOutResources:
    """The Sessions and Services that one run has left out so far."""

    def __init__(self, twilio: Twilio, buffer: WriteBuffer, progress: RunCounts) -> None:
        self._twilio, self._buffer, self._progress = twilio, buffer, progress
        self._consecutive_failures = 0
        self._sessions_read = 0
        self.errors: dict[str, tuple[str, TwilioError]] = {}
        """By SID: the SID of its Service, and the error."""

    def note_success(self) -> None:
        """Counts a Session that was read."""
        self._consecutive_failures = 0
        self._sessions_read += 1

    async def add_session(self, service_sid: str, sid: str, error: TwilioError) -> None:
        """Leaves the Session out. Raises the error of its Service, or ``error`` after too many failures in a row."""
        self._consecutive_failures += 1
        if self._consecutive_failures >= MAX_CONSECUTIVE_FAILURES:
            raise error
        with suppress(TwilioMissing):  # The Service was deleted meanwhile, which is no failure.
            await self._twilio.fetch("Services", service_sid)
        self._note(service_sid, sid, error)
        await self._buffer.add([], unread=sid)

    def add_service(self, sid: str, error: TwilioError) -> None:
        """Leaves out the Service, whose list of Sessions couldn't be read."""
        self._note(sid, sid, error)

    def raise_if_all_failed(self) -> None:
        """Raises the first error if several Sessions were tried and none could be read."""
        sessions = [error for sid, (service_sid, error) in self.errors.items() if sid != service_sid]
        if len(sessions) > 1 and not self._sessions_read:
            raise sessions[0]

    def raise_if_any(self) -> None:
        """If anything was left out, raises an error of the first one's class that names all of it."""
        if not self.errors:
            return
        first = self._first_error()
        named = ", ".join(sorted(self.errors)[:20]) + (", …" if len(self.errors) > 20 else "")
        resources = "1 resource" if len(self.errors) == 1 else f"{len(self.errors):,} resources"
        raise type(first)(
            f"{resources} could not be read, and the next run will try again: {named}. The first answer: {first}"
        )

    def _first_error(self) -> TwilioError:
        return next(iter(self.errors.values()))[1]

    def _note(self, service_sid: str, sid: str, error: TwilioError) -> None:
        self.errors[sid] = (service_sid, error)
        self._progress.left_out = len(self.errors)
