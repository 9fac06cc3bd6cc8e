"""A collector of spans on loopback (OTLP/HTTP), with what it received, decoded and as bytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """The received requests, in order."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serves on 127.0.0.1 to the end of the block."""
        runner = web.ServerRunner(web.Server(self._take, access_log=None))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The spans, with their attributes and those of the resource as dictionaries."""
        found = []
        for body in self.bodies:
            sent = MessageToDict(ExportTraceServiceRequest.FromString(body))
            for of_resource in sent["resourceSpans"]:
                for of_scope in of_resource["scopeSpans"]:
                    for span in of_scope["spans"]:
                        resource = _plain(of_resource["resource"]["attributes"])
                        found.append(span | {"attributes": _plain(span["attributes"]), "resource": resource})
        return found

    async def _take(self, request: web.BaseRequest) -> web.Response:
        self.bodies.append(await request.read())
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in attributes}


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
