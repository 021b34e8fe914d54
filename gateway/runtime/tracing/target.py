"""Targets whose deliveries are noted, each in a context of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext
    from gateway.core.routing.version import Version
    from gateway.core.tracing.records import Delivery
    from gateway.ports import ContextSender, Sending, Target
    from gateway.runtime.tracing.route import RouteTracing


def traced_targets(
    make: Callable[[Version], Target], tracing: RouteTracing
) -> Callable[[Version], Target]:
    """Return what makes the same targets, with their deliveries noted."""
    return lambda version: TracedTarget(make(version), tracing, version)


class TracedTarget:
    """A Target whose deliveries of sampled messages are noted."""

    def __init__(self, target: Target, tracing: RouteTracing, version: Version) -> None:
        self._target = target
        self._tracing = tracing
        self._version = version

    def bind(self, plan: DeliveryPlan) -> TracedSender:
        """Return what sends the messages of a plan."""
        return TracedSender(self._target.bind(plan), self._tracing, self._version, plan)

    async def close(self) -> None:
        """Close the target."""
        await self._target.close()


class TracedSender:
    """A Sender that gives a sampled message the context of its delivery."""

    __slots__ = ("_held", "_plan", "_sender", "_tracing", "_version")

    def __init__(
        self, sender: ContextSender, tracing: RouteTracing, version: Version, plan: DeliveryPlan
    ) -> None:
        self._sender = sender
        self._tracing = tracing
        self._held = tracing.held
        self._version = version
        self._plan = plan

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> Sending:
        """Deliver once."""
        trace = self._held.get(message.message_id)
        if trace is None:
            return self._sender.send(message, done)
        tracing = self._tracing
        delivery = tracing.begin(trace, self._version, self._plan)
        context = trace.within(delivery.span_id)
        sending = self._sender.send_in(message, context, partial(tracing.end, delivery, done))
        tracing.decided(trace, message)
        return TracedSending(sending, delivery, tracing)

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> Sending:
        """Deliver in a context that another one has given; nothing is noted."""
        return self._sender.send_in(message, context, done)


class TracedSending:
    """A delivery under way that notes that it was cancelled."""

    __slots__ = ("_delivery", "_sending", "_tracing")

    def __init__(self, sending: Sending, delivery: Delivery, tracing: RouteTracing) -> None:
        self._sending = sending
        self._delivery = delivery
        self._tracing = tracing

    @property
    def begun(self) -> bool:
        """Whether something of it may have been sent."""
        return self._sending.begun

    def cancel(self) -> None:
        """Give up; `done` is not called."""
        self._delivery.ended_ns = self._tracing.now_ns()
        self._sending.cancel()
