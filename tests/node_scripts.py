"""Scripts of tests/node, run by a real Node with packages of the npm registry, which are installed on first use."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import filelock
import pytest

FOLDER = Path(__file__).parent / "node"
INSTALLED = FOLDER / "node_modules" / ".installed"
MANIFEST = FOLDER / "package.json"


def demand_node() -> None:
    """Installs the packages where they are not there yet; skips without npm, but fails in CI."""
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("npm is needed to run the suites of tests/node, and CI has to run them.")
        pytest.skip("npm is not installed, so the suites of tests/node were not run.")
    with filelock.FileLock(FOLDER / ".lock", timeout=300):
        if INSTALLED.exists() and INSTALLED.read_text("utf-8") == MANIFEST.read_text("utf-8"):
            return
        command = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr
        INSTALLED.write_text(MANIFEST.read_text("utf-8"), "utf-8")


async def run(script: str, *arguments: str) -> Any:
    """What the script prints, which is JSON."""
    await asyncio.to_thread(demand_node)
    process = await asyncio.create_subprocess_exec(
        "node", FOLDER / script, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)
