"""Retries in tests: as ever, but without the waits between them."""

from collections.abc import Callable, Iterator

import pytest
import stamina


def without_waits(attempts: int) -> Callable[..., Iterator[None]]:
    """A fixture for all tests of a module, in which a request is tried this many times."""

    @pytest.fixture(autouse=True)
    def no_waiting() -> Iterator[None]:
        with stamina.set_testing(True, attempts=attempts):
            yield

    return no_waiting
