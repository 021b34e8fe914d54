"""Messages on their way to the queue of a version, alone and in a batch."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from gateway.core.delivery.forwarded import forward, forward_in
from gateway.core.messages.trace_context import with_xray_parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.delivery.disposition import DeliveryResult
    from gateway.core.delivery.forwarded import Forwarded
    from gateway.core.delivery.plan import DeliveryPlan
    from gateway.core.messages.message import Message
    from gateway.core.messages.trace_context import TraceContext


class Sends(Protocol):
    """What sends messages in batches: a queue target."""

    def send(self, sending: QueueSending) -> None:
        """Send with the next batch."""

    def cancel(self, sending: QueueSending) -> None:
        """Give a message up."""


class QueueSending:
    """A `Sending`: one message on its way. `deadline` is on the loop's clock."""

    __slots__ = (
        "_done",
        "_target",
        "attributes",
        "batch",
        "deadline",
        "ended",
        "message",
        "plan",
        "size",
        "stamped",
    )

    def __init__(
        self,
        target: Sends,
        plan: DeliveryPlan,
        message: Message,
        forwarded: Forwarded,
        done: Callable[[DeliveryResult], None],
    ) -> None:
        self._target = target
        self._done = done
        self.plan = plan
        self.message = message
        self.attributes = forwarded.attributes
        self.size = forwarded.size
        self.stamped = forwarded.stamped
        self.deadline = asyncio.get_running_loop().time() + plan.timeout_seconds
        self.batch: SendBatch | None = None
        self.ended = False

    @property
    def begun(self) -> bool:
        """Whether it may have been sent: it does not wait for long."""
        return True

    def cancel(self) -> None:
        """Give up: `done` is not called. A call that is under way may still send the message."""
        if not self.ended:
            self._target.cancel(self)

    def end(self, result: DeliveryResult | Exception) -> None:
        """Call `done`, the first time; an exception is a defect, which `done` takes too."""
        if not self.ended:
            self.ended = True
            self._done(cast("DeliveryResult", result))


class QueueSender:
    """A `Sender`: delivers the messages of one plan to a queue."""

    def __init__(self, target: Sends, plan: DeliveryPlan) -> None:
        self._target = target
        self._plan = plan

    def send(self, message: Message, done: Callable[[DeliveryResult], None]) -> QueueSending:
        """Deliver once, within the plan's timeout."""
        plan = self._plan
        forwarded = forward(message, plan.tag, plan.dialect.version_header)
        return self._send(QueueSending(self._target, plan, message, forwarded, done))

    def send_in(
        self, message: Message, context: TraceContext, done: Callable[[DeliveryResult], None]
    ) -> QueueSending:
        """Deliver as `send` does, in another trace context where there is room for it."""
        plan = self._plan
        forwarded = forward_in(message, plan.tag, plan.dialect.version_header, context)
        sent = with_xray_parent(message, context)
        return self._send(QueueSending(self._target, plan, sent, forwarded, done))

    def _send(self, sending: QueueSending) -> QueueSending:
        self._target.send(sending)
        return sending


class SendBatch:
    """Messages of one call, the oldest first."""

    __slots__ = ("deadline", "sendings", "task")

    def __init__(self, sendings: list[QueueSending]) -> None:
        self.sendings = sendings
        self.deadline = min(each.deadline for each in sendings)
        self.task: asyncio.Task[None] | None = None
        for each in sendings:
            each.batch = self

    def under_way(self) -> list[QueueSending]:
        """Return those without a result that were not given up."""
        return [each for each in self.sendings if not each.ended]

    def end_all(self, result: DeliveryResult | Exception) -> None:
        """Give all of them a result."""
        for each in self.sendings:
            each.end(result)

    def give_up(self) -> None:
        """Cancel the call where none of its messages is wanted any more."""
        if self.task is not None and not self.under_way():
            self.task.cancel()
