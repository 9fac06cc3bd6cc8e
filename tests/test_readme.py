"""What the README tells people to do and to expect is so."""

import json
import re
from pathlib import Path

import pytest

from conftest import asker
from gateway.access_settings import AccessSettings, JwtSettings
from gateway.command_line import variable
from gateway.commands import commands
from gateway.logs import LogSettings
from gateway.rates import WITH_A_KEY
from gateway.seeding import DEMO, fill
from gateway.settings import Limits, Settings
from store.archive import open_archive

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")


def block(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)\n```", README, re.DOTALL)
    assert found, name
    return found[1]


def test_the_demo_and_the_tests_are_one_line_each() -> None:
    for name, ending in (("the demo", "-m gateway demo"), ("the tests", "-m pytest")):
        assert block(name).endswith(ending)
        assert "\n" not in block(name)


def test_every_command_is_in_the_table() -> None:
    told = re.findall(r"^\| `python -m gateway (\w+)", README, re.MULTILINE)
    registered = [command.callback.__name__ for command in commands.registered_commands if command.callback]
    assert sorted(told) == sorted(registered + [str(group.name) for group in commands.registered_groups])


@pytest.mark.parametrize("settings", [AccessSettings, JwtSettings, LogSettings])
def test_every_setting_without_a_flag_is_told(settings: type[Settings]) -> None:
    assert not [name for name in settings.model_fields if f"`{variable(settings, name)}`" not in README]


def test_every_limit_is_in_the_table_with_its_default() -> None:
    rows = re.findall(
        r"^\| `PROXYGRAPH_(\w+)` \| ([^|]+) \|",
        README.split("<!-- the limits -->")[1].partition("\n\n")[0],
        re.MULTILINE,
    )
    told = {name.lower(): default.replace(",", "") for name, default in rows}
    defaults = {name: field.default for name, field in Limits.model_fields.items()} | {"rate": WITH_A_KEY}
    assert told == {name: f"{default:g}" for name, default in defaults.items()}


QUESTIONS = {
    "a query": "its answer",
    "what was said": "what was said: its answer",
    "which calls": "which calls: its answer",
    "which interaction": "which interaction: its answer",
}


async def test_the_queries_get_the_answers_that_it_shows(database: Path) -> None:
    async with open_archive(database) as archive:
        await fill(archive, DEMO, lambda _: None)
        for query, answer in QUESTIONS.items():
            assert json.loads(block(answer)) == await asker(archive)(block(query)), query


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`((?:store|resolvers|schema|tests|\.ci)/[\w./]+)`", README))))
def test_every_file_that_it_names_is_there(file: str) -> None:
    assert (Path(__file__).parent.parent / file).exists()
