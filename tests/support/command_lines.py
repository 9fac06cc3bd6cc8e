"""How tests start ``python -m gateway``: by a fork of a process that has imported it, or with a fresh interpreter."""

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from checkout import ROOT, TESTS

FRESH = [sys.executable, "-m", "gateway"]
"""The beginning of a command line for a fresh interpreter, in a test of how a process starts or is killed."""
PRELOADED, FORKED = (str(TESTS / "support" / name) for name in ("preloaded.py", "forked.py"))


class CommandLines:
    """Makes the command lines. The preloaded process is started with the first one, and ended by ``stop``."""

    def __init__(self) -> None:
        self.fresh = False
        self._server: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._starting = threading.Lock()

    def __call__(self, *arguments: str) -> list[str]:
        """The command line that runs the command of these arguments, in a process of its own."""
        if self.fresh:
            return [*FRESH, *arguments]
        with self._starting:  # Tests run commands in several threads at once.
            if self._server is None:
                self._start()
        return [sys.executable, "-I", "-S", FORKED, f"{self._folder}/socket", *arguments]

    def stop(self) -> None:
        """Ends the preloaded process, and what commands of it still run."""
        if self._server is not None:
            self._server.communicate()
            self._server = None
            shutil.rmtree(self._folder)

    def _start(self) -> None:
        self._folder = tempfile.mkdtemp()  # A socket's path may be no longer than a hundred characters.
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(Path(self._folder, "socket")))
            listener.listen(64)
            self._server = subprocess.Popen(
                [sys.executable, PRELOADED, str(listener.fileno())],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
            )


command_line = CommandLines()
"""Each process of the tests has a preloaded one of its own."""
