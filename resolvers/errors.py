"""Every error a client can see, as one tree, and the one place where they get their shape.

    GraphQLError
    ├── BadInput              BAD_USER_INPUT: an argument is malformed or out of range; says what was expected
    ├── Busy                  BUSY: another process keeps the writer's place; try again
    ├── (SearchTooLong)       SEARCH_TOO_LONG: the store stopped a search; says how to narrow it
    └── (anything else)       INTERNAL_SERVER_ERROR: masked; its trace is logged under the id that the client gets

Errors of the request itself carry GRAPHQL_PARSE_FAILED, GRAPHQL_VALIDATION_FAILED, BAD_USER_INPUT (variables)
or OPERATION_RESOLUTION_FAILURE; gateway/execution.py gives them their codes.
"""

import logging
import traceback
import uuid
from typing import Any

from graphql import GraphQLError

from store.errors import SearchTooLong

log = logging.getLogger("proxygraph.errors")


class BadInput(GraphQLError):
    """What the client sent can't be used."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "BAD_USER_INPUT"})


class Busy(GraphQLError):
    """The archive is being written by another process."""

    def __init__(self) -> None:
        super().__init__(
            "The archive is being written by another process, which takes long. Try again.",
            extensions={"code": "BUSY"},
        )


def formatted(error: GraphQLError) -> dict[str, Any]:
    """The error as the response shows it. What isn't ours is masked, and logged with its path."""
    shown: dict[str, Any] = dict(error.formatted)
    if isinstance(error.original_error, SearchTooLong):
        shown["extensions"] = {"code": "SEARCH_TOO_LONG"}
        return shown
    if "code" not in (error.extensions or {}):
        shown["message"] = f"Something went wrong on the server. Its log has the details under {_logged(error)}."
        shown["extensions"] = {"code": "INTERNAL_SERVER_ERROR"}
    return shown


def _logged(error: GraphQLError) -> str:
    """Logs type, path and frames, but no message, which could quote a person; returns the entry's id."""
    reference = uuid.uuid4().hex[:12]
    cause: BaseException = error.original_error or error
    path = ".".join(str(step) for step in error.path or ())
    frames = "".join(traceback.format_tb(cause.__traceback__))
    log.error("%s at %s (%s)\n%s", type(cause).__name__, path or "the request", reference, frames.rstrip())
    return reference
