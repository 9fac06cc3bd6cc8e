"""``callbacks`` shows where callbacks go; ``callbacks set`` sends them here, and replaces nothing unasked."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner, Result

import bodies
from fake_callbacks import PUBLIC_URL
from fake_twilio import AUTH_TOKEN, FakeTwilio
from gateway.cli.commands import commands
from running_commands import running

HERE, ELSEWHERE = f"{PUBLIC_URL}/callbacks/twilio", "https://elsewhere.example/in"
SERVICES = [
    bodies.service(1),
    bodies.service(2, callback_url=f"{PUBLIC_URL}:443/callbacks/twilio"),
    bodies.service(3, callback_url=ELSEWHERE, out_of_session_callback_url="https://me:secret@elsewhere.example/out"),
]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTwilio]:
    """A fake Twilio, served by another thread, that the environment names."""
    fake, ready, done = FakeTwilio(), Event(), Event()
    fake.put(*SERVICES)

    async def serve() -> None:
        async with fake.serving():
            ready.set()
            await asyncio.to_thread(done.wait)

    with ThreadPoolExecutor() as pool:
        served = pool.submit(asyncio.run, serve())
        assert ready.wait(10)
        environment = {"ACCOUNT_SID": fake.account_sid, "AUTH_TOKEN": AUTH_TOKEN, "PROXY_URL": fake.base_url}
        for name, value in environment.items():
            monkeypatch.setenv(f"TWILIO_{name}", value)
        monkeypatch.setenv("PROXYGRAPH_PUBLIC_URL", PUBLIC_URL)
        yield fake
        done.set()
        served.result(10)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, ["callbacks", *arguments])


def url_of(fake: FakeTwilio, number: int) -> str | None:
    url: str | None = fake.get(bodies.sid("KS", number)).get("callback_url")
    return url


def test_each_service_is_listed_with_its_urls_and_whether_they_point_here(fake: FakeTwilio) -> None:
    result = run()
    assert result.exit_code == 0
    first, second, third = result.stdout.splitlines()[1:]
    assert first.split() == [bodies.sid("KS", 1), "service-1", "nowhere", "none", "none", "none"]
    assert second.split()[2] == "here"
    assert third.split()[2:4] == ["elsewhere", ELSEWHERE]
    assert "secret" not in result.stdout
    assert [one["points"] for one in json.loads(run("--json").stdout)] == ["nowhere", "here", "elsewhere"]


def test_nothing_is_set_without_yes(fake: FakeTwilio) -> None:
    result = run("set", "--service", bodies.sid("KS", 1))
    assert result.exit_code == 0
    assert "add --yes" in result.stdout
    assert url_of(fake, 1) is None
    assert not fake.requests["POST /Services/{}"]


def test_yes_sets_the_url_by_sid_or_name_and_only_once(fake: FakeTwilio) -> None:
    assert run("set", "--service", "service-1", "--yes").exit_code == 0
    assert url_of(fake, 1) == HERE
    assert "already sends" in run("set", "--service", bodies.sid("KS", 1), "--yes").stdout
    assert fake.requests["POST /Services/{}"] == 1


def test_another_url_is_replaced_only_with_replace(fake: FakeTwilio) -> None:
    both = ("set", "--service", "service-1", "--service", "service-3", "--yes")
    result = run(*both)
    assert result.exit_code == 1
    assert ELSEWHERE in result.stderr
    assert (url_of(fake, 1), url_of(fake, 3)) == (None, ELSEWHERE)
    assert run(*both, "--replace").exit_code == 0
    assert (url_of(fake, 1), url_of(fake, 3)) == (HERE, HERE)


def test_wrong_names_and_missing_settings_are_told(fake: FakeTwilio, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = run("set", "--service", "service-9", "--yes")
    assert (unknown.exit_code, "got 'service-9'" in unknown.stderr) == (1, True)
    monkeypatch.setenv("PROXYGRAPH_PUBLIC_URL", "proxygraph.example.com")
    assert run().exit_code == 2
    monkeypatch.delenv("PROXYGRAPH_PUBLIC_URL")
    assert run("set", "--service", "service-1", "--yes").exit_code == 2
    assert run().exit_code == 0


def test_a_server_with_only_an_api_key_says_at_its_start_that_it_takes_no_callbacks(tmp_path: Path) -> None:
    environment: dict[str, Any] = {"TWILIO_ACCOUNT_SID": bodies.ACCOUNT, "TWILIO_PROXY_URL": "http://127.0.0.1:9/v1"}
    environment |= {"TWILIO_API_KEY": "SK" + "0" * 32, "TWILIO_API_SECRET": "2" * 32}
    errors = tmp_path / "errors"
    arguments = ("serve", "--database", str(tmp_path / "archive.db"))
    with (
        errors.open("w") as file,
        running(*arguments, stderr=file, PROXYGRAPH_PUBLIC_URL=PUBLIC_URL, **environment) as address,
        urlopen(f"{address}/livez", timeout=30) as response,
    ):
        assert response.status == 200
    assert "No callbacks are taken: Twilio signs them with the account's auth token" in errors.read_text()
