"""Persisted documents: named by documentId, or remembered for Apollo's clients; off, logged or enforced."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.endpoint.persisted import REMEMBERED_BYTES, DocumentsUnusable, PersistedDocuments, read_manifest
from gateway.endpoint.requests import RequestParameters
from gateway.settings.server import DocumentsMode
from gateway_under_test import serving
from store import keys
from store.archive import open_archive
from store.engine.database import Database

pytestmark = pytest.mark.usefixtures("with_one_session")

QUERY = "query Named($n: Int) { services(first: $n) { nodes { uniqueName } } }"
ANSWER = {"data": {"services": {"nodes": [{"uniqueName": "service-1"}]}}}
OTHER = "{ services { totalCount } }"
RESPONSE = {"Accept": "application/graphql-response+json"}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apq(text: str, **members: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}} | members


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "documents" / "deep"
    place.mkdir(parents=True)
    (place / "named.graphql").write_bytes(QUERY.encode())
    return place.parent


def apollos(*documents: tuple[str, str]) -> str:
    operations = [{"id": name, "name": "Named", "type": "query", "body": text} for name, text in documents]
    return json.dumps({"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations})


async def outcome(client: aiohttp.ClientSession, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with client.post("/graphql", json=request, headers=RESPONSE) as response:
        return response.status, await response.json()


async def test_a_persisted_document_in_a_url_needs_only_a_key(database: Database, folder: Path) -> None:
    async with open_archive(database) as archive:
        key = {"Authorization": f"Bearer {await keys.create(archive, 'console', ('read',), None)}", "Accept": "*/*"}
    named = {"documentId": f"sha256:{digest(QUERY)}", "variables": '{"n":1}'}
    async with (
        serving(database, protocol={"documents": folder}, require_key=True) as client,
        client.get("/graphql", params=named, headers=key) as response,
    ):
        assert response.status == 200


async def test_a_document_in_a_folder_is_identified_by_its_sha256(database: Database, folder: Path) -> None:
    async with serving(database, protocol={"documents": folder}) as client:
        name = f"sha256:{digest(QUERY)}"
        assert await outcome(client, {"documentId": name, "variables": {"n": 1}}) == (200, ANSWER)
        in_url = {"documentId": name, "variables": '{"n":1}'}
        async with client.get("/graphql", params=in_url) as response:
            assert (response.status, await response.json(), "ETag" in response.headers) == (200, ANSWER, True)


@pytest.mark.parametrize(
    ("manifest", "names"),
    [
        (apollos((digest(QUERY), QUERY)), [f"sha256:{digest(QUERY)}", digest(QUERY)]),
        (apollos(("named-1", QUERY)), [f"sha256:{digest(QUERY)}", "named-1"]),
        (json.dumps({digest(QUERY): QUERY}), [f"sha256:{digest(QUERY)}", digest(QUERY)]),
        (json.dumps({"0f" * 16: QUERY}), [f"sha256:{digest(QUERY)}", "0f" * 16]),
        (json.dumps({f"sha256:{digest(QUERY)}": QUERY}), [f"sha256:{digest(QUERY)}"]),
        (json.dumps({"0f" * 20: QUERY}), [f"sha256:{digest(QUERY)}", "0f" * 20]),
    ],
    ids=["apollo", "apollo with ids of its own", "relay", "relay with md5", "codegen", "codegen with sha1"],
)
async def test_a_manifest_of_apollo_or_relay_or_codegen_is_read(
    database: Database, tmp_path: Path, manifest: str, names: list[str]
) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(manifest, "utf-8")
    async with serving(database, protocol={"documents": file, "documents_mode": "enforce"}) as client:
        for name in names:
            assert await outcome(client, {"documentId": name}) == (200, ANSWER)
        assert (await outcome(client, {"query": OTHER}))[1]["errors"][0]["extensions"] == {
            "code": "PERSISTED_QUERY_REQUIRED"
        }


@pytest.mark.parametrize("own_id", [digest(QUERY), "named-1"], ids=["its sha-256", "an id of its own"])
async def test_apollo_clients_identify_a_document_by_the_manifests_id(
    database: Database, tmp_path: Path, own_id: str
) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(apollos((own_id, QUERY)), "utf-8")
    async with serving(database, protocol={"documents": file, "documents_mode": "enforce"}) as client:
        request = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": own_id}}}
        assert await outcome(client, request) == (200, ANSWER)


async def test_an_unknown_document_id_is_one_error(database: Database, folder: Path) -> None:
    async with serving(database, protocol={"documents": folder}) as client:
        for name in (f"sha256:{digest(OTHER)}", "nonsense", ""):
            status, answer = await outcome(client, {"documentId": name})
            (error,) = answer["errors"]
            assert (status, set(answer), error["extensions"]["code"]) == (404, {"errors"}, "PERSISTED_QUERY_NOT_FOUND")
        async with client.post("/graphql", json={"documentId": "nonsense"}) as response:
            assert response.status == 200


@pytest.mark.parametrize("mode", ["off", "log", "enforce"])
async def test_documents_that_are_not_persisted_run_or_are_logged_or_refused(
    database: Database, folder: Path, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "proxygraph.documents")
    async with serving(database, protocol={"documents": folder, "documents_mode": mode}) as client:
        assert await outcome(client, {"query": QUERY}) == (200, ANSWER)
        status, answer = await outcome(client, {"query": OTHER})
        logged = [record.getMessage() for record in caplog.records if record.name == "proxygraph.documents"]
        assert logged == ([f"A document that is not persisted was run: sha256:{digest(OTHER)}."] * (mode == "log"))
        if mode == "enforce":
            assert (status, answer["errors"][0]["extensions"]["code"]) == (403, "PERSISTED_QUERY_REQUIRED")
            for request in (apq(OTHER, query=OTHER), apq(OTHER)):
                assert "data" not in (await outcome(client, request))[1]
            assert await outcome(client, apq(QUERY)) == (200, ANSWER)
        else:
            assert (status, answer) == (200, {"data": {"services": {"totalCount": 1}}})


async def test_a_document_sent_with_its_hash_is_stored(client: aiohttp.ClientSession) -> None:
    status, answer = await outcome(client, apq(QUERY))
    (error,) = answer["errors"]
    assert (status, error["message"], error["extensions"]["code"]) == (
        404,
        "PersistedQueryNotFound",
        "PERSISTED_QUERY_NOT_FOUND",
    )
    assert await outcome(client, apq(QUERY, query=QUERY)) == (200, ANSWER)
    assert await outcome(client, apq(QUERY)) == (200, ANSWER)


@pytest.mark.parametrize(
    "request_",
    [
        apq(OTHER, query=QUERY),
        {"query": QUERY, "extensions": {"persistedQuery": {"version": 2, "sha256Hash": digest(QUERY)}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": "x"}},
    ],
    ids=["of another text", "of another version", "without a hash", "no object"],
)
async def test_a_malformed_hash_is_refused(client: aiohttp.ClientSession, request_: dict[str, Any]) -> None:
    status, answer = await outcome(client, request_)
    assert (status, set(answer)) == (422, {"errors"})


@pytest.mark.parametrize("text", ["{ nowhere }", "{ services {", "query ($n: Int!) { services(first: $n) { sid } }"])
async def test_an_invalid_document_is_not_stored(client: aiohttp.ClientSession, text: str) -> None:
    first = await outcome(client, apq(text, query=text))
    assert "data" not in first[1]
    _, again = await outcome(client, apq(text))
    assert again["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


def test_stored_documents_are_bounded_in_bytes() -> None:
    documents = PersistedDocuments({}, DocumentsMode.OFF)
    comment = "\N{SNOWMAN}" * 100_000
    texts = [f"{{ services {{ totalCount }} }} #{number}{comment}" for number in range(40)]
    for text in texts:
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}
        documents.keep(RequestParameters(text, extensions=extensions), text)
        assert documents.size <= REMEMBERED_BYTES
    assert documents.text_of(RequestParameters(extensions=extensions)) == texts[-1]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("no.json", None, "can't be read: No such file or directory."),
        ("not.json", b"{", "is no manifest, for it is no JSON"),
        ("odd.json", b"[]", "is neither Apollo's manifest nor an object of ids and texts"),
        ("empty.json", b"{}", "has no documents."),
        ("false.json", json.dumps({"0" * 64: QUERY}).encode(), f"but its SHA-256 is {digest(QUERY)}."),
        ("false.json", json.dumps({f"sha256:{'0' * 64}": QUERY}).encode(), f"but its SHA-256 is {digest(QUERY)}."),
        ("false.json", json.dumps({"sha256:short": QUERY}).encode(), f"but its SHA-256 is {digest(QUERY)}."),
        ("twice.json", apollos(("a", QUERY), ("a", OTHER)).encode(), "has two documents under a."),
        ("folder", b"\xff", "has a document that is not UTF-8."),
    ],
)
def test_unusable_documents_are_reported_in_a_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    place = tmp_path / name
    if name == "folder":
        place.mkdir()
        (place / "a.graphql").write_bytes(content or b"")
    elif content is not None:
        place.write_bytes(content)
    with pytest.raises(DocumentsUnusable) as refusal:
        read_manifest(place)
    assert sentence in str(refusal.value)
