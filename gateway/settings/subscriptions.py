"""The limits of subscriptions."""

from typing import ClassVar

from pydantic import Field

from gateway.settings.base import Most, Settings


class SubscriptionSettings(Settings):
    """How many subscriptions a server has at once; more are refused."""

    has_flags: ClassVar[bool] = False

    max_subscriptions: Most = Field(
        5_000, description="Subscriptions at once in each worker, and WebSockets at once. More are refused with 503."
    )
    max_subscriptions_per_key: Most = Field(
        1_000,
        description="Subscriptions at once of one key in each worker, or of one address if no key is required. More "
        "are refused with 503.",
    )
