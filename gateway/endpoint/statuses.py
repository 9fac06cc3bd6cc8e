"""Chooses the HTTP status of a response by its result and media type.

The table is the draft's (https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes). With
``application/json`` a well-formed request gets 200 and any other 400, as older clients expect.
"""

from gateway.endpoint.results import Result
from gateway.http.exchange import JSON, HttpError
from resolvers.errors import UNAVAILABLE

GRAPHQL_RESPONSE = b"application/graphql-response+json"

PARTIAL = 294
BY_CODE = {
    "GRAPHQL_PARSE_FAILED": 400,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "PERSISTED_QUERY_NOT_FOUND": 404,
    "PERSISTED_QUERY_REQUIRED": 403,
}
OTHER_REQUEST_ERROR = 422
LEGACY = {PARTIAL: 200, OTHER_REQUEST_ERROR: 400}
RETRY_SECONDS = b"1"


def database_unavailable() -> HttpError:
    """The response where the database's server can't be reached: try again, here or at another server."""
    headers = ((b"retry-after", RETRY_SECONDS),)
    return HttpError(503, UNAVAILABLE["message"], headers, code="UNAVAILABLE")


def status_of(result: Result, media_type: bytes, legacy: bool) -> int:
    """The status for a well-formed request."""
    response = result.response
    if "errors" not in response:
        return 200
    status = PARTIAL if not result.request_error else BY_CODE.get(result.code, OTHER_REQUEST_ERROR)
    if media_type == JSON:
        return 405 if status == 405 else 200
    return LEGACY.get(status, status) if legacy else status


def status_of_refusal(error: HttpError, media_type: bytes, legacy: bool) -> int:
    """The status for a request that is not well-formed."""
    return LEGACY.get(error.status, error.status) if legacy or media_type == JSON else error.status
