"""The logs of the commands and the server: times in UTC, and with JSON logs only JSON."""

import json
import re
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checkout import ROOT
from running_commands import ENVIRONMENT, run, running


def messages(text: str) -> list[str]:
    """The messages of the lines, each of which must be JSON with a time in UTC."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert {"level", "logger"} <= line.keys()
    return [line.get("message", "") for line in lines]


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["serve", "--workers", "0"], {}, "--workers: expected at least 1, but got '0'."),
        (["serve", "--sync-every", "5"], {}, "--sync-every needs a Twilio account"),
        (["sync", "--nothing"], {}, "No such option: --nothing"),
        ([], {}, "No command was given"),
        (["seed"], {"PROXYGRAPH_DATABSE": "x"}, "PROXYGRAPH_DATABSE is not a setting"),
        (["serve", "--database", "/nowhere/at/all.db", "--port", "0"], {}, "There is no folder /nowhere/at"),
    ],
)
def test_with_json_logs_a_commands_stderr_is_json(
    arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    result = run(*arguments, PROXYGRAPH_LOG_FORMAT="json", **environment)
    assert result.returncode in (1, 2)
    assert [message for message in messages(result.stderr) if message.startswith(expected)]


def test_with_json_logs_all_output_of_a_server_is_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as file, running(
        "serve", "--database", str(tmp_path / "new.db"), stderr=file, PROXYGRAPH_LOG_FORMAT="json",
        PROXYGRAPH_LOG_LEVEL="DEBUG", PROXYGRAPH_NOTHING_LIKE_IT="1",
    ) as address:  # fmt: skip
        urllib.request.urlopen(f"{address}/readyz", timeout=20).close()
    said = messages(log.read_text("utf-8"))
    assert [message for message in said if "PROXYGRAPH_NOTHING_LIKE_IT" in message]
    assert [message for message in said if "Started server process" in message]


ODDITIES = """
import asyncio, logging, threading, warnings
from gateway.observe.logs import LogSettings, set_up

set_up(LogSettings.of({}))
warnings.warn("a warning", stacklevel=1)
logging.getLogger("uvicorn.error").warning("of uvicorn")
logging.getLogger("asyncio").warning("of asyncio")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("at the top")
"""


def test_with_json_logs_warnings_libraries_and_tracebacks_are_json_too() -> None:
    result = subprocess.run(
        [sys.executable, "-c", ODDITIES],
        cwd=ROOT,
        env=ENVIRONMENT | {"PROXYGRAPH_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
    )
    warning, *said = messages(result.stderr)
    assert "UserWarning: a warning" in warning
    assert said == [
        "of uvicorn",
        "of asyncio",
        "Uncaught error: ZeroDivisionError",
        "Uncaught error: RuntimeError",
    ]
    assert result.stderr.count("Traceback (most recent call last)") == 2
    assert result.returncode == 1


def test_plain_logs_have_the_time_in_utc_and_say_so() -> None:
    script = ODDITIES.partition("warnings.warn")[0] + "logging.getLogger('proxygraph').warning('here')"
    result = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=ENVIRONMENT | {"TZ": "Asia/Kathmandu"},
        capture_output=True,
        text=True,
    )
    written_at = re.fullmatch(r"(\S+)Z WARNING proxygraph here\n", result.stderr)
    assert written_at
    assert abs((datetime.now(UTC) - datetime.fromisoformat(f"{written_at[1]}+00:00")).total_seconds()) < 3600
