"""Checks documents against the limits; the errors have the limit's name, its maximum and the actual value.

Each limit is checked once, before execution.
"""

from graphql import DocumentNode, GraphQLError

from gateway.limits.document_size import Cyclic, measure
from gateway.limits.tokens import tokens_in
from gateway.settings.document_limits import DocumentLimits

ERRORS_SHOWN = 5
"""Validation stops after this many errors, which bounds its time."""


class LimitExceeded(GraphQLError):
    """The request exceeds a limit."""

    def __init__(
        self, limit: str, maximum: float, actual: float | None, message: str, code: str = "LIMIT_EXCEEDED"
    ) -> None:
        extensions = {"code": code, "limit": limit, "maximum": maximum}
        super().__init__(message, extensions=extensions if actual is None else {**extensions, "actual": actual})


class PageTooLarge(LimitExceeded):
    """A page argument asks for more rows than a page may have."""

    def __init__(self, argument: str, maximum: int, actual: int) -> None:
        message = f"Expected {argument} to be from 0 to {maximum}, but got {actual}."
        if argument == "ids":
            message = f"Expected up to {maximum} ids, but got {actual}. Ask for them in several requests."
        super().__init__("page_size", maximum, actual, message, "BAD_USER_INPUT")


NOUN_AND_ADVICE = {
    "depth": ("levels of fields", "Select less deeply, or start further down."),
    "aliases": ("aliases", "Ask in several requests."),
    "directives": ("directives", "Ask in several requests."),
    "root_fields": ("fields at the root", "Ask in several requests."),
    "repeated_fields": ("fields that repeat another one", "Select each field once."),
}


def demand_tokens(text: str, limits: DocumentLimits) -> None:
    """Raises LimitExceeded if the text has too many tokens."""
    if len(text) <= limits.tokens:
        return
    tokens = tokens_in(text)
    if tokens > limits.tokens:
        raise LimitExceeded(
            "tokens",
            limits.tokens,
            tokens,
            f"Expected a document of up to {limits.tokens:,} tokens, but got {tokens:,}. Ask in several requests.",
        )


def demand_measures(document: DocumentNode, limits: DocumentLimits) -> None:
    """Raises LimitExceeded if the document, which may be invalid, is larger than allowed."""
    try:
        measures = measure(document)
    except Cyclic:
        return  # Validation refuses it in linear time.
    for name, (noun, advice) in NOUN_AND_ADVICE.items():
        maximum, actual = getattr(limits, name), getattr(measures, name)
        if actual > maximum:
            raise LimitExceeded(
                name, maximum, actual, f"Expected up to {maximum:,} {noun}, but got {actual:,}. {advice}"
            )
