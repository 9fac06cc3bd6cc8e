"""Parses and validates GraphQL documents, each once: what comes of it is cached, bounded in bytes."""

from collections.abc import Hashable, Mapping
from sys import getsizeof
from typing import Any, NamedTuple

from cachetools import LRUCache, cached
from graphql import DocumentNode, GraphQLError, NoSchemaIntrospectionCustomRule, parse, specified_rules, validate

from gateway.limits.cost import Cost
from gateway.limits.limits import ERRORS_SHOWN, LimitExceeded, demand_measures, demand_tokens
from gateway.limits.tokens import tokens_in
from gateway.settings.document_limits import DocumentLimits
from resolvers.access import Scope
from resolvers.errors import formatted
from schema.build import EXECUTABLE
from schema.withheld import scoped_fields

REMEMBERED_BYTES = 32_000_000
BYTES_OF_ONE, BYTES_PER_TOKEN = 8_000, 500
"""The memory of a document's syntax tree, without its text and the texts of its names, literals and comments, which
together are no longer than the text (measured by tracemalloc)."""


class Checked(NamedTuple):
    """A validated document, or the errors of an invalid one.

    ``scoped`` has the fields that need a scope, by operation; ``costs`` caches costs; ``size`` is in bytes.
    """

    document: DocumentNode | None
    errors: list[dict[str, Any]]
    scoped: Mapping[str | None, tuple[tuple[Scope, str], ...]]
    costs: dict[int, Cost]
    size: int


REMEMBERED: LRUCache[Hashable, Checked] = LRUCache(REMEMBERED_BYTES, lambda document: document.size)


@cached(REMEMBERED)
def checked(text: str, limits: DocumentLimits, introspection: bool = True) -> Checked:
    """Parses and validates ``text`` within the limits.

    Caches the most recently used documents, bounded in bytes. Without introspection, a document can't query the schema,
    and errors suggest no names from it.
    """
    try:
        demand_tokens(text, limits)
        document = parse(text)
        demand_measures(document, limits)
    except LimitExceeded as error:
        return _refused(text, formatted(error))
    except GraphQLError as error:
        return _refused(text, coded(error, "GRAPHQL_PARSE_FAILED"))
    except RecursionError:
        return _refused(text, coded(_too_deep(), "GRAPHQL_PARSE_FAILED"))
    rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
    try:
        errors = validate(EXECUTABLE, document, rules, ERRORS_SHOWN, hide_suggestions=not introspection)
        if not errors:
            size = 2 * getsizeof(text) + BYTES_OF_ONE + BYTES_PER_TOKEN * tokens_in(text)
            return Checked(document, [], scoped_fields(document), {}, size)
    except RecursionError:
        errors = [_too_deep()]
    return _refused(text, *(coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors))


def _refused(text: str, *errors: dict[str, Any]) -> Checked:
    size = getsizeof(text) + BYTES_OF_ONE + sum(getsizeof(error["message"]) for error in errors)
    return Checked(None, list(errors), {}, {}, size)


def _too_deep() -> GraphQLError:
    return GraphQLError("Expected a document that nests less deeply than this one.")


def coded(error: GraphQLError, code: str) -> dict[str, Any]:
    """The error with this code in its extensions."""
    return {**error.formatted, "extensions": {"code": code}}
