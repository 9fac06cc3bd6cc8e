"""Shows a command's progress every few seconds, in a separate thread."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_SECONDS = 10.0
"""How often a line is logged where no terminal shows the progress."""


@contextmanager
def ticking(show: Callable[[], None], every: float = EVERY_SECONDS) -> Iterator[None]:
    """Calls ``show`` every ``every`` seconds until the block ends."""
    over = threading.Event()

    def tick() -> None:
        while not over.wait(every):
            show()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
