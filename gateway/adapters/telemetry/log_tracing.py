"""The log lines about traces: one when they begin to fail, one when they are sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from gateway.core.tracing.events import SpanOutcome, SpansEnded, TracingStarted, TracingUnavailable

if TYPE_CHECKING:
    from gateway.adapters.telemetry.log_throttle import Key, SharedThrottles

_ALL: Final[Key] = ()


def log_tracing(
    log: Any,
    throttles: SharedThrottles,
    event: TracingStarted | TracingUnavailable | SpansEnded,
) -> None:
    """Write a line if the event is news."""
    match event:
        case TracingStarted(endpoint, sampler):
            log.info("traces are sent", endpoint=endpoint, sampler=sampler)
        case TracingUnavailable(why, what_to_do):
            log.warning("no traces are made", why=why, what_to_do=what_to_do)
        case SpansEnded():
            _spans_ended(log, throttles, event)
        case _:
            assert_never(event)


def _spans_ended(log: Any, throttles: SharedThrottles, event: SpansEnded) -> None:
    match event.outcome:
        case SpanOutcome.EXPORTED:
            failures = throttles.spans.worked(_ALL)
            if failures is not None:
                log.info("spans are sent again", failures=failures)
        case SpanOutcome.FAILED:
            if throttles.spans.failed(_ALL, event.spans) is not None:
                log.warning("spans cannot be sent; no message waits for them", why=event.why)
        case SpanOutcome.DROPPED:
            if throttles.dropped_spans.admit(_ALL) is not None:
                log.warning(
                    "spans were dropped: too many wait, or the gateway stops", spans=event.spans
                )
        case _:
            assert_never(event.outcome)
