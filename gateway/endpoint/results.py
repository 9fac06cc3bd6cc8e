"""A GraphQL operation to execute, and its result."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any

import msgspec
import orjson

UNSAFE = "METHOD_NOT_ALLOWED"
"""The code of a mutation that was sent by GET."""


class CostMode(StrEnum):
    """The request header GraphQL-Cost: report the cost beside the data, or only estimate it."""

    NONE = ""
    REPORT = "report"
    VALIDATE = "validate"


class Request(msgspec.Struct, frozen=True):
    """An operation to execute; if ``read_only``, a mutation is refused."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    read_only: bool = False
    cost_mode: CostMode = CostMode.NONE


class Result(msgspec.Struct, frozen=True):
    """A response; a ``request_error`` was found before execution began."""

    response: dict[str, Any]
    request_error: bool
    operation: str
    operation_name: str | None = None
    cost: int | None = None
    root_fields: Collection[str] = ()
    body: bytes | None = None
    statements: int = 0
    rows: int = 0

    @property
    def is_planned(self) -> bool:
        """Whether a plan produced it."""
        return self.body is not None

    def encoded(self) -> bytes:
        """The response as JSON, which a plan has already encoded."""
        return orjson.dumps(self.response) if self.body is None else self.body

    @property
    def outcome(self) -> str:
        """``ok``, ``errors`` or ``request_error``."""
        return "request_error" if self.request_error else "errors" if "errors" in self.response else "ok"

    @property
    def code(self) -> str:
        """The code of the first error; call it only if there are errors."""
        return str(self.response["errors"][0]["extensions"]["code"])

    @property
    def is_unsafe(self) -> bool:
        """Whether it refused a mutation sent by GET."""
        return self.request_error and self.code == UNSAFE
