"""What the clients in tests/clients need: npm, and packages that are installed once."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from checkout import TESTS

CLIENTS = TESTS / "clients"

needs_npm = pytest.mark.skipif(
    os.environ.get("CI") is None and not shutil.which("npm"), reason="npm is not here, which these clients need."
)


def installed(folder: Path, wanted: Path, *commands: list[str]) -> None:
    """Runs the commands that fill ``folder`` with what the file ``wanted`` lists, unless that was done before."""
    stamp = folder / "installed.sha256"
    digest = hashlib.sha256(wanted.read_bytes()).hexdigest()
    with FileLock(f"{folder}.lock", timeout=600):
        if stamp.exists() and stamp.read_text("utf-8") == digest:
            return
        for command in commands:
            done(command, folder.parent)
        stamp.write_text(digest, "utf-8")


def done(command: list[str], folder: Path) -> str:
    """The output of the command, which must succeed."""
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout
