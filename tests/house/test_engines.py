"""Which tests run on which engine, and what is said where PostgreSQL isn't installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import postgresql
from checkout import ROOT

pytestmark = pytest.mark.processes

WITHOUT_POSTGRESQL = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    import postgresql
    postgresql.binaries = lambda: None
"""
MODULES = ("tests/store/test_queries.py", "tests/store/test_scrub.py", "tests/house/test_postgresql.py")


def collected(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """The exit code of pytest, and the tests that it would run."""
    (folder / "without_postgresql.py").write_text(WITHOUT_POSTGRESQL, "utf-8")
    clean = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options, *MODULES],
        cwd=ROOT,
        env=clean | {"PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("asked", "sqlite", "of_a_file", "of_postgresql"),
    [("sqlite", True, True, False), ("postgresql", False, False, True), ("both", True, True, True)],
)
def test_a_test_runs_on_the_engines_that_are_asked_for(
    tmp_path: Path, asked: str, sqlite: bool, of_a_file: bool, of_postgresql: bool
) -> None:
    code, found = collected(tmp_path, "--engine", asked)
    assert code == 0, found
    assert ("test_queries.py::" in found, "[sqlite" in found) == (True, sqlite)
    assert "test_scrub.py::" in found if of_a_file else "test_scrub.py::" not in found
    assert ("test_a_database_is_made_of_a_template" in found) == ("[postgresql" in found) == of_postgresql


def test_without_postgresql_one_line_says_what_is_left_out_and_ci_fails(tmp_path: Path) -> None:
    code, found = collected(tmp_path, "-p", "without_postgresql")
    assert (code, found.count(postgresql.HOW_TO_GET_IT)) == (0, 1), found
    assert "[postgresql" not in found
    assert "[sqlite" in found
    code, found = collected(tmp_path, "-p", "without_postgresql", CI="true")
    assert (code, postgresql.HOW_TO_GET_IT in found) == (4, True), found
