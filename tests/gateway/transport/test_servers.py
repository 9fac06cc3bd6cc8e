"""The application is a plain ASGI application: its HTTP behaviour is the same under other servers."""

import subprocess
import sys

import pytest

from checkout import TESTS

PROMISES = ("endpoint/test_protocol.py", "http/test_browsers.py", "endpoint/test_caching.py", "endpoint/test_http.py")


@pytest.mark.servers
@pytest.mark.parametrize("server", ["httptools", "hypercorn"])
def test_the_http_tests_pass_under_another_server(server: str) -> None:
    """uvicorn's own protocol, and a server that shares no code with it."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider", "--server", server]
    ran = subprocess.run(
        [*command, *(str(TESTS / "gateway" / file) for file in PROMISES)],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout[-5_000:]
