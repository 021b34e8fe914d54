"""Spans of sampled messages, by OpenTelemetry's conventions for messaging and HTTP clients.

Sources: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/,
https://opentelemetry.io/docs/specs/semconv/messaging/sqs/,
https://opentelemetry.io/docs/specs/semconv/messaging/kafka/ and
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from gateway.core.delivery.disposition import (
    Accepted,
    Refused,
    Responded,
    TimedOut,
    describe,
    is_ack,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.messages.trace_context import TraceContext
    from gateway.core.tracing.records import DeadLetter, Delivery, MessageTrace, Receive

_SERVER = re.compile(r"(https?)://(?:\[([^\]]+)\]|([^/:?#]+))(?::([0-9]+))?", re.IGNORECASE)
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FIRST_ERROR: Final = 400

SQS: Final = "aws_sqs"
KAFKA: Final = "kafka"


class SpanKind(Enum):
    """What a span is to its neighbours."""

    CLIENT = auto()
    CONSUMER = auto()
    PRODUCER = auto()


@dataclass(frozen=True, slots=True)
class SpanError:
    """Why a span failed: `type` of few different values, and a sentence."""

    type: str
    why: str


@dataclass(frozen=True, slots=True)
class Span:
    """One span that has ended. `parent` None: it is the first of its trace."""

    name: str
    kind: SpanKind
    trace_id: str
    span_id: str
    parent: TraceContext | None
    links: tuple[TraceContext, ...]
    began_ns: int
    ended_ns: int
    attributes: dict[str, str | int]
    error: SpanError | None = None


@dataclass(frozen=True, slots=True)
class SpanNames:
    """A route and its queue or topic, as spans name them; `url` is empty where it is not known."""

    route: str
    queue: str
    url: str = ""
    system: str = SQS


def receive_span(receive: Receive, names: SpanNames, trace_id: str, span_id: str) -> Span:
    """Return the span of a receive, in a trace of its own: its messages are of many."""
    attributes = _messaging(names.system, "receive", "receive", names.queue)
    attributes["messaging.batch.message_count"] = receive.messages
    return Span(
        f"receive {names.queue}",
        SpanKind.CLIENT,
        trace_id,
        span_id,
        None,
        tuple(receive.links),
        receive.began_ns,
        receive.ended_ns,
        _with_url(attributes, names),
    )


def settle_span(
    action: str,
    names: SpanNames,
    trace_id: str,
    span_id: str,
    *,
    traces: Sequence[MessageTrace],
    messages: int,
    began_ns: int,
    ended_ns: int,
    error: SpanError | None,
) -> Span:
    """Return the span of a batch of deletes or releases, in a trace of its own."""
    attributes = _messaging(names.system, action, "settle", names.queue)
    attributes["messaging.batch.message_count"] = messages
    return Span(
        f"{action} {names.queue}",
        SpanKind.CLIENT,
        trace_id,
        span_id,
        None,
        tuple(each.link for each in traces),
        began_ns,
        ended_ns,
        _with_error(_with_url(attributes, names), error),
        error,
    )


def message_spans(trace: MessageTrace, names: SpanNames) -> list[Span]:
    """Return the spans of one message: its processing, and below it each delivery."""
    return [
        _process_span(trace, names),
        *(_delivery_span(trace, each) for each in trace.deliveries),
        *(_dead_letter_span(trace, each, names.system) for each in trace.dead_letters),
    ]


def _process_span(trace: MessageTrace, names: SpanNames) -> Span:
    first, last = trace.deliveries[0], trace.deliveries[-1]
    attributes = _messaging(names.system, "process", "process", names.queue)
    attributes["messaging.message.id"] = trace.message_id
    attributes["gateway.route"] = names.route
    attributes["gateway.version"] = first.version.name
    attributes["gateway.reason"] = first.reason.value
    if trace.bucket is not None:
        attributes["gateway.bucket"] = trace.bucket
    parent = trace.parent
    error = _error_of(last)
    return Span(
        f"process {names.queue}",
        SpanKind.CONSUMER,
        trace.trace_id,
        trace.span_id,
        parent,
        () if parent is None else (parent,),
        trace.receive.ended_ns,
        max(last.ended_ns, *(each.ended_ns for each in trace.dead_letters), 0),
        _with_error(attributes, error),
        error,
    )


def _delivery_span(trace: MessageTrace, delivery: Delivery) -> Span:
    version = delivery.version
    error: SpanError | None
    destination = version.queue or version.topic
    if destination is None:
        name, kind = "POST", SpanKind.CLIENT
        attributes = _http(version.url, delivery.result)
        error = None if _redirects(delivery.result) else _error_of(delivery)
    else:
        name, kind = f"send {destination.name}", SpanKind.PRODUCER
        system = KAFKA if version.queue is None else SQS
        attributes = _messaging(system, "send", "send", destination.name)
        error = _error_of(delivery)
    attributes["gateway.version"] = version.name
    attributes["gateway.reason"] = delivery.reason.value
    return Span(
        name,
        kind,
        trace.trace_id,
        delivery.span_id,
        trace.within(trace.span_id),
        (),
        delivery.began_ns,
        delivery.ended_ns,
        _with_error(attributes, error),
        error,
    )


def _dead_letter_span(trace: MessageTrace, copy: DeadLetter, system: str) -> Span:
    error = SpanError("not_sent", copy.error) if copy.error else None
    return Span(
        f"send {copy.queue}",
        SpanKind.PRODUCER,
        trace.trace_id,
        copy.span_id,
        trace.within(trace.span_id),
        (),
        copy.began_ns,
        copy.ended_ns,
        _with_error(_messaging(system, "send", "send", copy.queue), error),
        error,
    )


def _messaging(system: str, operation: str, kind: str, destination: str) -> dict[str, str | int]:
    return {
        "messaging.system": system,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind,
        "messaging.destination.name": destination,
    }


def _with_url(attributes: dict[str, str | int], names: SpanNames) -> dict[str, str | int]:
    if names.url:
        attributes["aws.sqs.queue.url"] = names.url
    return attributes


def _http(url: str, result: DeliveryResult | Exception | None) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {"http.request.method": "POST", "url.full": url}
    server = _SERVER.match(url)
    if server is not None:
        scheme, ip_v6, host, port = server.groups()
        attributes["server.address"] = ip_v6 or host
        attributes["server.port"] = int(port) if port else _DEFAULT_PORTS[scheme.lower()]
    if isinstance(result, Responded):
        attributes["http.response.status_code"] = result.status
    return attributes


def _with_error(attributes: dict[str, str | int], error: SpanError | None) -> dict[str, str | int]:
    if error is not None:
        attributes["error.type"] = error.type
    return attributes


def _redirects(result: DeliveryResult | Exception | None) -> bool:
    """Whether a response is no error of HTTP, though the gateway takes it for one."""
    return isinstance(result, Responded) and result.status < _FIRST_ERROR


def _error_of(delivery: Delivery) -> SpanError | None:
    result = delivery.result
    if result is None:
        return SpanError("cancelled", "the gateway gave the delivery up")
    if isinstance(result, Exception):
        return SpanError(type(result).__qualname__, f"a defect of the gateway: {result!r}")
    if isinstance(result, Accepted) or is_ack(result):
        return None
    return SpanError(_type_of(result), describe(result))


def _type_of(result: DeliveryResult) -> str:
    match result:
        case Responded(status):
            return str(status)
        case Refused(code):
            return code
        case TimedOut():
            return "timeout"
        case _:
            return type(result).__name__.lower()
