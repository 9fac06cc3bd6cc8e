"""The settings file: which source wins, and what a command says of a file that is wrong."""

import urllib.request
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from gateway.cli.command_line import SETTINGS_GROUPS
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import ServeSettings
from gateway.settings.sources import CONFIG, key_of, variable
from running_commands import run, running

SID = "AC" + "0" * 32
TOKEN = "0123456789abcdef" * 2
NEEDED = {
    "account_sid": SID,
    "auth_token": TOKEN,
    "audience": "a",
    "issuer": "i",
    "jwks_url": "https://id.example.com/jwks",
    "database": "a.db",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "proxygraph.toml"
    monkeypatch.setenv(CONFIG, str(file))
    return file


def status(file: Path, text: str, **environment: str) -> CompletedProcess[str]:
    """What a command answers that reads its settings and finds no archive."""
    file.write_text(text, "utf-8")
    return run("status", "--config", str(file), "--database", str(file.with_name("none.db")), **environment)


def test_flags_win_over_variables_and_variables_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('port = 1\nhost = "::1"\nworkers = 2\ndatabase = "file.db"\n', "utf-8")
    monkeypatch.setenv("PROXYGRAPH_PORT", "3")
    monkeypatch.setenv("PROXYGRAPH_WORKERS", "4")
    settings = ServeSettings.of({"workers": "5"})
    assert (settings.host, settings.port, settings.workers, str(settings.database)) == ("::1", 3, 5, "file.db")


def test_so_they_do_where_the_variable_is_not_named_as_the_field(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('database = "file.db"\nsync_rate = 1\n[twilio]\naccount_sid = "x"\nauth_token = "x"\n', "utf-8")
    assert str(SyncSettings.of({}).database) == "file.db"
    monkeypatch.setenv("PROXYGRAPH_DATABASE", "variable.db")
    monkeypatch.setenv("PROXYGRAPH_SYNC_RATE", "2")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", SID)
    twilio = TwilioSettings.of_environment()
    assert (twilio.account_sid, twilio.rate, twilio.password.get_secret_value()) == (SID, 2, "x")
    assert str(SyncSettings.of({}).database) == "variable.db"
    assert str(SyncSettings.of({"database": "flag.db"}).database) == "flag.db"


@pytest.mark.parametrize("text", ["sync_recheck_hours = 3\n", "[sync]\nrecheck_hours = 3\n"])
def test_a_tables_name_is_the_beginning_of_the_names_in_it(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    assert SyncSettings.of({}).recheck_hours == 3


def test_lists_and_switches_are_tomls_own(file: Path) -> None:
    file.write_text('require_key = true\ncors_origins = ["https://a.example.com", "https://b.example.com"]\n', "utf-8")
    access = AccessSettings.of({})
    assert (access.require_key, len(access.cors_origins)) == (True, 2)


def test_an_account_and_an_identity_provider_may_be_in_the_file_alone(file: Path) -> None:
    file.write_text("", "utf-8")
    assert (TwilioSettings.of_environment_if_any(), JwtSettings.of_environment_if_any()) == (None, None)
    provider = 'jwks_url = "https://id.example.com/jwks"\naudience = "a"\nissuer = "i"\n'
    file.write_text(f'[twilio]\naccount_sid = "{SID}"\nauth_token = "{TOKEN}"\n[jwt]\n{provider}', "utf-8")
    assert TwilioSettings.of_environment_if_any()
    assert JwtSettings.of_environment_if_any()


def test_every_switch_and_number_may_be_in_the_file(file: Path) -> None:
    for group in SETTINGS_GROUPS:
        needed = {variable(group, name): value for name, value in NEEDED.items() if name in group.model_fields}
        for name, field in group.model_fields.items():
            if type(field.default) in (bool, int, float):
                value = not field.default if isinstance(field.default, bool) else field.default
                lines = [f"{key_of(of)} = '{text}'" for of, text in needed.items()]
                file.write_text("\n".join([*lines, f"{key_of(variable(group, name))} = {str(value).lower()}"]), "utf-8")
                assert getattr(group(), name) == value, name


def test_every_unknown_key_is_named_with_a_suggestion(file: Path) -> None:
    result = status(file, 'log_levle = "DEBUG"\n[sync]\nevrey = 3\n[zzz]\nqqqqqqqqqq = 1\n')
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"log_levle in {file} is not a setting of Proxygraph. Did you mean log_level?",
        f"sync_evrey in {file} is not a setting of Proxygraph. Did you mean sync_every?",
        f"zzz_qqqqqqqqqq in {file} is not a setting of Proxygraph. The README lists all settings.",
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("status_stale_hours = 'x'\n", "status_stale_hours in {file}: expected a valid number"),
        (
            "sync_every = \n",
            "PROXYGRAPH_CONFIG (or --config): expected a TOML file, but got {file}, which isn't valid. ",
        ),
        ("port = 1\nPort = 2\n", "port in {file} is given twice."),
    ],
)
def test_what_is_wrong_in_it_is_said_once_with_its_key(file: Path, text: str, sentence: str) -> None:
    result = status(file, text)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(sentence.format(file=file)), line


def test_a_wrong_variable_is_named_although_the_file_has_the_setting(file: Path) -> None:
    result = status(file, "status_stale_hours = 3\n", PROXYGRAPH_STATUS_STALE_HOURS="x")
    assert result.stderr.startswith("PROXYGRAPH_STATUS_STALE_HOURS: ")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.toml", tmp_path):
        result = run("status", "--config", str(missing))
        sentence = f"PROXYGRAPH_CONFIG (or --config): expected a TOML file, but {missing} is none.\n"
        assert (result.returncode, result.stderr) == (2, sentence)


def test_a_secret_of_the_wrong_type_is_not_shown(file: Path) -> None:
    text = f'callbacks_secret = ["hidden"]\n[twilio]\naccount_sid = "{SID}"\nauth_token = ["hidden"]\n'
    file.write_text(text, "utf-8")
    result = run("serve", "--config", str(file), "--database", str(file.with_name("none.db")))
    assert result.returncode == 2
    assert "callbacks_secret in" in result.stderr
    assert "twilio_auth_token in" in result.stderr
    assert "hidden" not in result.stderr + result.stdout


def test_the_flag_wins_over_the_variable_and_json_logs_may_be_in_the_file(file: Path) -> None:
    result = status(file, 'log_format = "json"\nnonsense = 1\n', PROXYGRAPH_CONFIG="/nowhere")
    assert result.returncode == 2
    assert result.stderr.startswith('{"time":')


def test_workers_read_the_same_file(file: Path) -> None:
    database = file.with_name("archive.db")
    file.write_text(f'database = "{database}"\nworkers = 2\nintrospection = false\n', "utf-8")
    with running("serve", "--config", str(file)) as address:
        query = b'{"query": "{ __schema { description } }"}'
        request = urllib.request.Request(f"{address}/graphql", query, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as response:
            assert b'"errors"' in response.read()
