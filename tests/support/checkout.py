"""Where the checkout is, and the folders in it that tests read."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
DATA = TESTS / "data"
PATHS = [str(ROOT), *(str(TESTS / folder) for folder in ("support", "documents", "stand_in", "benchmarks"))]
"""What a program needs on its path to import what the tests import."""
