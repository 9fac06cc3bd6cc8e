"""Arguments that the client left out, and the DateTime scalar."""

from typing import NewType, TypeVar

import strawberry

T = TypeVar("T")

DateTime = NewType("DateTime", str)
"""A time as the archive stores it, which sorts correctly as text; schema/scalars.py defines the GraphQL scalar."""


def given(argument: T) -> T | None:
    """``argument``, or None if the client left it out, which means the same as null."""
    return None if argument is strawberry.UNSET else argument
