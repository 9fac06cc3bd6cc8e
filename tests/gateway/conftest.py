"""What tests of several rooms of the gateway have."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="proxygraph-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    rmtree(folder)
