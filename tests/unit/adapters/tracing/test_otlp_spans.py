"""Spans through OpenTelemetry's SDK, without a network."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.adapters.tracing import open as opening
from gateway.adapters.tracing.environment import TracingSettings, read_settings
from gateway.adapters.tracing.open import open_spans
from gateway.adapters.tracing.otlp import OtlpSpans
from gateway.core.tracing.events import (
    SpanOutcome,
    SpansEnded,
    TracingStarted,
    TracingUnavailable,
)
from gateway.core.tracing.sampling import Sampler
from gateway.core.tracing.spans import Span, SpanError, SpanKind
from gateway.runtime.tracing.route import RouteTracing
from tests.builders import message, route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from gateway.core.events import Event

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
URL = "http://collector.test:4318"
OFF = Sampler(parent_based=True, ratio=0.0)


def span(number: int, **changes: Any) -> Span:
    given: dict[str, Any] = {
        "name": f"span {number}",
        "kind": SpanKind.CLIENT,
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "parent": None,
        "links": (),
        "began_ns": 1_000,
        "ended_ns": 2_000,
        "attributes": {"a": 1},
    }
    return Span(**{**given, **changes})


def spans_to(exporter: SpanExporter, seen: list[Event], queue_size: int = 100) -> OtlpSpans:
    settings = TracingSettings(URL, OFF, "parentbased_always_off", queue_size, min(queue_size, 50))
    return OtlpSpans(settings, exporter, seen.append)


async def test_a_span_keeps_its_ids_times_and_error() -> None:
    exporter, seen = InMemorySpanExporter(), []
    spans = spans_to(exporter, seen)
    spans.start()
    spans.take([span(7, error=SpanError("503", "status 503"), kind=SpanKind.PRODUCER)])
    await spans.close(30)
    (made,) = exporter.get_finished_spans()
    assert made.context is not None
    assert (made.context.trace_id, made.context.span_id) == (7, 7)
    assert (made.name, made.kind.name, made.parent) == ("span 7", "PRODUCER", None)
    assert (made.start_time, made.end_time) == (1_000, 2_000)
    assert (made.status.status_code.name, made.status.description) == ("ERROR", "status 503")
    assert made.attributes == {"a": 1}
    assert made.resource.attributes["service.name"] == "sqs-version-gateway"


class Held(SpanExporter):
    """Takes nothing before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.taken = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.let_go.wait()
        self.taken += len(spans)
        return SpanExportResult.SUCCESS


async def test_what_waits_is_bounded_and_each_drop_is_counted() -> None:
    exporter, seen = Held(), list[Any]()
    spans = spans_to(exporter, seen, queue_size=10)
    spans.start()
    for first in range(0, 40, 4):
        spans.take([span(first + number + 1) for number in range(4)])
    exporter.let_go.set()
    await spans.close(30)
    assert exporter.taken == 10
    dropped = [each.spans for each in seen if each.outcome is SpanOutcome.DROPPED]
    exported = [each.spans for each in seen if each.outcome is SpanOutcome.EXPORTED]
    assert (sum(dropped), sum(exported)) == (30, 10)


async def test_a_stop_that_cannot_send_in_time_counts_the_rest() -> None:
    exporter, seen = Held(), list[Any]()
    spans = spans_to(exporter, seen)
    spans.start()
    spans.take([span(1), span(2)])
    await spans.close(0)
    assert seen == [SpansEnded(SpanOutcome.DROPPED, 2)]
    exporter.let_go.set()


class Crashing(SpanExporter):
    """Has a defect."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise RuntimeError("a defect of the exporter's")


async def test_an_exporter_that_crashes_is_told_and_goes_on() -> None:
    seen: list[Any] = []
    spans = spans_to(Crashing(), seen)
    spans.start()
    spans.take([span(1)])
    await spans.close(30)
    (failed,) = seen
    assert (failed.outcome, failed.spans) == (SpanOutcome.FAILED, 1)
    assert "a defect of the exporter's" in failed.why


def test_an_unsampled_message_calls_nothing_of_opentelemetry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spans = spans_to(InMemorySpanExporter(), [])
    called: list[str] = []
    for kind in (SdkSpan, type(spans._tracer), type(spans._provider), OtlpSpans):
        for name in [each for each in vars(kind) if callable(getattr(kind, each))]:
            if not name.startswith("__"):
                monkeypatch.setattr(kind, name, lambda *_, name=name, **__: called.append(name))
    tracing = RouteTracing(route(), spans)
    parent = f"00-{'a' * 32}-{'b' * 16}-00"
    given = [
        message(message_id="m-1", receipt="r-1"),
        message(message_id="m-2", receipt="r-2", attributes={"traceparent": parent}),
        message(
            message_id="m-3",
            receipt="r-3",
            trace_header="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
        ),
    ]
    tracing.received(given, 1)
    assert tracing.of(["r-1", "r-2", "r-3"]) == {}
    assert not tracing.held
    assert called == []


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: URL, "OTEL_SDK_DISABLED": "TRUE"},
        {ENDPOINT: URL, "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_without_an_endpoint_or_disabled_tracing_is_off(environment: dict[str, str]) -> None:
    seen: list[Event] = []
    assert open_spans(environment, seen.append) is None
    assert seen == []


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "port 4318"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "'http/json'"),
        ({"OTEL_TRACES_EXPORTER": "otlp,console"}, "OTEL_TRACES_EXPORTER: 'otlp, console'"),
        ({"OTEL_TRACES_SAMPLER": "xray"}, "OTEL_TRACES_SAMPLER: 'xray'"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "many"}, "OTEL_BSP_MAX_QUEUE_SIZE: 'many'"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "OTEL_BSP_MAX_QUEUE_SIZE: '0'"),
    ],
)
def test_what_the_gateway_lacks_is_told(environment: dict[str, str], words: str) -> None:
    seen: list[Any] = []
    assert open_spans({ENDPOINT: URL, **environment}, seen.append) is None
    (told,) = seen
    assert isinstance(told, TracingUnavailable)
    assert words in told.why
    assert told.what_to_do == opening.CORRECT


async def test_with_an_endpoint_tracing_is_on() -> None:
    seen: list[Event] = []
    spans = open_spans(
        {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{URL}/v1/traces",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.25",
        },
        seen.append,
    )
    assert spans is not None
    assert spans.sampler == Sampler(parent_based=True, ratio=0.25)
    assert seen == [TracingStarted(f"{URL}/v1/traces", "parentbased_traceidratio 0.25")]
    await spans.close(30)


def test_a_batch_is_no_larger_than_the_queue() -> None:
    settings = read_settings({ENDPOINT: URL, "OTEL_BSP_MAX_QUEUE_SIZE": "100"})
    assert settings is not None
    assert (settings.queue_size, settings.batch_size) == (100, 100)
