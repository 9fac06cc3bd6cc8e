"""The path of the checkout, and the folders in it that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DATA = TESTS / "data"
PATHS = [str(ROOT), *(str(TESTS / folder) for folder in ("support", "documents", "stand_in", "benchmarks"))]
"""The paths that a program needs to import what the tests import."""
