"""A process that works on a database and is killed at a given line of the cleaning.

Reads lines of JSON from standard input: [path, what, n]. For each it forks a child that opens the database at ``path``,
erases what is intended (what: "erase"), or writes one row with a log that is too long already (what: "write"), and
kills itself when it comes to the n-th line of the cleaning that it had not come to before. Answers "killed",
"done" where there are fewer lines, or the child's status.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

import bodies
from store.archive import open_archive
from store.erasure import interactions as erasure
from store.sqlite import cleaning, scrub
from store.sqlite import writer as writing

FILES = {cleaning.__file__, scrub.__file__}
STEPS = {"clean", "_cleaned", "_write", "add", "empty", "scrub", "zero"}
"""The functions that change files."""


def kill_at(count: int) -> None:
    """Kills this process at the ``count``-th new line of the cleaning, whichever thread comes to it."""
    seen: set[tuple[str, int]] = set()

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in FILES or frame.f_code.co_name not in STEPS:
            return None
        seen.add((frame.f_code.co_filename, frame.f_lineno))
        if len(seen) >= count:
            os.kill(os.getpid(), signal.SIGKILL)
        return look

    threading.settrace(look)


async def work(path: Path, what: str, count: int) -> None:
    async with open_archive(path, check_for_damage=False) as archive:
        kill_at(count)
        if what == "write":
            vars(writing)["WAL_LIMIT_BYTES"] = 1
            await bodies.put(archive, bodies.interaction(900_000))
        else:
            await erasure.recover(archive)


def main() -> None:
    for line in sys.stdin:
        path, what, count = json.loads(line)
        child = os.fork()
        if not child:
            asyncio.run(work(Path(path), what, count))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        outcome = "killed" if status == signal.SIGKILL else "done" if status == 0 else str(status)
        print(outcome, flush=True)


if __name__ == "__main__":
    main()
