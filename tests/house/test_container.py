"""The parts of the Dockerfile that can be tested without building it: its files, its user, its health check."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from checkout import ROOT
from running_commands import ENVIRONMENT, run, running

LINES = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text("utf-8")).splitlines()
INSTRUCTIONS = [line.split(maxsplit=1) for line in LINES if line and not line.startswith("#")]
(HEALTH_CHECK,) = [given for name, given in INSTRUCTIONS if name == "HEALTHCHECK"]
PROXY_THAT_IS_NOT_THERE = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:9")


def health(address: str, **environment: str) -> int:
    """The exit code of the container's health check for the server there."""
    _, *arguments = json.loads(HEALTH_CHECK.partition("CMD ")[2])
    given = ENVIRONMENT | {"PROXYGRAPH_PORT": str(urlsplit(address).port)} | environment
    return subprocess.run([sys.executable, *arguments], env=given, capture_output=True, timeout=30).returncode


def test_the_health_check_tells_readiness_without_a_key(tmp_path: Path) -> None:
    """Also if the environment names a proxy or allowed hosts."""
    database = str(tmp_path / "archive.db")
    run("keys", "create", "console", "--scope", "read", "--database", database)
    serve = ("serve", "--host", "0.0.0.0", "--database", database)
    with running(*serve, PROXYGRAPH_ALLOWED_HOSTS="api.example.com") as address:
        assert health(address) == 0
        assert health(address, **PROXY_THAT_IS_NOT_THERE) == 0
    assert health(address) != 0


def test_every_copied_file_exists() -> None:
    copied = [given.split()[:-1] for name, given in INSTRUCTIONS if name == "COPY" and "--from" not in given]
    assert [source for sources in copied for source in sources if not (ROOT / source).exists()] == []
    everything = {file for file in ROOT.iterdir() if file.is_dir() and (file / "__init__.py").exists()}
    assert everything <= {ROOT / source for sources in copied for source in sources}


def test_it_runs_as_a_numeric_user_other_than_root() -> None:
    (user,) = [given for name, given in INSTRUCTIONS if name == "USER"]
    assert int(user) > 0
