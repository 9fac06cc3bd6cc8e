"""GraphiQL's page and files, as the installation built them (page/build_hook.py)."""

import asyncio
import re
from pathlib import Path

from gateway.http.exchange import Exchange, Headers, HttpError

FOLDER = Path(__file__).parent / "dist"
FILES = FOLDER / "graphiql"
"""The files that the page loads. If the page is at ``…/graphql``, they are at ``…/graphiql/``."""

POLICY = (
    b"default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Allows no other origin and no inline script. Monaco, the editor, needs inline styles to lay out its lines."""

SAFETY = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HEADERS = (*SAFETY, (b"cache-control", b"no-cache"), (b"vary", b"accept"))

MEDIA_TYPES = {
    ".css": b"text/css; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".md": b"text/markdown; charset=utf-8",
    ".ttf": b"font/ttf",
}
HASHED = re.compile(r"-[\w-]{8}\.\w+$")


def page() -> bytes | None:
    """The page; None if it wasn't built."""
    file = FOLDER / "index.html"
    return file.read_bytes() if file.exists() else None


def reason() -> str | None:
    """Why the page wasn't built; None if it was, or if nobody tried."""
    file = FOLDER / "reason.txt"
    return file.read_text("utf-8").strip() if file.exists() else None


class Files:
    """Serves the page's files by name, compressed in advance; browsers may cache them for ever."""

    def __init__(self) -> None:
        found = FILES.iterdir() if FILES.exists() else ()
        self._files = {file.name: file for file in found if file.suffix in MEDIA_TYPES}

    async def __call__(self, exchange: Exchange) -> None:
        """Answers GET …/graphiql/NAME; raises HttpError 404 if no file has this name."""
        name = exchange.path.rsplit("/", 1)[1]
        file = self._files.get(name)
        if file is None:
            raise HttpError(404, "Expected the name of one of GraphiQL's files, but got another one.")
        lasting = b"public, max-age=31536000, immutable" if HASHED.search(name) else b"no-cache"
        headers: Headers = (*SAFETY, (b"vary", b"accept-encoding"), (b"cache-control", lasting))
        media_type = MEDIA_TYPES[file.suffix]
        if b"gzip" in exchange.header(b"accept-encoding"):
            headers = (*headers, (b"content-encoding", b"gzip"))
            file = file.with_name(f"{name}.gz")
        await exchange.respond(200, media_type, await asyncio.to_thread(file.read_bytes), headers)
