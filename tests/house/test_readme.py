"""The README is correct: its queries and responses, its table of commands, its files and links.

What it has people run is in test_readme_commands.py, and its settings in test_readme_settings.py.
"""

import json
import re
from pathlib import Path

import pytest

import readme
from gateway.cli.commands import commands
from gateway.demo.account import DAY
from gateway.demo.seeding import DEMO, demo_archive
from gateway_under_test import serving
from store.engine.database import Address

ROOT = readme.FILE.parent
KINDS = {"sh", "text", "sql", "graphql", "json"}


def test_every_block_is_run_by_a_test() -> None:
    assert {block.language for block in readme.BLOCKS} == KINDS
    fences = len(re.findall(r"^ *(?:```|~~~)", readme.TEXT, re.MULTILINE))
    assert fences == 2 * len(readme.BLOCKS)
    for before, block in zip(readme.BLOCKS, readme.BLOCKS[1:], strict=False):
        assert block.language != "json" or before.language == "graphql", "an answer stands below its query"
        assert block.language != "text" or before.language == "sh", "an output stands below its commands"


@pytest.mark.parametrize(("name", "ending"), [("the demo", "-m gateway demo"), ("the tests", "-m pytest")])
def test_the_demo_and_the_tests_are_one_line_each(name: str, ending: str) -> None:
    (block,) = [block for block in readme.BLOCKS if block.name == name]
    assert block.language == "sh"
    assert "\n" not in block.text
    assert block.text.endswith(ending)


@pytest.mark.of_a_file
async def test_every_query_gives_the_shown_response_on_the_demo(database: Path) -> None:
    await demo_archive(database, DEMO._replace(day=DAY))
    asked = 0
    async with serving(database) as client:
        for block, after in zip(readme.BLOCKS, [*readme.BLOCKS[1:], None], strict=True):
            if block.language == "graphql":
                async with client.post("/graphql", json={"query": block.text}) as response:
                    answer = await response.json()
                assert "errors" not in answer, block.text
                if after and after.language == "json":
                    shown = after.text
                    if isinstance(database, Address):  # There the bytes are removed in the background.
                        shown = shown.replace('"erasure": "COMPLETE"', '"erasure": "PENDING"')
                    assert answer == json.loads(shown), block.text
                    asked += 1
    assert asked >= 5


def test_it_is_short_enough_to_be_read() -> None:
    lines = readme.TEXT.splitlines()
    assert len(lines) < 500, "move details to --help, to a description in the schema or to a docstring"
    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "!"))] == []
    assert not re.search(r"^\d+\. ", readme.TEXT, re.MULTILINE), "Markdown makes a list of a line that begins so"


def test_every_line_of_a_table_is_a_whole_row() -> None:
    lines = [line for line in readme.TEXT.splitlines() if line.startswith("|")]
    assert [line for line in lines if not line.endswith("|")] == []


def test_every_command_is_in_the_table() -> None:
    documented = re.findall(r"^\| `python -m gateway (\w+)", readme.TEXT, re.MULTILINE)
    registered = [command.callback.__name__ for command in commands.registered_commands if command.callback]
    assert sorted(documented) == sorted(registered + [str(group.name) for group in commands.registered_groups])


FILES = {span for span in readme.SPANS if re.fullmatch(r"(?:gateway|store|resolvers|schema|tests|\.ci)/[\w./-]*", span)}
LINKS = set(re.findall(r"\]\(([^)#:]+)\)", readme.TEXT))


@pytest.mark.parametrize("file", sorted(FILES | LINKS))
def test_every_named_file_exists(file: str) -> None:
    assert (ROOT / file).exists()


def test_every_linked_heading_exists() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", readme.TEXT, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", readme.TEXT)) <= headings
