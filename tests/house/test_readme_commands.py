"""Every command of the README: what is fenced is run, from the first to the last; what stands in the text is parsed.

A block of commands runs in a folder of its own, as somebody would run it who reads on, with a stand-in for Twilio. A
command in the text goes through the parser that it is for, so that no flag or file of it goes stale.
"""

import asyncio
import json
import os
import re
import runpy
import shlex
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

import readme
from checkout import ROOT
from gateway.cli.commands import commands
from running_commands import ENVIRONMENT

REGISTRY = "It asks a package registry, and what it would install is here; .ci/run runs the tests' whole line."
DOCKER = "It wants Docker and a registry of images."
POSTGRESQL = "It wants a PostgreSQL server at this address; tests/store/copying/test_copy.py copies and serves."
COPY = '.venv/bin/python -m gateway copy --from proxygraph.db --to "$PROXYGRAPH_DATABASE"'
SERVE = ".venv/bin/python -m gateway serve --sync-every 60"
LEFT_OUT = {
    "python3 -m venv .venv": REGISTRY,
    ".venv/bin/pip install --quiet --editable .": REGISTRY,
    ".venv/bin/pip install --quiet --editable '.[test]'": REGISTRY,
    "pip install .": REGISTRY,
    "pipx install .": REGISTRY,
    "uvx --from . proxygraph demo": REGISTRY,
    "pip install --editable '.[otel]'": REGISTRY,
    "pip install --editable '.[parquet]'": REGISTRY,
    ".venv/bin/python -m pytest": "It would run this test; .ci/run runs it.",
    "pytest": "It would run this test; .ci/run runs it.",
    'pytest -m "browser or clients or processes or servers"': "It takes minutes; .ci/run runs it.",
    ".ci/run": "It runs this test.",
    "python tests/stand_in/fake_twilio.py": "The blocks run with it.",
    "docker build --tag proxygraph .": DOCKER,
    "docker run --rm -v proxygraph:/archive proxygraph proxygraph keys create console --scope read:content": DOCKER,
    "docker run -p 127.0.0.1:8000:8000 -v proxygraph:/archive proxygraph": DOCKER,
    "createuser --pwprompt proxygraph": POSTGRESQL,
    "createdb --owner proxygraph proxygraph": POSTGRESQL,
    COPY: POSTGRESQL,
    SERVE: POSTGRESQL,
}
"""The commands that are not run, and why. Of these, the two in a block that are the gateway's are parsed."""


def steps_of(script: str) -> list[str]:
    return [step for line in re.sub(r"\s*\\\n\s*", " ", script).splitlines() for step in line.split(" && ")]


FENCED = [block.text for block in readme.BLOCKS if block.language == "sh"]
OUTPUTS = {
    before.text: block.text
    for before, block in zip(readme.BLOCKS, readme.BLOCKS[1:], strict=False)
    if block.language == "text"
}
"""What the README shows of a block's output: some of its lines, with other figures, and with … for any text."""
SCRIPTS = {text: "\n".join(step for step in steps_of(text) if step not in LEFT_OUT) for text in FENCED}
STAND_IN = ".venv/bin/python tests/stand_in/fake_twilio.py"
CHECKOUT = ("gateway", "resolvers", "schema", "store", "tests")
SECONDS = 60
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
READY = re.compile(rf"{ADDRESS.pattern}/(graphql|v1\s)|^data: ")
"""What a server, or the stand-in, prints when it is ready, and a subscription at its first event."""
ADDRESS_TOLD = "http://127.0.0.1:8000"


