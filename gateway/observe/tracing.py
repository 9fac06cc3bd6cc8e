"""Tracing: forwards a request's W3C traceparent to Twilio, and sends spans by OpenTelemetry if that is configured.

Spans follow the semantic conventions for GraphQL servers (the name is the operation's type, the operation's name is an
attribute) and carry no document and no variables, which may be personal. Of the trace context only traceparent is
forwarded: tracestate is free text, and Twilio is a third party.
"""

import importlib.util
import logging
import os
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING

from gateway.http.operations import LONGEST_NAME

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

    from gateway.http.exchange import Exchange

TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
TRACE: ContextVar[bytes] = ContextVar("trace", default=b"")
"""The traceparent that the current request adds to its own requests to other servers, as it was sent or made here."""

CONFIGURED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

log = logging.getLogger("proxygraph.gateway")


class Tracing:
    """Continues traces. ``provider`` makes the spans; None makes none."""

    def __init__(self, provider: "TracerProvider | None" = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("proxygraph") if provider else None

    def begin(self, exchange: "Exchange") -> "Span | None":
        """Starts the request's span in its trace, and sets TRACE; returns the span, or None."""
        given = exchange.headers.get(b"traceparent", b"")
        if self._tracer is None:
            if given:
                TRACE.set(given)
            return None
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        propagator = TraceContextTextMapPropagator()
        context = propagator.extract(_valid(given), Context())
        span = self._tracer.start_span("GraphQL Operation", context, SpanKind.SERVER)
        carrier: dict[str, str] = {}
        propagator.inject(carrier, set_span_in_context(span, context))
        TRACE.set(carrier.get("traceparent", "").encode())
        return span

    def end(self, span: "Span", exchange: "Exchange") -> None:
        """Ends the span with the request's operation, status and outcome."""
        from opentelemetry.trace import StatusCode

        operation = exchange.operation
        if operation:
            span.update_name(operation.type)
            span.set_attribute("graphql.operation.type", operation.type)
            if operation.name:
                span.set_attribute("graphql.operation.name", operation.name[:LONGEST_NAME])
        span.set_attribute("http.response.status_code", exchange.status)
        if operation is None or operation.outcome != "ok":
            span.set_attribute("error.type", operation.outcome if operation else str(exchange.status))
            span.set_status(StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Sends the remaining spans; blocks until they are sent."""
        if self._provider:
            self._provider.shutdown()


def trace_headers() -> dict[str, str]:
    """The headers that the current request adds to its own requests to other servers: a valid traceparent, if any."""
    return _valid(TRACE.get())


def _valid(traceparent: bytes) -> dict[str, str]:
    return {"traceparent": traceparent.decode()} if TRACEPARENT.fullmatch(traceparent) else {}


def tracing_from_environment() -> Tracing:
    """Tracing by OpenTelemetry's usual environment variables, over OTLP/HTTP; without them it makes no spans."""
    named = any(os.environ.get(name) for name in CONFIGURED_BY) or os.environ.get("OTEL_TRACES_EXPORTER") == "otlp"
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    if off or not named:
        return Tracing()
    if importlib.util.find_spec("opentelemetry") is None:
        log.warning(
            "The environment configures OpenTelemetry, but it isn't installed: pip install --editable '.[otel]'"
        )
        return Tracing()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named_service = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "proxygraph"}
    provider = TracerProvider(resource=Resource.create(named_service), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
