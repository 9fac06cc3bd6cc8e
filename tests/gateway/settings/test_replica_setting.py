"""``--replica`` names standbys by their URLs: as flags, in a variable, or in the settings file."""

from pathlib import Path

import pytest

from gateway.settings.server import ServeSettings
from gateway.settings.sources import SettingsError
from running_commands import run
from store.engine.database import Address, Replicas

PRIMARY = "postgresql://writer:hidden@db1/archive"
STANDBY, SEVERAL = "postgresql://reader:hidden@db2/archive", "postgresql://reader:hidden@db3:5433,db4/archive"


def test_several_are_separated_by_commas_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYGRAPH_REPLICA", f"{STANDBY},{SEVERAL}")
    monkeypatch.setenv("PROXYGRAPH_REPLICA_LAG", "2.5")
    found = ServeSettings.of({"database": PRIMARY})
    assert found.replicas == Replicas((Address(STANDBY), Address(SEVERAL)), 2.5)


def test_a_flag_is_repeated_and_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXYGRAPH_REPLICA", PRIMARY)
    found = ServeSettings.of({"database": PRIMARY, "replica": [STANDBY, SEVERAL]})
    assert found.replicas.addresses == (Address(STANDBY), Address(SEVERAL))


def test_a_settings_file_has_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "proxygraph.toml"
    file.write_text(f'database = "{PRIMARY}"\nreplica = ["{STANDBY}", "{SEVERAL}"]\nreplica_lag = 3\n', "utf-8")
    monkeypatch.setenv("PROXYGRAPH_CONFIG", str(file))
    assert ServeSettings.of({}).replicas == Replicas((Address(STANDBY), Address(SEVERAL)), 3)


@pytest.mark.parametrize(
    ("database", "replica", "sentence"),
    [
        (PRIMARY, "replica.db", "--replica: expected a URL that begins with postgresql://, but got 'replica.db'."),
        (PRIMARY, "mysql://root:hidden@db", "but got one of mysql://."),
        ("archive.db", STANDBY, "--replica needs a database of PostgreSQL, but PROXYGRAPH_DATABASE names a file."),
    ],
)
def test_a_wrong_replica_gives_a_sentence_without_its_password(database: str, replica: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        ServeSettings.of({"database": database, "replica": [replica]})
    (problem,) = refused.value.problems
    assert (sentence in problem, "hidden" in problem) == (True, False)


def test_the_command_says_so() -> None:
    result = run("serve", "--database", "archive.db", "--replica", STANDBY)
    assert (result.returncode, "--replica needs a database of PostgreSQL" in result.stderr) == (2, True)
    assert "hidden" not in result.stderr + result.stdout
