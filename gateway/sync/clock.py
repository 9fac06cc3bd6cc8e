"""Checks the machine's clock against Twilio's clock and against the dates of the archive's rows."""

from datetime import UTC, datetime, timedelta

from store.sync.runs import CLOCK_TOLERANCE
from store.twilio_mapping import instant


class ClockMismatch(Exception):
    """The clocks disagree, so the run marks and erases nothing. The message is a whole sentence."""


def twilio_now(offset: timedelta | None) -> str:
    """The current time by Twilio's clock, which is ``offset`` ahead of the machine's."""
    return instant((datetime.now(UTC) + (offset or timedelta())).isoformat())


def check_clock(offset: timedelta | None, newest: str | None) -> None:
    """Raises ClockMismatch unless the machine's clock is right to within CLOCK_TOLERANCE.

    ``offset`` is how far Twilio's clock is ahead of the machine's, by the Date header (RFC 9110, section 6.6.1) of its
    last answer; ``newest`` is the newest date in the archive's rows, which Twilio's clock wrote.
    """
    now = datetime.now(UTC)
    if offset is None:
        problem = "Twilio's answers had no Date that the machine's clock could be compared with"
    elif abs(offset) > CLOCK_TOLERANCE:
        problem = f"The machine's clock says {_formatted(now)}, but Twilio's says {_formatted(now + offset)}"
    elif newest is not None and datetime.fromisoformat(newest) > now + CLOCK_TOLERANCE:
        problem = f"The machine's clock says {_formatted(now)}, but the archive has rows that Twilio dated {newest}"
    else:
        return
    raise ClockMismatch(
        f"{problem}. What was read is kept, but nothing was marked or erased: set the clock, and run it again."
    )


def _formatted(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
