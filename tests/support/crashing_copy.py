"""A copy of an archive that is killed: SOURCE TARGET VERB NUMBER.

It dies once it shows that NUMBER is done of what VERB says, where rows are read and written seven at a time.
"""

import asyncio
import os
import signal
import sys

from store.copying import copy as copying
from store.copying import states
from store.engine.database import database_of


def main(source: str, target: str, fatal: str, number: int) -> None:
    def show(verb: str, done: int, total: int) -> None:
        if verb == fatal and done >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    vars(states)["ROWS"] = 7
    vars(copying)["BYTES"] = 1
    asyncio.run(copying.copy(database_of(source), database_of(target), show))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
