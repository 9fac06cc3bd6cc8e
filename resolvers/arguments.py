"""Arguments that were left out."""

from typing import TypeVar

import strawberry

T = TypeVar("T")


def given(argument: T) -> T | None:
    """``argument``, or None where the client left it out: to us the same as null."""
    return None if argument is strawberry.UNSET else argument