def pattern_of(line: str) -> str:
    """A regular expression for a line of output: any figures match, and any text does where the line has …."""
    return re.sub(
        r"\d[\d,.]*", r"\\d[\\d,.]*", re.escape(line).replace("…", ".*").replace("\\,", ",").replace("\\.", ".")
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A working copy of the project, with the tests' environment, in which files can be written."""
    for name in CHECKOUT:
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    return tmp_path


@asynccontextmanager
async def started(script: str, folder: Path, environment: dict[str, str]) -> AsyncIterator[list[str]]:
    """The lines that a script prints until it ends or serves; a server runs until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=folder,
        env=environment,
        stdout=PIPE,
        start_new_session=True,
    )
    assert process.stdout
    lines: list[str] = []
    try:
        async with asyncio.timeout(SECONDS):
            async for line in process.stdout:
                lines.append(line.decode())
                if READY.search(lines[-1]):
                    break
            else:
                assert await process.wait() == 0, script
        yield lines
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await asyncio.wait_for(process.communicate(), SECONDS)


@pytest.mark.processes
@pytest.mark.skipif(
    os.environ.get("CI") is None and not (shutil.which("bash") and shutil.which("curl")),
    reason="bash or curl is not here, which the README has people use.",
)
async def test_the_blocks_run_from_the_first_to_the_last(checkout: Path) -> None:
    environment = ENVIRONMENT | {"PROXYGRAPH_PORT": "0", "PROXYGRAPH_DRAIN": "0", "PROXYGRAPH_SYNC_RATE": "0"}
    environment |= {"PYTHONUNBUFFERED": "1"}
    printed: list[str] = []
    async with AsyncExitStack() as servers:
        exports = await servers.enter_async_context(started(STAND_IN, checkout, environment))
        account = dict(re.findall(r"^export (\w+)=(\S+)$", "".join(exports), re.MULTILINE))
        environment |= {name: account[name] for name in ("TWILIO_API_URL", "TWILIO_PROXY_URL")}
        address = ADDRESS_TOLD
        for text, script in SCRIPTS.items():
            if not script:
                continue
            for documented, actual in {
                "SID=AC…": f"SID={account['TWILIO_ACCOUNT_SID']}",
                "TOKEN=…": f"TOKEN={account['TWILIO_AUTH_TOKEN']}",
                "--service KS…": "--service rides",
                ADDRESS_TOLD: address,
            }.items():
                script = script.replace(documented, actual)
            lines = await servers.enter_async_context(started(script, checkout, environment))
            for line in OUTPUTS.get(text, "").splitlines():
                assert any(re.fullmatch(pattern_of(line), actual.rstrip()) for actual in lines), (line, lines)
            printed += lines
            address = next((found[0] for line in lines if (found := ADDRESS.search(line))), address)
    assert OUTPUTS
    assert [line for line in printed if re.match(r"Rows: [\d,]{3,} new, 0 changed, 0 unchanged, 0 erased\.", line)]
    with_a_key, without_a_key = (json.loads(line)["data"] for line in printed if line.startswith("{"))
    assert without_a_key["sessions"]["totalCount"] > 0
    assert with_a_key["interactions"]["nodes"][0]["body"]
    assert "Nothing was changed. Run it again with --yes to erase.\n" in printed
    assert [line for line in printed if re.match(r"Interactions +[\d,]+ erased$", line)], "a person's request ends so"
    assert "Complete        yes\n" in printed


def test_every_skipped_command_exists() -> None:
    steps = {step for text in FENCED for step in steps_of(text)}
    assert not [command for command in LEFT_OUT if command not in steps | set(readme.SPANS)]


GATEWAY = get_command(commands)
PROGRAMS = ("chrt", "curl", "docker", "npm", "pip", "pipx", "pytest", "python", "python3", "uvx", ".ci/run")


def commands_in_the_text() -> Iterator[str]:
    """Programs with their arguments, and the gateway's commands with theirs."""
    assert isinstance(GATEWAY, TyperGroup)
    for span in dict.fromkeys(span.removeprefix(".venv/bin/") for span in readme.SPANS):
        program, *arguments = span.split()
        if (program in PROGRAMS and span != "python") or (program in GATEWAY.commands and arguments):
            yield span


IN_THE_TEXT = [command for command in commands_in_the_text() if command not in LEFT_OUT]
IN_THE_TEXT += [step.removeprefix(".venv/bin/") for step in (COPY, SERVE)]
FOR_PYTEST = [command for command in IN_THE_TEXT if command.startswith("pytest ")]


def parser_and_arguments(command: str) -> tuple[Any, list[str]]:
    """The program that a command runs, and its arguments."""
    words = shlex.split(command.partition(" > ")[0].removeprefix("chrt -r 1 "))
    match words:
        case ["python", "-m", "gateway", *arguments]:
            return GATEWAY, arguments
        case ["python", "-m", module, *arguments]:
            return parser_of(ROOT / module.replace(".", "/") / "__main__.py"), arguments
        case ["python", script, *arguments]:
            return parser_of(ROOT / script), arguments
        case [name, *_] if isinstance(GATEWAY, TyperGroup) and name in GATEWAY.commands:
            return GATEWAY, words
    raise AssertionError(f"No test knows how to run `{command}`.")


def parser_of(script: Path) -> Any:
    """The parser of a script whose ``main`` typer runs; one whose ``main`` is a coroutine takes no arguments."""
    main = runpy.run_path(str(script), run_name="parsed")["main"]
    app = typer.Typer(add_completion=False)
    app.command()((lambda: None) if iscoroutinefunction(main) else main)
    return get_command(app)


@pytest.mark.parametrize("command", [command for command in IN_THE_TEXT if command not in FOR_PYTEST])
def test_every_command_in_the_text_is_valid(command: str) -> None:
    parser, arguments = parser_and_arguments(command)
    while isinstance(parser, TyperGroup) and arguments:
        parser, arguments = parser.commands[arguments[0]], arguments[1:]
    if not isinstance(parser, TyperGroup):
        parser.make_context(command, arguments)


def flags_of(parser: Any) -> set[str]:
    """All options of a parser and of its subcommands."""
    context = parser.make_context("parsed", [], resilient_parsing=True)
    own = {flag for parameter in parser.get_params(context) for flag in parameter.opts}
    return own.union(*map(flags_of, getattr(parser, "commands", {}).values()))


def test_every_flag_in_the_text_is_one_of_its_programs() -> None:
    programs = {command for command in IN_THE_TEXT if "benchmarks" in command}
    known = flags_of(GATEWAY).union({"--help"}, *(flags_of(parser_and_arguments(command)[0]) for command in programs))
    flags = {word for span in readme.SPANS if span.startswith("--") for word in span.split() if word.startswith("--")}
    assert flags
    assert flags <= known


@pytest.mark.parametrize("command", FOR_PYTEST)
def test_every_test_named_in_the_text_exists(command: str, pytestconfig: pytest.Config) -> None:
    words = shlex.split(command)[1:]
    tests = "".join((ROOT / word).read_text("utf-8") for word in words if word.endswith(".py"))
    assert tests
    for flag, value in zip(words, [*words[1:], ""], strict=True):
        if flag == "-k":
            assert re.search(rf"def test_\w*{value}", tests)
        elif flag.startswith("--"):
            pytestconfig.getoption(flag)  # It raises ValueError where no such flag is known.
