"""What happens to traces, as events."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SpanOutcome(StrEnum):
    """What became of spans; FAILED: the collector did not take them, DROPPED: no room was left."""

    EXPORTED = "exported"
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class TracingStarted:
    """Spans of sampled messages are sent; `sampler` is OpenTelemetry's name of one."""

    endpoint: str
    sampler: str


@dataclass(frozen=True, slots=True)
class TracingUnavailable:
    """Traces are asked for and cannot be made; messages are routed all the same."""

    why: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class SpansEnded:
    """What became of a batch of spans."""

    outcome: SpanOutcome
    spans: int
    why: str = ""


TracingEvent = TracingStarted | TracingUnavailable | SpansEnded
