"""Every error that a client can see, as one tree, and how errors are formatted.

    GraphQLError
    ├── BadInput              BAD_USER_INPUT: an argument is malformed or out of range; says what was expected
    ├── Forbidden             FORBIDDEN: the key lacks a scope; says which
    ├── ChangesExpired        CHANGES_EXPIRED: changes after a cursor are not kept any more; says how to begin anew
    ├── Busy                  BUSY: another process holds the write lock; try again
    ├── (Unavailable)         UNAVAILABLE: the database's server can't be reached; try again
    ├── (SearchTooLong)       SEARCH_TOO_LONG: the store stopped a search; says how to narrow it
    └── (anything else)       INTERNAL_SERVER_ERROR: masked; its trace is logged under the id that the client gets

If keys are required, a request without one is UNAUTHENTICATED: gateway/auth/authentication.py answers it with 401.
Errors of the request itself have the codes GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, BAD_USER_INPUT (variables)
or OPERATION_RESOLUTION_FAILURE, which gateway/endpoint/execution.py sets.
"""

import logging
import traceback
import uuid
from typing import Any

from graphql import GraphQLError

from store.errors import SearchTooLong, Unavailable

log = logging.getLogger("proxygraph.errors")


UNAVAILABLE: dict[str, Any] = {
    "message": "The database can't be reached now. Try again.",
    "extensions": {"code": "UNAVAILABLE"},
}


class BadInput(GraphQLError):
    """An argument is malformed or out of range."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


class Forbidden(GraphQLError):
    """The caller's key lacks a scope."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "FORBIDDEN"})


class ChangesExpired(GraphQLError):
    """The changes after a cursor are not all kept any more, or the cursor is of another archive."""

    def __init__(self) -> None:
        super().__init__(
            "Expected a cursor after which every change is still kept, but got one that is too old, or from before a "
            "restore. Begin anew: take latestCursor, copy all lists, and then ask for the changes after it.",
            extensions={"code": "CHANGES_EXPIRED"},
        )


class Busy(GraphQLError):
    """Another process holds the archive's write lock."""

    def __init__(self) -> None:
        super().__init__(
            "Another process has been writing the archive for too long. Try again.",
            extensions={"code": "BUSY"},
        )


def formatted(error: GraphQLError) -> dict[str, Any]:
    """The error as the response shows it. An unexpected error is masked; its details are logged."""
    shown: dict[str, Any] = dict(error.formatted)
    if isinstance(error.original_error, SearchTooLong):
        shown["extensions"] = {"code": "SEARCH_TOO_LONG"}
        return shown
    if isinstance(error.original_error, Unavailable):
        return {**shown, **UNAVAILABLE}
    if "code" not in (error.extensions or {}):
        path = ".".join(str(step) for step in error.path or ())
        shown["message"] = masked(error.original_error or error, path or "the request")
        shown["extensions"] = {"code": "INTERNAL_SERVER_ERROR"}
    return shown


def masked(error: BaseException, where: str) -> str:
    """Logs an error's type, place and stack, but not its text, which may quote a person; returns the client's text."""
    reference = uuid.uuid4().hex[:12]
    frames = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s at %s (%s)\n%s", type(error).__name__, where, reference, frames.rstrip())
    return f"Something went wrong on the server. Its log has the details under {reference}."
