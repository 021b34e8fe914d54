"""What is noted of a sampled message while it is in flight; its spans are made of it later.

Times are nanoseconds since the epoch, 0 where something has not ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.core.messages.trace_context import TraceContext

if TYPE_CHECKING:
    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.routing.decision import Reason
    from gateway.core.routing.version import Version


@dataclass(slots=True)
class Receive:
    """One receive that brought sampled messages; `links` are their contexts."""

    began_ns: int
    ended_ns: int
    messages: int
    links: list[TraceContext] = field(default_factory=list)
    has_span: bool = False


@dataclass(slots=True)
class Delivery:
    """One delivery of a message to a version. `result` None: it was cancelled, or is under way."""

    span_id: str
    version: Version
    reason: Reason
    began_ns: int
    ended_ns: int = 0
    result: DeliveryResult | Exception | None = None


@dataclass(slots=True)
class DeadLetter:
    """The copy of a message to its dead-letter queue; `error` is empty where SQS confirmed it."""

    span_id: str
    queue: str
    began_ns: int
    ended_ns: int
    error: str = ""


@dataclass(slots=True)
class MessageTrace:
    """A sampled message. `context` is what it came with, `span_id` that of its processing.

    `receipts` are those that it was received with. `settling`: its settlement was tried, and its
    spans were made.
    """

    message_id: str
    context: TraceContext | None
    trace_id: str
    span_id: str
    receive: Receive
    receipts: list[str]
    deliveries: list[Delivery] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    bucket: int | None = None
    settling: bool = False

    @property
    def parent(self) -> TraceContext | None:
        """The span that created the message, if it is known."""
        return self.context if self.context is not None and self.context.span_id else None

    @property
    def link(self) -> TraceContext:
        """What spans of several messages link: the creation, else the processing of this one."""
        return self.parent or self.within(self.span_id)

    def within(self, span_id: str) -> TraceContext:
        """Return the context of a span of this message's, as it goes out with it."""
        if self.context is None:
            return TraceContext(self.trace_id, span_id, sampled=True)
        return TraceContext(
            self.trace_id,
            span_id,
            sampled=True,
            flags=self.context.flags,
            state=self.context.state,
        )
