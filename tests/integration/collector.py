"""A collector of traces: takes OTLP over HTTP, and keeps what it took."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.integration.children import LOOPBACK
from tests.integration.waiting import until


@dataclass(frozen=True)
class Taken:
    """One span, with its ids in hexadecimal; links are (trace id, span id)."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent: str
    links: list[tuple[str, str]]
    attributes: dict[str, Any]
    resource: dict[str, Any]
    state: str
    began_ns: int
    ended_ns: int
    error: bool


class Collector:
    """Use as a context manager; `status` is what it answers."""

    def __init__(self) -> None:
        self.spans: list[Taken] = []
        self.requests = 0
        self.status = 200
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.requests += 1
                if self.path == "/v1/traces" and collector.status == 200:
                    collector.take(body)
                self.send_response(collector.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for group in request.resource_spans:
            resource = _named(group.resource.attributes)
            for scope in group.scope_spans:
                self.spans += [_taken(span, resource) for span in scope.spans]

    def wait_for(self, count: int) -> list[Taken]:
        """Return the spans once there are so many."""
        until(lambda: len(self.spans) >= count, f"{count} spans, after {self.names()}")
        return self.spans

    def names(self) -> list[str]:
        return [each.name for each in self.spans]

    def named(self, name: str) -> list[Taken]:
        return [each for each in self.spans if each.name == name]


def _taken(span: Any, resource: dict[str, Any]) -> Taken:
    return Taken(
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        [(each.trace_id.hex(), each.span_id.hex()) for each in span.links],
        _named(span.attributes),
        resource,
        span.trace_state,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == 2,
    )


def _named(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
