"""Prints the interpreters that the unit tests run on beside the one that runs this.

These are the oldest and the newest Python of this machine that pyproject.toml supports, a path a line: those on the
PATH by their versioned names, and those of pyenv.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
NAMED = re.compile(r"python3\.\d+")
SHOW = "import sys; print(*sys.version_info[:2])"


def candidates() -> list[Path]:
    """The interpreters that there may be; a shim may stand for a version that can't be started."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    return [
        file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir()) if NAMED.fullmatch(file.name)
    ]


def version_of(python: Path) -> tuple[int, ...] | None:
    """The version that the interpreter tells; None where it can't be started, or has no venv or no SQLite."""
    try:
        asked = [python, "-c", f"import venv, ensurepip, sqlite3, ssl; {SHOW}"]
        shown = subprocess.run(asked, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return tuple(map(int, shown.stdout.split())) if shown.returncode == 0 else None


def main() -> None:
    """Prints the paths."""
    found: dict[tuple[int, ...], Path] = {}
    for python in candidates():
        version = version_of(python)
        if version and version >= OLDEST:
            found.setdefault(version, python)
    wanted = {min(found), max(found)} if found else set()
    for version in sorted(wanted - {sys.version_info[:2]}):
        print(found[version])


if __name__ == "__main__":
    main()
