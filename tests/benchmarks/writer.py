"""Commits changes of interactions, and prints when each was: writer.py DATABASE START NUMBER A_SECOND SESSIONS.

With 0 a second it commits as many as it can, a hundred in each transaction. A change's SID names it, so each is new.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from bodies import interaction, put, sid
from store.archive import open_archive

TOGETHER = 100


async def main() -> None:
    start, number, a_second, sessions = map(int, sys.argv[2:])
    committed: dict[str, float] = {}
    async with open_archive(Path(sys.argv[1]), check_for_damage=False) as archive:
        begun = time.monotonic()
        step = 1 if a_second else TOGETHER
        for first in range(start, start + number, step):
            if a_second:
                await asyncio.sleep(max(0, begun + (first - start) / a_second - time.monotonic()))
            await put(archive, *(interaction(n, of=1 + n % sessions) for n in range(first, first + step)))
            committed |= dict.fromkeys((sid("KI", n) for n in range(first, first + step)), time.monotonic())
    print(json.dumps(committed))


asyncio.run(main())
