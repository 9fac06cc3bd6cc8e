"""What a deletion asks of the outside: that Twilio deletes it too. gateway/ answers for Twilio."""

from enum import StrEnum
from typing import NamedTuple, Protocol


class Outcome(StrEnum):
    """What came of deleting at Twilio."""

    GONE = "gone"
    HELD = "held"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    UNCERTAIN = "uncertain"


class Answer(NamedTuple):
    """The outcome, and a sentence about it where it is not GONE."""

    outcome: Outcome
    message: str = ""


class Upstream(Protocol):
    """Twilio, as far as a deletion needs it."""

    async def delete_interaction(self, service_sid: str, session_sid: str, sid: str) -> Answer:
        """Deletes an Interaction there. GONE also where it was gone before: 404.

        UNAVAILABLE where Twilio surely did not do it, UNCERTAIN where it may have: the answer got lost.
        """
        ...
