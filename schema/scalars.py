"""DateTime, the one scalar of ours, and ID, which takes no number with a fraction."""

import strawberry

from resolvers.arguments.omitted import DateTime
from store.twilio_mapping import instant

__all__ = ["DATE_TIME", "DateTime", "identifier"]


def _moment(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(f"Expected a moment in ISO 8601 as a text, such as 2026-05-04T09:30:00Z, but got {given!r}.")
    try:
        return instant(given)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"Expected a moment in ISO 8601, such as 2026-05-04T09:30:00Z, but got {str(given)[:40]!r}."
        ) from error


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment in UTC as ISO 8601 with milliseconds and a fixed width, such as 2026-05-04T09:30:00.000Z. "
    "An argument may also have an offset, or be a day: 2026-05-04T11:30:00+02:00, 2026-05-04.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=str,
    parse_value=_moment,
)


def identifier(given: object) -> str:
    """The ID that a variable gives: a text, or a whole number as a text.

    Raises ValueError for anything else: the specification has an ID refuse 4.0 (3.5.5, Input Coercion), which
    graphql-core takes.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    raise ValueError(f"Expected a text or a whole number as an ID, but got {given!r:.40}.")
