"""What a command prints is whole, however little of it a pipe takes at once."""

import io
import os
import subprocess
import sys
from typing import Any

from checkout import ROOT
from gateway.cli.messages import whole_writes
from running_commands import run


class Pipe(io.RawIOBase):
    """Takes some bytes of each write, as a pipe does when a signal interrupts the write."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""

    def writable(self) -> bool:
        return True

    def write(self, given: Any) -> int:
        some = bytes(given[:1000])
        self.taken += some
        return len(some)


def test_a_long_text_is_written_whole_where_python_does_not_buffer() -> None:
    text, pipe = "é" * 100_000 + "\n", Pipe()
    # What PYTHONUNBUFFERED makes of sys.stdout.
    unbuffered = io.TextIOWrapper(pipe, "utf-8", write_through=True)  # type: ignore[type-var]
    whole_writes(unbuffered).write(text)
    assert pipe.taken.decode() == text


def test_a_buffered_stream_stays_as_it_is() -> None:
    buffered = io.TextIOWrapper(io.BytesIO(), "utf-8")
    assert whole_writes(buffered) is buffered


def test_the_commands_write_so() -> None:
    """The command's standard output, as its own process sees it."""
    seen = "import sys, io; sys.argv = ['gateway', 'schema', '--check']; import runpy, atexit; "
    seen += "atexit.register(lambda: print(isinstance(sys.stdout.buffer, io.BufferedWriter), file=sys.stderr)); "
    seen += "runpy.run_module('gateway', run_name='__main__')"
    assert run_python(seen).strip() == "True"
    assert run("schema", PYTHONUNBUFFERED="1").stdout.endswith("}\n")


def run_python(code: str) -> str:
    command = [sys.executable, "-u", "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=60)
    return done.stderr
