"""Spans over OTLP/HTTP, by OpenTelemetry's SDK: batched and sent in a thread of its own.

Spans are made with the ids and times that they had: the context of a delivery went out long before.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from gateway import __version__
from gateway.core.tracing import spans as ours
from gateway.core.tracing.events import SpanOutcome, SpansEnded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

    from gateway.adapters.tracing.environment import TracingSettings
    from gateway.core.events import Event
    from gateway.core.messages.trace_context import TraceContext
    from gateway.core.tracing.sampling import Sampler

SERVICE: Final = "sqs-version-gateway"
_VERSION: Final = "service.version"
_KINDS: Final = {kind: SpanKind[kind.name] for kind in ours.SpanKind}
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)


def otlp_exporter() -> SpanExporter:
    """Return the exporter that the environment describes."""
    return OTLPSpanExporter()


class OtlpSpans:
    """A SpanSink over the SDK. What waits is bounded: beyond that, spans are dropped and counted.

    `observe` is called on the event loop alone.
    """

    def __init__(
        self,
        settings: TracingSettings,
        exporter: SpanExporter,
        observe: Callable[[Event], None],
    ) -> None:
        self.sampler: Sampler = settings.sampler
        self._observe = observe
        self._ids = _GivenIds()
        self._most = settings.queue_size
        self._taken = 0
        self._sending = _Reported(exporter, self._report)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=_resource(),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        processor = BatchSpanProcessor(
            self._sending,
            max_queue_size=settings.queue_size,
            max_export_batch_size=settings.batch_size,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(SERVICE, __version__)

    def start(self) -> None:
        """Report to the running loop from now on."""
        self._loop = asyncio.get_running_loop()

    def take(self, spans: Sequence[ours.Span]) -> None:
        """Have spans sent, as many as there is room for."""
        room = self._most - (self._taken - self._sending.ended)
        for span in spans[:room] if room > 0 else ():
            self._taken += 1
            self._make(span)
        dropped = len(spans) - max(room, 0)
        if dropped > 0:
            self._observe(SpansEnded(SpanOutcome.DROPPED, dropped))

    async def close(self, seconds: float) -> None:
        """Send what waits, for so long at most."""
        done = asyncio.Event()
        loop = asyncio.get_running_loop()

        def send_the_rest() -> None:
            self._provider.shutdown()
            _call_soon(loop, done.set)

        # No thread of the loop's own: the process would wait for it in the end.
        threading.Thread(target=send_the_rest, name="send spans", daemon=True).start()
        try:
            await asyncio.wait_for(done.wait(), seconds)
        except TimeoutError:
            left = self._taken - self._sending.ended
            if left:
                self._observe(SpansEnded(SpanOutcome.DROPPED, left))
        self._loop = None

    def _make(self, span: ours.Span) -> None:
        self._ids.trace_id = int(span.trace_id, 16)
        self._ids.span_id = int(span.span_id, 16)
        parent = None if span.parent is None else NonRecordingSpan(_span_context(span.parent))
        made = self._tracer.start_span(
            span.name,
            Context() if parent is None else set_span_in_context(parent, Context()),
            _KINDS[span.kind],
            span.attributes,
            [Link(_span_context(each)) for each in span.links],
            span.began_ns,
        )
        if span.error is not None:
            made.set_status(Status(StatusCode.ERROR, span.error.why))
        made.end(span.ended_ns)

    def _report(self, outcome: SpanOutcome, spans: int, why: str) -> None:
        """Have an outcome observed; the thread that sends calls this."""
        if self._loop is not None:
            event = SpansEnded(outcome, spans, why)
            _call_soon(self._loop, lambda: self._observe(event))


class _GivenIds(IdGenerator):
    """The ids of the next span."""

    def __init__(self) -> None:
        self.trace_id = 0
        self.span_id = 0

    def generate_span_id(self) -> int:
        return self.span_id

    def generate_trace_id(self) -> int:
        return self.trace_id


class _Reported(SpanExporter):
    """An exporter that counts what has ended, and says what came of it.

    The library's own log lines tell why, one for each batch; none of them is passed on.
    """

    def __init__(
        self, exporter: SpanExporter, report: Callable[[SpanOutcome, int, str], None]
    ) -> None:
        self.ended = 0
        self._exporter = exporter
        self._report = report
        self._log = _LastLine()
        library = logging.getLogger("opentelemetry")
        library.addHandler(self._log)
        library.propagate = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._log.last = ""
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # noqa: BLE001 - the thread must go on
            result = SpanExportResult.FAILURE
            self._log.last = repr(error)
        self.ended += len(spans)
        if result is SpanExportResult.SUCCESS:
            self._report(SpanOutcome.EXPORTED, len(spans), "")
        else:
            why = self._log.last or "the collector did not take them"
            self._report(SpanOutcome.FAILED, len(spans), why)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _LastLine(logging.Handler):
    """Keeps the last line of the library's log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def _resource() -> Resource:
    stated = OTELResourceDetector().detect().attributes
    return Resource.create(
        {
            SERVICE_NAME: stated.get(SERVICE_NAME, SERVICE),
            _VERSION: stated.get(_VERSION, __version__),
        }
    )


def _span_context(context: TraceContext) -> SpanContext:
    state = None if context.state is None else TraceState.from_header([context.state])
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=_SAMPLED if context.sampled is not False else TraceFlags(0),
        trace_state=state,
    )


def _call_soon(loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:  # it is closed
        return
