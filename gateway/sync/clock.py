"""Whether the machine's clock may be believed: it is compared with Twilio's, and with the dates that Twilio gave."""

from datetime import UTC, datetime, timedelta

from store.sync.runs import CLOCK_TOLERANCE
from store.twilio_mapping import instant

TOLERANCE = CLOCK_TOLERANCE


class ClockDoubtful(Exception):
    """The clocks disagree, so nothing was decided about what is gone; its text is a sentence."""


def twilio_now(offset: timedelta | None) -> str:
    """This moment by Twilio's clock, which is ``offset`` ahead of the machine's."""
    return instant((datetime.now(UTC) + (offset or timedelta())).isoformat())


def demand_right_clock(offset: timedelta | None, newest: str | None) -> None:
    """Raises ClockDoubtful unless the machine's clock may be believed.

    ``offset`` is how far Twilio's clock is ahead of the machine's, by the Date header (RFC 9110, section 6.6.1) of its
    last answer; ``newest`` is the newest date that Twilio gave to a row here.
    """
    now = datetime.now(UTC)
    if offset is None:
        problem = "Twilio's answers had no Date that the machine's clock could be compared with"
    elif abs(offset) > TOLERANCE:
        problem = f"The machine's clock says {_shown(now)}, but Twilio's says {_shown(now + offset)}"
    elif newest is not None and datetime.fromisoformat(newest) > now + TOLERANCE:
        problem = f"The machine's clock says {_shown(now)}, but the archive has rows that Twilio dated {newest}"
    else:
        return
    raise ClockDoubtful(
        f"{problem}. What was read is kept, but nothing was decided about what is gone at Twilio: set the clock, and "
        "run it again."
    )


def _shown(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
