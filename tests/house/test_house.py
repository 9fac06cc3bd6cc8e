"""The house rules: allowed imports, the places of files, and their form."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from checkout import ROOMS, ROOT, TRACKED, needs_git

TOP_LEVEL = {*ROOMS, "tests", "pyproject.toml", "README.md", "CHANGELOG.md", "Dockerfile"}
RESOURCES = ("services", "sessions", "participants", "interactions")
DRAWERS = {"utils", "helpers", "common", "models", "core", "misc"}
LONGEST = 300
MOST_FILES = 14


SOURCES = [ROOT / file for file in TRACKED if file.suffix == ".py" and (ROOT / file).exists()]


def test_imports_follow_the_contracts_of_pyproject() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout


def test_only_the_store_imports_sqlite() -> None:
    """Not a contract of import-linter, which doesn't check imports of the standard library."""
    for source in SOURCES:
        if source.relative_to(ROOT).parts[0] in ROOMS[1:]:
            for node in ast.walk(ast.parse(source.read_text("utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                assert "sqlite3" not in names or source.name == "server.py", source


def test_sql_is_only_written_in_the_store() -> None:
    statement = re.compile(r"\b(SELECT .+ FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|PRAGMA \w+)\b")
    rooms = [source for source in SOURCES if source.relative_to(ROOT).parts[0] in ROOMS[1:]]
    assert not [source for source in rooms if statement.search(source.read_text("utf-8"))]


OF_TUPLES = {"_asdict", "_fields", "_make", "_replace"}
"""Named tuples' documented methods."""
NO_PUBLIC_NAME = {("schema/build.py", "_schema")}
"""Strawberry has no other name for graphql-core's schema: https://github.com/strawberry-graphql/strawberry/issues/2590."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def private_names_of_others(source: str) -> set[str]:
    """The private names that a file uses and doesn't define. Those of its own classes are its own business."""
    nodes = list(ast.walk(ast.parse(source)))
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)} - own
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            paths = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            used |= {part for path in paths for part in path.split(".")}
    return {name for name in used - OF_TUPLES if private(name)}


@pytest.mark.parametrize("room", ROOMS)
def test_only_public_names_of_libraries_and_of_other_files_are_used(room: str) -> None:
    """A base class may hand a private name down to those that inherit it: an abstract method is defined in both."""
    sources = {file.relative_to(ROOT).as_posix(): file for file in SOURCES if file.relative_to(ROOT).parts[0] == room}
    used = {(name, own) for name, file in sources.items() for own in private_names_of_others(file.read_text("utf-8"))}
    assert not sorted(used - NO_PUBLIC_NAME)


@pytest.mark.parametrize(
    "source",
    [
        "import lib._private",
        "from lib._private import name",
        "from lib import _private",
        "import lib\nlib.thing._private",
    ],
)
def test_a_private_name_is_found_however_it_is_reached(source: str) -> None:
    assert private_names_of_others(source) == {"_private"}


@needs_git
def test_nothing_else_is_at_the_top_level() -> None:
    assert {file.parts[0] for file in TRACKED if not file.parts[0].startswith(".")} == TOP_LEVEL


@pytest.mark.parametrize("room", ROOMS[:3])
def test_the_same_noun_names_the_file_in_every_room(room: str) -> None:
    assert not [noun for noun in RESOURCES if not (ROOT / room / f"{noun}.py").exists()]


@needs_git
def test_the_tests_of_a_room_are_in_a_folder_of_its_name() -> None:
    folders = {
        file.parent.relative_to("tests") for file in TRACKED if file.parts[0] == "tests" and file.stem[:5] == "test_"
    }
    assert not [str(folder) for folder in folders if folder != Path("house") and not (ROOT / folder).is_dir()]


@needs_git
def test_no_room_has_too_many_files() -> None:
    files = [file for file in TRACKED if file.suffix == ".py" and file.name != "__init__.py" and file.parts[0] in ROOMS]
    rooms = Counter(file.parent for file in files)
    assert not {str(room): number for room, number in rooms.items() if number > MOST_FILES}


@needs_git
def test_every_room_is_in_the_readmes_map() -> None:
    table = (ROOT / "README.md").read_text("utf-8").split("| room |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+) \| ", table, re.MULTILINE)
    mapped = set()
    for row in rows:
        first, *others = re.findall(r"`([a-z]+(?:/[a-z]+)?)/`", row)
        mapped |= {first, *(f"{first.split('/')[0]}/{other}" for other in others)}
    rooms = {"/".join(file.parts[:-1][:2]) for file in TRACKED if file.suffix == ".py" and file.parts[0] in ROOMS}
    assert rooms - mapped == {"gateway/installed", "schema/feed"}, "the last is named with that of resolvers"


@needs_git
def test_no_module_has_a_catch_all_name() -> None:
    assert not [file for file in TRACKED if DRAWERS & {Path(part).stem for part in file.parts}]


@needs_git
def test_no_folder_of_tests_is_a_package() -> None:
    """A package ``schema`` among the tests would be imported in place of the project's."""
    assert not [file for file in TRACKED if file.parts[0] == "tests" and file.name == "__init__.py"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))
def test_every_module_has_a_docstring_and_stays_short(source: Path) -> None:
    text = source.read_text("utf-8")
    assert ast.get_docstring(ast.parse(text)), "the first line is a sentence"
    assert len(text.splitlines()) <= LONGEST


@needs_git
def test_no_file_contains_a_path_of_somebodys_machine() -> None:
    suspicious = re.compile(rb"/(home|Users|root|work|tmp)/\w|index-url|registry\.npmjs")
    for file in TRACKED:
        if file.name != "test_house.py":
            assert not suspicious.search((ROOT / file).read_bytes()), file
