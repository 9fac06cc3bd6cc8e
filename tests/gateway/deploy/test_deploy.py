"""The units of systemd, the settings file and the compose file that an operator starts with."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML
from typer.core import TyperGroup
from typer.main import get_command

from checkout import ROOT
from gateway.cli.command_line import SETTINGS_GROUPS
from gateway.cli.commands import commands
from gateway.settings.mirror import TwilioSettings
from gateway.settings.server import ServeSettings
from gateway.settings.sources import CONFIG, in_file, variable
from postgresql import Cluster, cluster
from postgresql_features import EXTENSIONS, needs
from store.engine.database import Address, database_of

FOLDER = ROOT / "gateway" / "deploy"
UNITS = sorted((FOLDER / "systemd").glob("*.[st]*[er]"))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
COMPOSE = FOLDER / "compose.yaml"
ON_POSTGRESQL = FOLDER / "compose.postgresql.yaml"
INSTALLED = "/opt/proxygraph/bin/proxygraph"
SETTINGS = {variable(group, name) for group in SETTINGS_GROUPS for name in group.model_fields}
MOST_EXPOSED = 15
"""What ``systemd-analyze security`` may find, of 100; a server without any hardening has 96."""

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not here, which checks units."
)


def analyze(*arguments: str) -> str:
    command = ["systemd-analyze", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | {"LC_ALL": "C"})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stderr


def parse(command: list[str]) -> None:
    """Fails unless the command line is one of the gateway's."""
    program, *arguments = command
    assert program == INSTALLED
    parser: Any = get_command(commands)
    while isinstance(parser, TyperGroup):
        parser, arguments = parser.commands[arguments[0]], arguments[1:]
    parser.make_context("parsed", arguments)


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """Copies of the units whose program is there."""
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(INSTALLED, sys.executable)
        (tmp_path / unit.name).write_text(text, "utf-8")
    return [str(tmp_path / unit.name) for unit in UNITS]


@needs_systemd
def test_systemd_finds_nothing_in_the_units(units: list[str]) -> None:
    assert len(units) == 5
    assert analyze("verify", "--man=no", *units) == ""


@needs_systemd
def test_the_services_are_hardened(units: list[str]) -> None:
    for unit in units:
        if unit.endswith(".service"):
            analyze("security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED}", unit)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_what_a_unit_starts_is_a_command(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIG, "restored after the test, which sets it by --config")
    (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text("utf-8"), re.MULTILINE)
    parse(shlex.split(line))


def test_services_write_only_where_their_user_may() -> None:
    (user,) = re.findall(r"^u (\w+) ", (FOLDER / "systemd" / "proxygraph.sysusers").read_text("utf-8"), re.MULTILINE)
    for unit in SERVICES:
        lines = unit.read_text("utf-8").splitlines()
        assert {f"User={user}", "ProtectSystem=strict", "StateDirectory=proxygraph"} <= set(lines), unit


def test_the_settings_file_is_accepted_with_its_comments_or_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (FOLDER / "proxygraph.toml").read_text("utf-8")
    file = tmp_path / "proxygraph.toml"
    monkeypatch.setenv(CONFIG, str(file))
    file.write_text(text, "utf-8")
    assert str(ServeSettings.of({}).database).startswith("/var/lib/proxygraph/")
    assert TwilioSettings.of_environment_if_any() is None
    file.write_text(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE).replace("AC…", f"AC{'0' * 32}"), "utf-8")
    assert TwilioSettings.of_environment_if_any() is not None
    assert set(in_file()) <= SETTINGS


