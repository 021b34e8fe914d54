"""Traces make a line when something changes, never one for each batch."""

from __future__ import annotations

from structlog.testing import capture_logs

from gateway.adapters.telemetry.log_observer import LogObserver
from gateway.adapters.telemetry.log_throttle import SharedThrottles
from gateway.core.tracing.events import (
    SpanOutcome,
    SpansEnded,
    TracingStarted,
    TracingUnavailable,
)
from tests.unit.adapters.fakes import Clock

FAILED = SpansEnded(SpanOutcome.FAILED, 50, "no connection")
EXPORTED = SpansEnded(SpanOutcome.EXPORTED, 50)
DROPPED = SpansEnded(SpanOutcome.DROPPED, 3)


def test_a_collector_that_fails_and_recovers_makes_two_lines() -> None:
    observer = LogObserver(SharedThrottles(Clock()))
    with capture_logs() as lines:
        for event in (EXPORTED, FAILED, FAILED, FAILED, EXPORTED, EXPORTED):
            observer.observe(event)
    assert [(each["log_level"], each["event"]) for each in lines] == [
        ("warning", "spans cannot be sent; no message waits for them"),
        ("info", "spans are sent again"),
    ]
    assert lines[0]["why"] == "no connection"
    assert lines[1]["failures"] == 150


def test_drops_make_a_line_in_an_interval() -> None:
    clock = Clock()
    observer = LogObserver(SharedThrottles(clock))
    with capture_logs() as lines:
        for _ in range(100):
            observer.observe(DROPPED)
    assert len(lines) == 1
    assert lines[0]["log_level"] == "warning"


def test_the_start_says_whether_traces_are_made() -> None:
    observer = LogObserver()
    with capture_logs() as lines:
        observer.observe(TracingStarted("http://collector:4318", "always_on"))
        observer.observe(TracingUnavailable("no extra", "install it"))
    assert lines == [
        {
            "event": "traces are sent",
            "log_level": "info",
            "endpoint": "http://collector:4318",
            "sampler": "always_on",
        },
        {
            "event": "no traces are made",
            "log_level": "warning",
            "why": "no extra",
            "what_to_do": "install it",
        },
    ]
