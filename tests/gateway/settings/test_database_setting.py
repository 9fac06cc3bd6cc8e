"""The setting of the archive: a file's path or PostgreSQL's URL, from a flag, a variable or the file."""

from pathlib import Path

import pytest

from gateway.cli.command_line import SETTINGS_GROUPS
from gateway.settings.base import Settings
from gateway.settings.mirror import SyncSettings
from gateway.settings.server import ServeSettings
from gateway.settings.sources import CONFIG, SettingsError
from running_commands import run
from store.engine.database import NOT_ENCODED, Address, database_of, text_with_password

URL = "postgresql://reader:hidden@db.example.com:5433/archive"
SHOWN = "postgresql://reader@db.example.com:5433/archive"
GROUPS = [group for group in SETTINGS_GROUPS if issubclass(group, Settings) and "database" in group.model_fields]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("source", ["flag", "variable", "file"])
def test_wherever_a_path_is_taken_a_url_of_postgresql_is(
    group: type[Settings], source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "proxygraph.toml"
    file.write_text(f'database = "{URL}"\n' if source == "file" else "", "utf-8")
    monkeypatch.setenv(CONFIG, str(file))
    if source == "variable":
        monkeypatch.setenv("PROXYGRAPH_DATABASE", URL)
    assert vars(group.of({"database": URL} if source == "flag" else {}))["database"] == Address(URL)


def test_a_path_stays_a_path() -> None:
    assert ServeSettings.of({"database": "some folder/archive.db"}).database == Path("some folder/archive.db")
    assert ServeSettings.of({"database": Path("archive.db")}).database == Path("archive.db")


def test_another_process_gets_the_password_and_nobody_else_does() -> None:
    for text in (URL, "archive.db", "postgres://%2Fvar%2Frun/archive?sslmode=verify-full&password=hidden"):
        database = SyncSettings.of({"database": text}).database
        assert database_of(text_with_password(database)) == database
        assert "hidden" not in f"{database} {database!r} {SyncSettings.of({'database': text})!r}"
    assert str(Address(URL)) == SHOWN


CHARACTERS = "%2F%3F%23%40%3A"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://reader:hidden{CHARACTERS}@db1:5432,[::1]:5433,db2/archive?sslmode=require",
        f"postgresql:///archive?host=db1,db2&port=5432&user=reader@host&password=hidden{CHARACTERS}",
        "postgresql://%2Fvar%2Frun/archive",
    ],
)
def test_an_encoded_password_several_hosts_and_a_socket_are_taken(url: str) -> None:
    assert ServeSettings.of({"database": url}).database == Address(url)


WRONG = [
    ("", "expected the path of a file or a URL that begins with postgresql://, but got an empty text."),
    (
        "mysql://root:hidden@localhost/archive",
        "expected the path of a file or a URL that begins with postgresql://, but got one of mysql://.",
    ),
    (
        "postgresql://reader:hidden@localhost/",
        "expected the name of a database at the end of the URL, but got none in postgresql://reader@localhost/.",
    ),
    (
        "postgresql://reader:hidden@localhost",
        "expected the name of a database at the end of the URL, but got none in postgresql://reader@localhost.",
    ),
    *(
        (text, f"e{NOT_ENCODED[1:]}")
        for text in (
            "postgresql://reader:hidden@[::1/archive",
            "postgresql://reader:hid/den@localhost/archive",
            "postgresql://reader:hid?den@localhost/archive",
            "postgresql://reader:hid#den@localhost/archive",
            "postgresql://reader:1/hidden@localhost/archive",
            "postgresql://reader:1?hidden@localhost/archive",
            "postgresql://reader:hid?den=1@localhost/archive",
            "postgresql://reader:hid@den/den@localhost/archive",
            "postgresql://reader:hidden@localhost:port/archive",
        )
    ),
    (
        "postgresql:/reader:hidden@localhost/archive",
        "expected the path of a file or a URL that begins with postgresql://, but got one without //.",
    ),
    (
        "host=localhost dbname=archive password=hidden",
        "expected the path of a file or a URL that begins with postgresql://, but got keywords and values.",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_wrong_address_gives_one_sentence_without_its_password(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        ServeSettings.of({"database": text})
    assert refused.value.problems == [f"--database: {sentence}"]


@pytest.mark.parametrize("command", ["serve", "sync", "seed", "demo", "status", "ledger", "backup x", "restore x"])
def test_each_command_says_so_and_ends_with_2(command: str) -> None:
    result = run(*command.split(), "--database", "mysql://root:hidden@localhost/archive")
    assert result.returncode == 2
    assert f"--database: {WRONG[1][1]}" in result.stderr.splitlines()
    assert "hidden" not in result.stderr + result.stdout


def test_a_variable_of_a_wrong_type_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "proxygraph.toml"
    file.write_text(f'database = ["{URL}"]\n', "utf-8")
    result = run("status", "--config", str(file))
    assert result.returncode == 2
    assert result.stderr == (
        f"database in {file}: expected the path of a file or a URL that begins with postgresql://, but got no text.\n"
    )
