"""Worker processes that can't start end the server with an exit code that says so."""

import subprocess
import sys
from pathlib import Path

import pytest

from checkout import ROOT

FAILING = """
async def application(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "There is something in the way."})
"""
SERVE = """
import gateway.server as server
from gateway.workers import listen

if __name__ == "__main__":
    server.FACTORY = "failing:factory"
    raise SystemExit(server.serve({"database": "archive.db"}, listen("127.0.0.1", 0, shared=True), 2))
"""


@pytest.mark.servers
def test_workers_that_can_not_start_end_the_server_with_1(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text(f"{FAILING}\ndef factory():\n    return application\n")
    (tmp_path / "serve.py").write_text(SERVE)
    environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        [sys.executable, "serve.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (ended.returncode, "There is something in the way." in ended.stderr) == (1, True), ended.stderr
