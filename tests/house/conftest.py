"""The packages of the JavaScript clients."""

import pytest

from npm import CLIENTS, installed


@pytest.fixture(scope="module")
def node_modules() -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    installed(CLIENTS / "node_modules", CLIENTS / "package-lock.json", command)
