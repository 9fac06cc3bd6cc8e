"""DateTime: the one scalar of ours."""

from typing import NewType

import strawberry

from store.rest import instant

DateTime = NewType("DateTime", str)

DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A moment in UTC as ISO 8601 with milliseconds and a fixed width, such as 2026-05-04T09:30:00.000Z.",
    specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
    serialize=str,
    parse_value=instant,
)