@pytest.mark.parametrize("file", [COMPOSE, ON_POSTGRESQL], ids=lambda file: file.stem)
def test_the_compose_files_follow_composes_schema(file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_compose_file_fits_the_image_and_the_settings() -> None:
    gateway = YAML(typ="safe").load(COMPOSE)["services"]["gateway"]
    assert (COMPOSE.parent / gateway["build"]["context"]).resolve() == ROOT
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    for volume in gateway["volumes"]:
        assert f"VOLUME {volume.split(':')[1]}\n" in dockerfile
    assert {port.split(":")[-1] for port in gateway["ports"]} == set(re.findall(r"^EXPOSE (\d+)$", dockerfile, re.M))
    assert set(gateway["environment"]) <= SETTINGS


def test_the_compose_file_of_postgresql_names_its_own_database() -> None:
    services = YAML(typ="safe").load(ON_POSTGRESQL)["services"]
    server, gateway = services["postgresql"], services["gateway"]
    named = database_of(gateway["environment"]["PROXYGRAPH_DATABASE"].replace("${POSTGRES_PASSWORD:?}", "secret"))
    assert isinstance(named, Address)
    url = urlsplit(named.url)
    environment = server["environment"]
    assert (url.username, named.name) == (environment["POSTGRES_USER"], environment["POSTGRES_DB"])
    assert url.hostname in gateway["depends_on"]
    assert url.hostname in services
    assert set(gateway["environment"]) <= SETTINGS


def test_postgresql_starts_with_the_settings_of_the_compose_file() -> None:
    needs(EXTENSIONS)
    _, *arguments = YAML(typ="safe").load(ON_POSTGRESQL)["services"]["postgresql"]["command"]
    settings = dict(argument.removeprefix("--").split("=") for argument in arguments)
    with cluster(**settings) as running:
        for name, value in settings.items():
            assert running.sql(f"SHOW {name}") == value
        running.sql("CREATE EXTENSION pg_stat_statements; SELECT count(*) FROM pg_stat_statements")


@pytest.mark.parametrize("file", [COMPOSE, ON_POSTGRESQL], ids=lambda file: file.stem)
def test_the_commands_in_the_compose_files_comments_are_commands(file: Path) -> None:
    found = re.findall(
        r"^#   docker compose .*?(?<=[ '])(proxygraph [^'\n]+)'?$", file.read_text("utf-8"), re.MULTILINE
    )
    assert found
    for line in found:
        _, *arguments = shlex.split(line)
        parse([INSTALLED, *arguments])


def test_both_compose_files_together_start_the_gateway_after_its_healthy_postgresql(tmp_path: Path) -> None:
    """They are merged as Compose does it (https://docs.docker.com/reference/compose-file/merge/)."""
    merged = merge(YAML(typ="safe").load(COMPOSE), YAML(typ="safe").load(ON_POSTGRESQL))
    (tmp_path / "merged.yaml").write_text(json.dumps(merged), "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    result = subprocess.run([*command, str(tmp_path / "merged.yaml")], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    gateway, server = merged["services"]["gateway"], merged["services"]["postgresql"]
    assert gateway["depends_on"] == {"postgresql": {"condition": "service_healthy"}}
    assert {"TWILIO_ACCOUNT_SID", "PROXYGRAPH_DATABASE"} <= set(gateway["environment"])
    assert (gateway["read_only"], gateway["cap_drop"]) == (True, ["ALL"])
    for service in (gateway, server):
        for volume in service["volumes"]:
            assert volume.split(":")[0] in merged["volumes"]


def test_the_health_check_of_postgresql_fails_until_it_accepts_connections() -> None:
    check = YAML(typ="safe").load(ON_POSTGRESQL)["services"]["postgresql"]["healthcheck"]["test"]
    kind, program, *arguments = check
    assert kind == "CMD"
    with cluster() as running:
        needs_program(running, program)
        assert "accepting connections" in running.run(program, *arguments, f"--port={running.port}")
        running.stop()
        with pytest.raises(RuntimeError, match=f"{program} failed"):
            running.run(program, *arguments, f"--port={running.port}")
        running.start()


def merge(base: Any, override: Any) -> Any:
    """Two parts of Compose files: mappings are merged, lists are joined, and of other values the later one counts."""
    if isinstance(base, dict) and isinstance(override, dict):
        names = {**base, **override}
        return {
            name: merge(base[name], override[name]) if name in base and name in override else names[name]
            for name in names
        }
    if isinstance(base, list) and isinstance(override, list):
        return [*base, *override]
    return override


def needs_program(running: Cluster, program: str) -> None:
    if not (running.programs / program).exists():
        pytest.skip(f"This PostgreSQL comes without {program}.")
