"""A copy of an archive that is killed after a number of rows: SOURCE TARGET ROWS, where each page has seven rows."""

import asyncio
import os
import signal
import sys

from store.copying import copy as copying
from store.engine.database import database_of


def main(source: str, target: str, rows: int) -> None:
    def show(verb: str, done: int, total: int) -> None:
        if verb == "Copying" and done >= rows:
            os.kill(os.getpid(), signal.SIGKILL)

    vars(copying)["ROWS"] = 7
    asyncio.run(copying.copy(database_of(source), database_of(target), show))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
