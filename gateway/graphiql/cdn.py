"""The page if none was built: GraphiQL from a CDN, with integrity hashes of the files that npm published.

GraphiQL 4.1.2 is the last version with files that a page can load without a build.
"""

import base64
import hashlib
from pathlib import Path
from string import Template

import msgspec

from gateway.graphiql.queries import FIRST_QUERY

CDN = "https://unpkg.com"
INTEGRITY = {
    "graphiql_css": "sha384-1el1QShFBnnXTx9x/Cprg82hZWKt0ry29OAYIXt05swbi0KcZDFoj0CWguMpopJr",
    "graphiql_js": "sha384-9XdHu7ajgGJziD4J1zNBKQ842Q/+zZfDv+ib1eMhZWBH6hPAs806x+Jbcf0yNO6B",
    "react": "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z",
    "react_dom": "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1",
}
FOLDER = Path(__file__).parent


def _script() -> str:
    query = msgspec.json.encode(FIRST_QUERY).decode().replace("<", "\\u003c")
    return (FOLDER / "cdn.js").read_text("utf-8").replace("FIRST_QUERY", query)


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src {CDN} 'sha256-{digest}'; style-src {CDN} 'unsafe-inline'; "
        "img-src 'self' data:; font-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


_SCRIPT = _script()
PAGE = Template((FOLDER / "cdn.html").read_text("utf-8")).substitute(INTEGRITY, cdn=CDN, script=_SCRIPT).encode()
HEADERS = (
    (b"content-security-policy", _policy(_SCRIPT).encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"vary", b"accept"),
)
