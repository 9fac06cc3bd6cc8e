"""HTTP caching of GET until the next write, and compression of large responses."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from backports import zstd

from bodies import interaction, put, service, session, sid
from checkout import PATHS
from databases import change
from gateway.endpoint.caching import CODE, ROOT, code_of
from gateway.http.compression import LARGE_BYTES
from gateway_under_test import serving
from store import keys
from store.archive import open_archive
from store.engine.database import Database

QUERY = {"query": "{ services { nodes { uniqueName } } }"}
JSON = {"Accept": "application/json"}
WRITE = """
import asyncio, sys
from bodies import put, service
from store.archive import open_archive
from store.engine.database import database_of

async def main():
    async with open_archive(database_of(sys.argv[1])) as archive:
        await put(archive, service(2))

asyncio.run(main())
"""


async def tag(client: aiohttp.ClientSession, query: dict[str, str] = QUERY, **headers: str) -> str:
    async with client.get("/graphql", params=query, headers=JSON | headers) as response:
        assert response.status == 200
        return response.headers["ETag"]


async def statements(client: aiohttp.ClientSession) -> float:
    async with client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("proxygraph_sql_statements_total"))


async def test_a_get_response_can_be_cached_and_is_not_computed_again(client: aiohttp.ClientSession) -> None:
    async with client.get("/graphql", params=QUERY) as response:
        kept = response.headers["ETag"]
        assert kept.startswith('W/"')
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["Vary"] == "Accept, Accept-Encoding, Authorization, GraphQL-Cost"
    before = await statements(client)
    for known in (kept, f'"x", {kept}', kept.removeprefix("W/")):
        async with client.get("/graphql", params=QUERY, headers={"If-None-Match": known}) as response:
            assert (response.status, await response.read()) == (304, b"")
            assert response.headers["ETag"] == kept
    assert await statements(client) == before
    async with client.get("/graphql", params=QUERY, headers={"If-None-Match": "*"}) as response:
        assert response.status == 304
    for known in ('W/"x"', ""):
        async with client.get("/graphql", params=QUERY, headers={"If-None-Match": known}) as response:
            assert response.status == 200


async def test_any_write_changes_the_etag(database: Database) -> None:
    """Writes by the server, by another Proxygraph process, and by another program."""
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1))
    async with serving(database) as client:
        tags = [await tag(client), await tag(client)]
        assert tags[0] == tags[1]
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", WRITE, str(database)],
            check=True,
            env={"PYTHONPATH": os.pathsep.join(PATHS)},
        )
        tags.append(await tag(client))
        for name in ("a", "b"):
            change(database, "UPDATE service SET unique_name = $1", name)
            tags.append(await tag(client))
        mutation = 'mutation { deleteInteraction(input: {sid: "KI%s"}) { userErrors { code } } }' % ("0" * 32)
        async with client.post("/graphql", json={"query": mutation}) as response:
            assert "errors" not in await response.json()
        assert len(set(tags)) == 4


async def test_an_etag_depends_on_document_variables_and_media_type(client: aiohttp.ClientSession) -> None:
    named = "query ($n: Int) { services(first: $n) { totalCount } }"
    tags = {
        await tag(client),
        await tag(client, {"query": "{ services { totalCount } }"}),
        await tag(client, {"query": named, "variables": '{"n":1}'}),
        await tag(client, {"query": named, "variables": '{"n":2}'}),
        await tag(client, Accept="application/graphql-response+json"),
        await tag(client, QUERY | {"other": "1"}),
    }
    assert len(tags) == 6


@pytest.mark.parametrize(
    "file", ["resolvers/nodes.py", "store/sqlite/migrations/0007_more.sql", "schema/schema.graphql"]
)
def test_an_etag_depends_on_the_version_of_the_code(tmp_path: Path, file: str) -> None:
    before = code_of(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("new")
    assert code_of(tmp_path) != before
    assert code_of(tmp_path) == code_of(tmp_path)


def test_the_version_of_the_code_is_found() -> None:
    assert code_of(ROOT) == CODE != code_of(ROOT / "nowhere")


async def test_an_etag_depends_on_the_keys_scopes(database: Database) -> None:
    async with open_archive(database) as archive:
        shown = {
            name: f"Bearer {await keys.create(archive, name, (scope,), None)}"
            for name, scope in (("one", "read"), ("other", "read"), ("desk", "read:content"))
        }
    async with serving(database, require_key=True) as client:
        tags = {name: await tag(client, Authorization=key) for name, key in shown.items()}
        assert tags["one"] == tags["other"] != tags["desk"]
        headers = JSON | {"Authorization": shown["desk"], "If-None-Match": tags["one"]}
        async with client.get("/graphql", params=QUERY, headers=headers) as response:
            assert response.status == 200
        async with client.get("/graphql", params=QUERY, headers={"If-None-Match": tags["one"]}) as response:
            assert response.status == 401


BODIES = {"query": "{ interactions { nodes { body } } }"}


async def test_no_etag_reveals_content_to_a_key_without_the_scope(database: Database) -> None:
    """A key that sends another key's ETag gets a full response with what it may read; each write changes both ETags."""
    async with open_archive(database) as archive:
        await put(archive, service(1), session(1), interaction(1), interaction(2))
        shown = {
            name: {"Authorization": f"Bearer {await keys.create(archive, name, scopes, None)}"}
            for name, scopes in (("reader", ("read",)), ("desk", ("read:content", "delete")))
        }
        async with serving(database, require_key=True) as client:
            seen: list[str] = []
            for _ in range(2):
                tags = {name: await tag(client, BODIES, **headers) for name, headers in shown.items()}
                headers = JSON | shown["reader"] | {"If-None-Match": f"{tags['desk']}, W/*"}
                async with client.get("/graphql", params=BODIES, headers=headers) as response:
                    assert (response.status, response.headers["ETag"]) == (200, tags["reader"])
                    assert {node["body"] for node in (await response.json())["data"]["interactions"]["nodes"]} == {None}
                seen += tags.values()
                mutation = (
                    f'mutation {{ deleteInteraction(input: {{sid: "{sid("KI", 1)}"}}) {{ deletedInteractionId }} }}'
                )
                async with client.post("/graphql", json={"query": mutation}, headers=shown["desk"]) as response:
                    assert "errors" not in await response.json()
    assert len({*seen}) == 4


