"""The command ``proxygraph``: ``python -m gateway`` as it is installed.

In a wheel this package contains the packages store, resolvers, schema and gateway, so that the top of site-packages has
nothing of these names: other distributions have packages called schema and store there. Only a process of this command
looks for them here, by an entry of ``sys.path`` that multiprocessing hands on to the server's workers. In an editable
installation the packages are those of the checkout.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE if (HERE / "gateway").is_dir() else HERE.parents[2]
"""The folder with the four packages."""


def main() -> None:
    """Runs the command that the arguments name."""
    sys.path.insert(0, str(PACKAGES))
    from gateway.__main__ import main as run

    run()
