"""The wheel and the sdist: what they contain, and the command that they install, from any folder."""

import json
import re
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from built_page import needs_current_page, needs_page
from checkout import ROOMS, ROOT, TRACKED, needs_git
from gateway import __version__
from running_commands import ENVIRONMENT, address_of

NOT_INSTALLED = ("gateway/deploy", "gateway/installed", "gateway/graphiql/page", "gateway/graphiql/screenshot.png")
"""Files that build the wheel, or that are used without it."""
READ_AT_RUN_TIME = "gateway/graphiql/page/queries"
FOUND = f"from importlib.util import find_spec; print([name for name in {(*ROOMS, 'tests')} if find_spec(name)])"
"""A program that prints which of the checkout's packages an interpreter finds."""


def build(kind: str, source: Path, into: Path, **environment: str) -> Path:
    """The wheel or sdist of ``source``, built with the packages that are here; the page is taken as it is."""
    program = f"import hatchling.build, sys; hatchling.build.build_{kind}(sys.argv[1])"
    given = ENVIRONMENT | {"PROXYGRAPH_BUILD_GRAPHIQL": "skip"} | environment
    result = subprocess.run(
        [sys.executable, "-c", program, str(into)], cwd=source, env=given, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    (built,) = into.glob("*.tar.gz" if kind == "sdist" else "*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; what Proxygraph depends on is taken from the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    install(wheel, folder)
    return folder


def install(wheel: Path, folder: Path) -> None:
    """Makes an environment with the wheel in ``folder``, by the pip of the tests: to install another takes longer."""
    done([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    done([*pip, "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)], folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")


def done(command: list[str], folder: Path, **environment: str) -> str:
    """The output of the command, which must succeed."""
    given = ENVIRONMENT | environment
    result = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@contextmanager
def installed_server(environment: Path, folder: Path, *arguments: str) -> Iterator[str]:
    command = [str(environment / "bin" / "proxygraph"), *arguments, "--port", "0"]
    with address_of(command, folder) as address:
        yield address


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.mark.processes
def test_the_wheel_puts_one_package_at_the_top_of_site_packages(wheel: Path) -> None:
    assert {name.split("/")[0] for name in names_in(wheel)} == {"proxygraph", f"proxygraph-{__version__}.dist-info"}


@pytest.mark.processes
def test_a_checker_of_wheels_finds_nothing(wheel: Path) -> None:
    done([sys.executable, "-m", "check_wheel_contents", "--no-config", str(wheel)], wheel.parent)


@pytest.mark.processes
@needs_git
def test_the_wheel_has_every_file_that_is_needed_at_run_time(wheel: Path) -> None:
    wanted = {
        file.as_posix()
        for file in TRACKED
        if file.parts[0] in ROOMS
        and (not file.as_posix().startswith(NOT_INSTALLED) or file.as_posix().startswith(READ_AT_RUN_TIME))
    }
    page = {file.relative_to(ROOT).as_posix() for file in (ROOT / "gateway/graphiql/dist").rglob("*") if file.is_file()}
    has = {name.removeprefix("proxygraph/") for name in names_in(wheel) if name.startswith("proxygraph/")}
    assert has == wanted | page | {"__init__.py", "__main__.py"}


@pytest.mark.processes
@needs_current_page
def test_an_sdist_gives_the_same_wheel_without_node(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path)) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = (folder for folder in tmp_path.iterdir() if folder.is_dir())
    again = build("wheel", source, tmp_path, PATH="", PROXYGRAPH_BUILD_GRAPHIQL="require")
    assert names_in(again) == names_in(wheel)
    assert "proxygraph/gateway/graphiql/dist/index.html" in names_in(again)


@pytest.mark.processes
def test_the_command_tells_its_version_from_any_folder(environment: Path, tmp_path: Path) -> None:
    expected = f"Proxygraph {__version__}\n"
    assert done([str(environment / "bin" / "proxygraph"), "--version"], tmp_path) == expected
    assert done([str(environment / "bin" / "python"), "-m", "proxygraph", "--version"], tmp_path) == expected
    assert done([sys.executable, "-m", "gateway", "--version"], ROOT) == expected


@pytest.mark.processes
def test_only_the_command_sees_the_packages(environment: Path, tmp_path: Path) -> None:
    """Also in a folder that has packages of these names: what is installed is used."""
    (tmp_path / "schema.py").write_text("raise AssertionError", "utf-8")
    done([str(environment / "bin" / "proxygraph"), "schema", "--check"], tmp_path)
    (tmp_path / "schema.py").unlink()
    assert done([str(environment / "bin" / "python"), "-c", FOUND], tmp_path) == "[]\n"


@pytest.mark.processes
def test_workers_of_the_installed_server_answer(environment: Path, tmp_path: Path) -> None:
    command = str(environment / "bin" / "proxygraph")
    sizes = ("--services", "1", "--sessions", "1", "--interactions", "1")
    done([command, "seed", "--database", "archive.db", *sizes], tmp_path)
    with installed_server(environment, tmp_path, "serve", "--database", "archive.db", "--workers", "2") as address:
        query = b'{"query": "{ interactions { totalCount } }"}'
        request = urllib.request.Request(f"{address}/graphql", query, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as response:
            assert json.load(response) == {"data": {"interactions": {"totalCount": 1}}}


@pytest.mark.processes
@needs_page
def test_the_installed_demo_serves_graphiql(environment: Path, tmp_path: Path) -> None:
    with installed_server(environment, tmp_path, "demo") as address:
        request = urllib.request.Request(f"{address}/graphql", headers={"Accept": "text/html"})
        with urllib.request.urlopen(request, timeout=20) as response:
            page = response.read().decode()
    assert "./graphiql/index-" in page


@pytest.mark.clients
def test_pypis_schema_works_beside_it_in_a_fresh_environment(tmp_path: Path) -> None:
    """Everything from the registry, as ``pip install .`` gets it; schema is the package of that name on PyPI."""
    done([sys.executable, "-m", "venv", "fresh"], tmp_path)
    binaries = tmp_path / "fresh" / "bin"
    with FileLock(ROOT / "gateway" / "graphiql" / "dist.lock"):
        done([str(binaries / "pip"), "install", "--quiet", str(ROOT), "schema"], tmp_path)
    validated = "from schema import Schema; print(Schema({'sid': str}).validate({'sid': 'KI'}))"
    assert done([str(binaries / "python"), "-c", validated], tmp_path) == "{'sid': 'KI'}\n"
    assert done([str(binaries / "proxygraph"), "--version"], tmp_path) == f"Proxygraph {__version__}\n"
    done([str(binaries / "proxygraph"), "schema", "--check"], tmp_path)
    done([str(binaries / "pip"), "check"], tmp_path)
    done([str(binaries / "pip"), "uninstall", "--quiet", "--yes", "proxygraph"], tmp_path)
    assert done([str(binaries / "python"), "-c", validated], tmp_path) == "{'sid': 'KI'}\n"
    assert not (binaries / "proxygraph").exists()


def test_the_changelogs_sections_are_unreleased_and_dated_versions() -> None:
    """The newest dated version is that of the code, once one is released."""
    unreleased, *released = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert unreleased == "Unreleased"
    found = [re.fullmatch(r"(\d+\.\d+\.\d+) \((\d{4}-\d\d-\d\d)\)", section) for section in released]
    sections = [(match[1], match[2]) for match in found if match]
    assert len(sections) == len(released), "Expected sections such as: ## 0.1.0 (2026-11-28)"
    assert [date for _, date in sections] == sorted((date for _, date in sections), reverse=True)
    assert not sections or sections[0][0] == __version__


@pytest.mark.processes
def test_an_editable_installation_has_the_command_and_no_other_name(tmp_path: Path) -> None:
    """The command then runs the checkout; tests, schema and the others can't be imported elsewhere either."""
    built = build("editable", ROOT, tmp_path)
    environment = tmp_path / "editable"
    environment.mkdir()
    install(built, environment)
    binaries = environment / "bin"
    assert done([str(binaries / "proxygraph"), "--version"], tmp_path) == f"Proxygraph {__version__}\n"
    done([str(binaries / "proxygraph"), "schema", "--check"], tmp_path)
    assert done([str(binaries / "python"), "-c", FOUND], tmp_path) == "[]\n"
