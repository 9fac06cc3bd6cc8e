"""DateTime: the one scalar of ours."""

import strawberry

from resolvers.arguments.omitted import DateTime
from store.twilio_mapping import instant

__all__ = ["DATE_TIME", "DateTime"]


def _moment(given: object) -> str:
    try:
        return instant(str(given))
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"Expected a moment in ISO 8601, such as 2026-05-04T09:30:00Z, but got {str(given)[:40]!r}."
        ) from error


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment in UTC as ISO 8601 with milliseconds and a fixed width, such as 2026-05-04T09:30:00.000Z. "
    "As an argument it may have an offset, or be a day: 2026-05-04T11:30:00+02:00, 2026-05-04.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=str,
    parse_value=_moment,
)
