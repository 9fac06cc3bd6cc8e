"""The DateTime scalar, and how the values of ID variables are coerced."""

import strawberry

from resolvers.arguments.omitted import DateTime
from store.twilio_mapping import instant

__all__ = ["DATE_TIME", "DateTime", "coerce_id"]


def _parse_time(given: object) -> str:
    if not isinstance(given, str):
        raise TypeError(f"Expected a time in ISO 8601 as a string, such as 2026-05-04T09:30:00Z, but got {given!r}.")
    try:
        return instant(given)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"Expected a time in ISO 8601, such as 2026-05-04T09:30:00Z, but got {str(given)[:40]!r}."
        ) from error


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A date and time in UTC, as ISO 8601 with milliseconds, such as 2026-05-04T09:30:00.000Z. All values "
    "have the same width. An argument may also have an offset, or be a day: 2026-05-04T11:30:00+02:00, 2026-05-04.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=str,
    parse_value=_parse_time,
)


def coerce_id(given: object) -> str:
    """Coerces a variable's value to an ID: a string, or a whole number, which becomes a string.

    Raises ValueError for anything else. The GraphQL specification requires that for 4.0 (3.5.5, Input Coercion), but
    graphql-core accepts it.
    """
    if isinstance(given, str):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    raise ValueError(f"Expected a string or a whole number as an ID, but got {given!r:.40}.")
