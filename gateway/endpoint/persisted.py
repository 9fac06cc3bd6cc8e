"""Persisted documents: clients send a document's id instead of its text.

``documentId`` names a document of a folder or a manifest, as in the draft's appendix
(https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md): a SHA-256
(``sha256:`` and 64 hexadecimal digits), or the manifest's own id for it, by which Apollo's clients name it too, in
``extensions.persistedQuery``. Apollo's automatic persisted queries
(https://www.apollographql.com/docs/apollo-server/performance/apq) let a client send a document once and name it from
then on; they save bytes, but restrict nothing.
"""

import hashlib
import logging
import re
from contextlib import suppress
from pathlib import Path
from sys import getsizeof
from typing import Any

import msgspec
from cachetools import LRUCache

from gateway.endpoint.requests import RequestParameters
from gateway.http.exchange import HttpError
from gateway.settings.server import DocumentsMode

log = logging.getLogger("proxygraph.documents")

REMEMBERED_BYTES = 4_000_000
PREFIX = "sha256:"
SHA256 = re.compile(f"{PREFIX}.*|[0-9a-f]{{64}}")
"""An id in the form of a SHA-256: with the prefix (the draft, graphql-codegen) or without it (Apollo, Relay)."""

APOLLO_EXTENSION = "persistedQuery"
NOT_FOUND, REQUIRED = "PERSISTED_QUERY_NOT_FOUND", "PERSISTED_QUERY_REQUIRED"


class DocumentsUnusable(Exception):
    """The folder or manifest can't be used; its text is a sentence that says why."""


class DocumentRefused(Exception):
    """The request's document is unknown or not allowed; has the message and the code of its GraphQL error."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class ApolloOperation(msgspec.Struct):
    """An operation of Apollo's manifest."""

    id: str
    body: str


class ApolloManifest(msgspec.Struct, tag_field="format", tag="apollo-persisted-query-manifest"):
    """The manifest that @apollo/generate-persisted-query-manifest writes."""

    version: int
    operations: list[ApolloOperation]


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a folder of .graphql files, or of a manifest, by id.

    The manifest is Apollo's, or Relay's and graphql-codegen's object of ids and texts. Each document is listed under
    its SHA-256, and under the manifest's own id. Raises DocumentsUnusable.
    """
    found: dict[str, str] = {}
    for name, text in _read(path):
        digest = hashlib.sha256(text.encode()).hexdigest()
        found[PREFIX + digest] = text
        if name is None:
            continue
        if SHA256.fullmatch(name) and name.removeprefix(PREFIX) != digest:
            raise DocumentsUnusable(
                f"{path} has a document under {name}, but its SHA-256 is {digest}. Generate the manifest anew."
            )
        if found.setdefault(name, text) != text:
            raise DocumentsUnusable(f"{path} has two documents under {name}. Give each an id of its own.")
    if not found:
        raise DocumentsUnusable(f"{path} has no documents. Name a folder of .graphql files, or a manifest.")
    return found


class PersistedDocuments:
    """Finds the text of a request's document by its id, its hash, or in the request itself."""

    def __init__(self, listed: dict[str, str], mode: DocumentsMode) -> None:
        self._listed = listed
        self._mode = mode
        self._remembered: LRUCache[str, str] = LRUCache(REMEMBERED_BYTES, getsizeof)

    def text_of(self, sent: RequestParameters) -> str:
        """The document's text; raises DocumentRefused if it is unknown or not allowed, HttpError if none is named."""
        if sent.document_id is not None:
            return self._by_id(sent.document_id)
        apq = (sent.extensions or {}).get(APOLLO_EXTENSION)
        if apq is not None:
            return self._automatic(sent.query, apq)
        if sent.query is None:
            raise HttpError(400, "Expected a request with query (a document) or documentId, but got neither.")
        return self._allowed(sent.query)

    @property
    def size(self) -> int:
        """The size of the automatic persisted queries in bytes."""
        return int(self._remembered.currsize)

    def keep(self, sent: RequestParameters, text: str) -> None:
        """Remembers the document of an automatic persisted query; call it only for a valid one."""
        if (
            sent.query is not None
            and self._mode is not DocumentsMode.ENFORCE
            and (sent.extensions or {}).get(APOLLO_EXTENSION)
        ):
            with suppress(ValueError):  # Raised for a text larger than the whole cache.
                self._remembered[hashlib.sha256(text.encode()).hexdigest()] = text

    def _by_id(self, document_id: str) -> str:
        text = self._listed.get(document_id)
        if text is None:
            raise DocumentRefused(
                "Expected the documentId of a document that this server knows, but it does not know this one.",
                NOT_FOUND,
            )
        return text

    def _automatic(self, query: str | None, apq: Any) -> str:
        digest = apq.get("sha256Hash") if isinstance(apq, dict) and apq.get("version") == 1 else None
        if not isinstance(digest, str):
            raise HttpError(422, "Expected extensions.persistedQuery with version 1 and a sha256Hash, but got another.")
        if query is None:
            listed = self._listed
            text = listed.get(PREFIX + digest) or listed.get(digest) or self._remembered.get(digest)
            if text is None:
                raise DocumentRefused("PersistedQueryNotFound", NOT_FOUND)  # Clients compare this exact text.
            return text
        if hashlib.sha256(query.encode()).hexdigest() != digest:
            raise HttpError(422, "Expected a sha256Hash that is the query's SHA-256, but it is another one's.")
        return self._allowed(query)

    def _allowed(self, query: str) -> str:
        if self._mode is DocumentsMode.OFF:
            return query
        digest = hashlib.sha256(query.encode()).hexdigest()
        if PREFIX + digest not in self._listed:
            if self._mode is DocumentsMode.ENFORCE:
                raise DocumentRefused(
                    "Expected one of this server's persisted documents, but got another one.", REQUIRED
                )
            log.warning("A document that is not persisted was run: %s%s.", PREFIX, digest)
        return query


def _read(path: Path) -> list[tuple[str | None, str]]:
    try:
        if path.is_dir():
            return [(None, file.read_bytes().decode("utf-8")) for file in sorted(path.rglob("*.graphql"))]
        return _manifest(path.read_bytes(), path)
    except UnicodeDecodeError as error:
        raise DocumentsUnusable(f"{path} has a document that is not UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise DocumentsUnusable(f"{path} can't be read: {error.strerror}. Name a folder, or a manifest.") from error


def _manifest(content: bytes, path: Path) -> list[tuple[str | None, str]]:
    try:
        manifest = msgspec.json.decode(content, type=ApolloManifest)
        return [(each.id, each.body) for each in manifest.operations]
    except msgspec.ValidationError:
        pass
    except msgspec.DecodeError as error:
        raise DocumentsUnusable(f"{path} is no manifest, for it is no JSON: {error}.") from error
    try:
        return list(msgspec.json.decode(content, type=dict[str, str]).items())
    except msgspec.ValidationError as error:
        raise DocumentsUnusable(
            f"{path} is neither Apollo's manifest nor an object of ids and texts, as Relay writes it: {error}."
        ) from error
