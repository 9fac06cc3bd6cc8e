"""Arguments: what was left out, and the one scalar of ours."""

from typing import NewType, TypeVar

import strawberry

T = TypeVar("T")

DateTime = NewType("DateTime", str)
"""A moment as the archive writes it, so that text order is time order; schema/scalars.py shows it to clients."""


def given(argument: T) -> T | None:
    """``argument``, or None where the client left it out: to us the same as null."""
    return None if argument is strawberry.UNSET else argument
