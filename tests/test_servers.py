"""The application is a plain ASGI application: its HTTP behaviour is the same under other servers."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROMISES = ("test_protocol.py", "test_browsers.py", "test_caching.py", "test_http.py")


@pytest.mark.servers
@pytest.mark.parametrize("server", ["httptools", "hypercorn"])
def test_the_promises_of_http_hold_under_another_server(server: str) -> None:
    """uvicorn's own protocol, and a server that shares no code with it."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "--server", server]
    ran = subprocess.run(
        [*command, *(str(TESTS / file) for file in PROMISES)],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout[-5_000:]