async def test_an_etag_contains_no_content(tmp_path: Path) -> None:
    """Two archives that differ only in content have the same ETag, so it reveals nothing about content."""
    tags = []
    for text in ("one thing", "another"):
        database = tmp_path / f"{text}.db"
        async with open_archive(database) as archive:
            await put(archive, service(1), session(1), interaction(1, data=json.dumps({"body": text})))
            async with archive.writer.transaction() as transaction:
                await transaction.execute("UPDATE archive SET data_version = 7")
        async with serving(database) as client:
            tags.append(await tag(client, BODIES))
    assert tags[0] == tags[1]


async def test_two_servers_over_one_archive_give_the_same_etag_whoever_writes(
    client: aiohttp.ClientSession, database: Database
) -> None:
    async with serving(database) as other:
        assert await tag(other) == (before := await tag(client))
        change(database, "UPDATE service SET unique_name = 'a'")
        assert await tag(other) == await tag(client) != before


async def test_storing_the_use_of_a_key_does_not_change_the_etag(database: Database) -> None:
    """The use is stored in the file, but changes no response."""
    tags = set()
    async with open_archive(database) as archive, serving(database, require_key=True) as client:
        for name in ("one", "other"):
            key = f"Bearer {await keys.create(archive, name, ('read',), None)}"
            tags.add(await tag(client, Authorization=key))
            async with asyncio.timeout(10):
                while not [each for each in await keys.keys(archive) if each.name == name and each.last_used_at]:
                    await asyncio.sleep(0.01)
            tags.add(await tag(client, Authorization=key))
    assert len(tags) == 1


@pytest.mark.parametrize(
    "query",
    [
        "{ syncStatus { lagSeconds } }",
        "{ ...a } fragment a on Query { s: syncStatus { running } }",
        "{ nothing }",
        'query { node(id: "x") { id } }',
    ],
)
async def test_volatile_and_failed_responses_are_not_cached(client: aiohttp.ClientSession, query: str) -> None:
    async with client.get("/graphql", params={"query": query}) as response:
        assert (response.headers["Cache-Control"], "ETag" in response.headers) == ("no-store", False)


async def test_a_post_response_is_not_cached(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json=QUERY) as response:
        assert (response.headers["Cache-Control"], "ETag" in response.headers) == ("no-store", False)


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "gzip"),
        ("zstd;q=0.1, gzip", "gzip"),
        ("gzip;q=0", None),
        ("br", None),
        ("identity", None),
        ("*", None),
    ],
)
async def test_a_large_response_is_compressed_as_the_client_accepts(
    database: Database, accepted: str, encoding: str | None
) -> None:
    async with open_archive(database) as archive:
        await put(archive, *(service(number) for number in range(1, 101)))
    async with serving(database) as client:
        wide = {"query": "{ services(first: 100) { nodes { sid accountSid uniqueName dateCreated dateUpdated } } }"}
        client._auto_decompress = False
        async with client.post("/graphql", json=wide, headers={"Accept-Encoding": accepted}) as response:
            body = await response.read()
            assert response.headers.get("Content-Encoding") == encoding
        plain = {"gzip": gzip.decompress, "zstd": zstd.decompress}.get(encoding or "", bytes)(body)
        assert len(json.loads(plain)["data"]["services"]["nodes"]) == 100
        assert len(plain) > LARGE_BYTES
        assert (len(body) < len(plain) / 3) == (encoding is not None)


async def test_a_small_response_is_not_compressed(client: aiohttp.ClientSession) -> None:
    async with client.post("/graphql", json=QUERY, headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers
