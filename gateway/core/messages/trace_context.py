"""Trace contexts: the one that a message came with, and the one that it goes out with.

Sources: https://www.w3.org/TR/trace-context/ (`traceparent`, `tracestate`) and
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.core.messages.message import Attribute, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
SAMPLED: Final = 1
"""The bit of the flags that says so."""

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_NO_TRACE: Final = "0" * 32
_NO_SPAN: Final = "0" * 16
_INVALID_VERSION: Final = "ff"
_FIRST_VERSION: Final = "00"
_ROOT = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})\Z")
_PARENT = re.compile(r"[0-9a-fA-F]{16}\Z")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span, by lower-case hexadecimal ids; `span_id` is empty where X-Ray named a trace alone.

    `sampled` None: the sender left the decision open, as X-Ray can. `state` is `tracestate`.
    """

    trace_id: str
    span_id: str
    sampled: bool | None
    flags: int = SAMPLED
    state: str | None = None

    @property
    def traceparent(self) -> str:
        """The header of that name, of a sampled span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags | SAMPLED:02x}"


def context_of(message: Message) -> TraceContext | None:
    """Return the context a message came with; its `traceparent` wins over `AWSTraceHeader`."""
    if message.attributes:
        text = message.text(TRACEPARENT)
        found = None if text is None else parse_traceparent(text, message.text(TRACESTATE))
        if found is not None:
            return found
    header = message.trace_header
    return None if header is None else parse_xray(header)


def parse_traceparent(text: str, state: str | None = None) -> TraceContext | None:
    """Return what a `traceparent` says, None where it is invalid. Later versions may say more."""
    match = _TRACEPARENT.match(text)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == _INVALID_VERSION or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    if rest is not None and version == _FIRST_VERSION:
        return None
    bits = int(flags, 16)
    return TraceContext(trace_id, span_id, bool(bits & SAMPLED), bits, state or None)


def parse_xray(text: str) -> TraceContext | None:
    """Return what a tracing header of X-Ray says, None where it names no trace."""
    fields = _xray_fields(text)
    root = _ROOT.match(fields.get("Root", ""))
    if root is None:
        return None
    trace_id, parent = (root[1] + root[2]).lower(), fields.get("Parent", "")
    if trace_id == _NO_TRACE:
        return None
    span_id = parent.lower() if _PARENT.match(parent) and parent != _NO_SPAN else ""
    sampled = {"1": True, "0": False}.get(fields.get("Sampled", ""))
    return TraceContext(trace_id, span_id, sampled)


def in_context(message: Message, context: TraceContext) -> Message:
    """Return the message as if it had come with this context.

    A `tracestate` that does not belong to it is left out. X-Ray's header gets the span as its
    parent where it names the same trace.
    """
    return _with(message, context_attributes(message.attributes, context), context)


def with_xray_parent(message: Message, context: TraceContext) -> Message:
    """Return the message with X-Ray's header alone brought into this context."""
    return _with(message, message.attributes, context)


def context_attributes(
    attributes: Mapping[str, Attribute], context: TraceContext
) -> dict[str, Attribute]:
    """Return attributes with this context in place of the one that they had."""
    traceparent = Attribute("String", context.traceparent)
    made = {}
    replaced = False
    for name, attribute in attributes.items():
        folded = name.lower()
        if folded == TRACEPARENT:
            made[name] = traceparent
            replaced = True
        elif folded != TRACESTATE or context.state is not None:
            made[name] = attribute
    if not replaced:
        made[TRACEPARENT] = traceparent
    return made


def _with(message: Message, attributes: Mapping[str, Attribute], context: TraceContext) -> Message:
    header = message.trace_header
    return Message(
        message.message_id, message.body, message.receipt, attributes, message.group,
        message.deduplication_id, message.receive_count, message.sent_ms,
        message.first_received_ms, message.sender_id,
        None if header is None else _xray_in_context(header, context), message.counted,
    )  # fmt: skip


def _xray_in_context(header: str, context: TraceContext) -> str:
    found = parse_xray(header)
    if found is None or found.trace_id != context.trace_id:
        return header
    fields = {**_xray_fields(header), "Parent": context.span_id, "Sampled": "1"}
    return ";".join(f"{name}={value}" for name, value in fields.items())


def _xray_fields(text: str) -> dict[str, str]:
    fields = {}
    for field in text.split(";"):
        name, equals, value = field.strip().partition("=")
        if equals:
            fields[name] = value
    return fields
