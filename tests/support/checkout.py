"""The path of the checkout, the folders in it that tests read, and the files that git has of it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DATA = TESTS / "data"
PATHS = [str(ROOT), *(str(TESTS / folder) for folder in ("support", "documents", "stand_in", "benchmarks"))]
"""The paths that a program needs to import what the tests import."""

ROOMS = ("store", "resolvers", "schema", "gateway")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [Path(name) for name in listed.decode().split("\0") if name]


TRACKED = tracked() if (ROOT / ".git").exists() else []


needs_git = pytest.mark.skipif(not TRACKED, reason="The house is looked at as git has it, and this is no checkout.")
