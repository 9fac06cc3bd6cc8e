"""The commands as processes of their own, as a person runs them."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from checkout import ROOT
from command_lines import FRESH, command_line

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PROXYGRAPH_")}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command_line(*arguments),
        cwd=ROOT,
        env=ENVIRONMENT | {"COLUMNS": "100"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def running(
    *arguments: str,
    stop: signal.Signals = signal.SIGTERM,
    stderr: int | IO[str] = subprocess.PIPE,
    **environment: str,
) -> Iterator[str]:
    """The address that a command serves on, once it has printed it; stopped at the end of the block."""
    started = [*FRESH, *arguments] if stop is signal.SIGKILL else command_line(*arguments)
    command = [*started, "--port", "0"]
    with address_of(command, ROOT, stop, stderr, **environment) as address:
        yield address


@contextmanager
def address_of(
    command: list[str],
    folder: Path,
    stop: signal.Signals = signal.SIGTERM,
    stderr: int | IO[str] = subprocess.PIPE,
    **environment: str,
) -> Iterator[str]:
    """The same for a whole command, which is run in ``folder``."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=ENVIRONMENT | {"COLUMNS": "200", "PROXYGRAPH_DRAIN": "0", "PYTHONUNBUFFERED": "1"} | environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        assert process.stdout
        printed_so_far = ""
        for line in process.stdout:
            printed_so_far += line
            if found := re.search(r"http://(?:127\.0\.0\.1|0\.0\.0\.0)(:\d+)/graphql", line):
                break
        else:
            raise AssertionError(printed_so_far + process.communicate()[1])
        try:
            yield f"http://127.0.0.1{found[1]}"
        finally:
            process.send_signal(stop)
            process.communicate(timeout=30)
        assert process.returncode == (-stop if stop is signal.SIGKILL else 0)


def in_a_terminal(columns: int, *arguments: str) -> str:
    """The output of a command in a terminal with this many columns, including line ends."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [*FRESH, *arguments],  # What a terminal shows is decided at the import.
        cwd=ROOT,
        env=ENVIRONMENT | {"COLUMNS": str(columns), "TERM": "xterm"},
        stdout=side,
        stderr=side,
    ) as process:
        os.close(side)
        shown = b""
        try:
            while piece := os.read(main, 4096):
                shown += piece
        except OSError:  # How Linux says that the other end is closed.
            pass
        finally:
            os.close(main)
        assert process.wait() == 0
    return shown.decode().replace("\r\n", "\n")
